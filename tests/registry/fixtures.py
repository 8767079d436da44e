"""Fixtures of the tests of plugins, registry and hooks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.sites import Site


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A folder of made-up plugins at the head of sys.path, and a home of its own."""
    made = Site(tmp_path / "site")
    for name in ("ZOO_DISABLE", "ZOO_PLUGINS", "ZOO_REGISTRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("APPDATA", str(tmp_path / "config"))
    monkeypatch.syspath_prepend(str(made.folder))
    before = set(sys.modules)
    yield made
    for name in set(sys.modules) - before:
        if name.startswith("zoo_plugin_"):
            del sys.modules[name]
