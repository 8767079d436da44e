"""A user's own registry files: ZOO_REGISTRY, and `registry.d` in the configuration folder."""

from __future__ import annotations

import os

from zoo_core.plugins.folders import config_folder


def user_folder() -> str:
    """Give the folder whose registry files are the user's."""
    return os.path.join(config_folder(), "registry.d")


def user_files() -> list[str]:
    """List the user's registry files, those of ZOO_REGISTRY first; each may be missing."""
    named = os.environ.get("ZOO_REGISTRY", "").split(os.pathsep)
    found = [os.path.abspath(os.path.expanduser(path)) for path in named if path]
    folder = user_folder()
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        names = []
    found += [os.path.join(folder, name) for name in names if name.endswith(".yaml")]
    return list(dict.fromkeys(found))
