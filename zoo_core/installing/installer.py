"""The program that installs: pip of the running interpreter, or uv where there is no pip."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from zoo_core.errors import InstallationError


@final
@dataclass(frozen=True)
class Options:
    """What is passed on: constraint files, where to look for wheels, and whether only there."""

    constraints: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    no_index: bool = False
    upgrade: bool = False

    def arguments(self) -> list[str]:
        """Give them as both programs take them."""
        found = [word for file in self.constraints for word in ("--constraint", file)]
        found += [word for place in self.find_links for word in ("--find-links", place)]
        found += ["--no-index"] * self.no_index
        return found + ["--upgrade"] * self.upgrade


@final
@dataclass(frozen=True)
class Installer:
    """A program's command up to the verb, and what it needs after one."""

    start: tuple[str, ...]
    target: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()

    @classmethod
    def found(cls) -> Installer:
        """Find the program. Raises InstallationError where there is neither pip nor uv."""
        if importlib.util.find_spec("pip") is not None:
            return cls((sys.executable, "-m", "pip"), unasked=("--yes",))
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
        if uv is None:
            raise InstallationError(
                "Installing needs pip or uv",
                received=f"neither in {sys.prefix}",
                remedy=f"Run: {sys.executable} -m ensurepip",
            )
        return cls((uv, "pip"), target=("--python", sys.executable))

    def install(self, requirements: Sequence[str], options: Options) -> list[str]:
        """Give the command that installs requirements."""
        return [*self.start, "install", *self.target, *options.arguments(), *requirements]

    def uninstall(self, distributions: Sequence[str]) -> list[str]:
        """Give the command that uninstalls distributions, which doesn't ask again."""
        return [*self.start, "uninstall", *self.target, *self.unasked, *distributions]


def run(command: Sequence[str]) -> int:
    """Run a command with this process's own input and output; give its exit status."""
    return subprocess.run(command, check=False).returncode
