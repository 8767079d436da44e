"""Fixtures that tests of files and Hubs share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import standins
from hub.loopback import LoopbackHub
from zoo_core import publishing
from zoo_core.hub import retrying
from zoo_core.interfaces import late
from zoo_core.publishing import entry


@pytest.fixture(autouse=True)
def architectures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four small architectures in the registry's place."""
    monkeypatch.setattr(late, "architecture", standins.architecture)
    monkeypatch.setattr(publishing, "versions", standins.versions)
    monkeypatch.setattr(entry, "versions", standins.versions)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Caches of this test's own."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "zoo"))
    return tmp_path


@pytest.fixture
def hub(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    """A Hub on this machine, which the unmodified client is told to use; nobody is logged in."""
    from zoo_core.hub import client

    client.library()
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(home / "token"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(retrying, "FIRST_PAUSE", 0.001)
    with LoopbackHub() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.endpoint)
        yield server


@pytest.fixture
def writer(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> LoopbackHub:
    """The same Hub, with somebody logged in."""
    monkeypatch.setenv("HF_TOKEN", "hf_writer")
    return hub
