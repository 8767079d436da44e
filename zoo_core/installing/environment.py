"""The environment of the running interpreter, and whether it is the user's to change."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import final

from zoo_core.errors import InstallationError
from zoo_core.plugins import installed

_MANAGED = "EXTERNALLY-MANAGED"
_CORE = "zoo-core"


@final
class Action(StrEnum):
    """What is done to an environment."""

    INSTALL = "install"
    UNINSTALL = "uninstall"


@final
@dataclass(frozen=True)
class Environment:
    """An environment by its folders: of itself, its interpreter's, standard library, packages."""

    prefix: Path
    base: Path
    stdlib: Path
    packages: Path

    @classmethod
    def here(cls) -> Environment:
        """Give the environment of the running interpreter."""
        folders = sysconfig.get_path("stdlib"), sysconfig.get_path("purelib")
        return cls(*map(Path, (sys.prefix, sys.base_prefix, *folders)))

    def check(self, action: Action, distributions: Sequence[str]) -> None:
        """Raise InstallationError, with what to run instead, where another tool owns it."""
        names = " ".join(distributions)
        if (self.prefix / "uv-receipt.toml").is_file():
            raise self._foreign("made by `uv tool install`", _uv_tool(action, distributions))
        if (self.prefix / "pipx_metadata.json").is_file():
            verb = "inject" if action is Action.INSTALL else "uninject"
            raise self._foreign("made by pipx", f"pipx {verb} {self.prefix.name} {names}")
        inside = f"{_CORE} {names}" if action is Action.INSTALL else _CORE
        new = f"python3 -m venv zoo-env && zoo-env/bin/python -m pip install {inside}"
        if self.prefix == self.base and (self.stdlib / _MANAGED).is_file():
            raise self._foreign(f"managed by the system ({self.stdlib / _MANAGED})", new)
        if not os.access(self.packages, os.W_OK):
            raise self._foreign(f"not yours to write ({self.packages})", new)

    def remarks(self) -> list[str]:
        """Say what is worth knowing before it is changed."""
        if (self.prefix / "conda-meta").is_dir():
            return [
                f"{self.prefix} is conda's; what is installed here beside conda's own packages may "
                "be broken by its next update. Let conda install torch and numpy first."
            ]
        return []

    def _foreign(self, why: str, instead: str) -> InstallationError:
        return InstallationError(
            f"Plugins are installed into an environment that is yours, and {self.prefix} is {why}",
            remedy=f"Run instead: {instead}",
        )


def _uv_tool(action: Action, distributions: Sequence[str]) -> str:
    """Give the command that makes the tool's environment anew, with the plugins that it has."""
    kept = {plugin.distribution for plugin in installed()} - {_CORE} - set(distributions)
    wanted = kept | set(distributions) if action is Action.INSTALL else kept
    return " ".join([f"uv tool install {_CORE}", *(f"--with {name}" for name in sorted(wanted))])
