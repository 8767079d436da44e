"""Tiny models in transformers' own format, and a Hub on this machine that serves them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hub.fixtures import home, hub, writer
from hub.loopback import LoopbackHub
from models import native

__all__ = ["home", "hub", "writer"]


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Give the folder of a tiny model by its name in `models.native`; it is saved once."""
    folders: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in folders:
            folders[name] = getattr(native, name)(tmp_path_factory.mktemp(name))
        return folders[name]

    return folder


@pytest.fixture
def serve(hub: LoopbackHub, saved: Callable[[str], Path]) -> Callable[[str], str]:
    """Serve a tiny model on the Hub; gives its pinned reference."""

    def reference(name: str) -> str:
        repository = hub.repository(f"somebody/tiny-{name}")
        commit = repository.put({p.name: p.read_bytes() for p in saved(name).iterdir()})
        return f"hf://somebody/tiny-{name}@{commit}"

    return reference
