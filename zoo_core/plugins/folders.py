"""Where the zoo keeps what it can make again, and where a user keeps registry files."""

from __future__ import annotations

import os
import sys


def cache_folder() -> str:
    """Give the zoo's cache folder: ZOO_HOME, else the platform's cache folder + "zoo"."""
    home = os.environ.get("ZOO_HOME")
    if home:
        return os.path.abspath(os.path.expanduser(home))
    return os.path.join(_base("XDG_CACHE_HOME", "LOCALAPPDATA", ".cache"), "zoo")


def config_folder() -> str:
    """Give the folder of the user's settings: the platform's configuration folder + "zoo"."""
    return os.path.join(_base("XDG_CONFIG_HOME", "APPDATA", ".config"), "zoo")


def _base(variable: str, windows_variable: str, name: str) -> str:
    folder = os.environ.get(variable)
    if not folder and sys.platform == "win32":
        folder = os.environ.get(windows_variable)
    return folder or os.path.join(os.path.expanduser("~"), name)
