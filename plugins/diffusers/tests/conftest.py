"""Tiny pipelines in diffusers' own format, and a Hub on this machine that serves them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.fixtures import home, hub, writer
from hub.loopback import LoopbackHub
from models import film_pipelines, native_pipelines, prompted_pipelines, sound_pipelines
from zoo_core.interfaces.randomness import seeded_initialisers
from zoo_plugin_diffusers.silence import silenced

__all__ = ["home", "hub", "writer"]

_MAKERS = (native_pipelines, prompted_pipelines, sound_pipelines, film_pipelines)


def _made(name: str) -> Any:
    """Make a tiny pipeline by the name of its function in one of the modules."""
    return next(vars(module)[name]() for module in _MAKERS if name in vars(module))


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the folder of a tiny pipeline by its name, saved once."""
    folders: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in folders:
            folders[name] = tmp_path_factory.mktemp(name)
            with silenced(), seeded_initialisers(0):
                _made(name).save_pretrained(folders[name])
        return folders[name]

    return folder


@pytest.fixture(scope="session")
def pipelines() -> Callable[[str], Any]:
    """Give a quiet pipeline by its name, made once, to be kept."""
    made: dict[str, Any] = {}

    def pipeline(name: str) -> Any:
        if name not in made:
            with silenced(), seeded_initialisers(0):
                made[name] = _made(name)
            made[name].set_progress_bar_config(disable=True)
        return made[name]

    return pipeline


@pytest.fixture
def copied(saved: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    """Give a copy of such a folder, to be spoilt."""
    return lambda name: Path(shutil.copytree(saved(name), tmp_path / f"copied-{name}"))


@pytest.fixture
def serve(hub: LoopbackHub, saved: Callable[[str], Path]) -> Callable[[str], str]:
    """Serve a tiny pipeline on the Hub; gives its pinned reference."""

    def reference(name: str) -> str:
        folder = saved(name)
        inside = [path for path in folder.rglob("*") if path.is_file()]
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in inside}
        commit = hub.repository(f"somebody/tiny-{name}").put(files)
        return f"hf://somebody/tiny-{name}@{commit}"

    return reference
