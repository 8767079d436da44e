"""Fixtures of these tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hub.fixtures import architectures, home, hub, writer
from registry.fixtures import site
from registry.sites import HEADER, Site

__all__ = ["architectures", "home", "hub", "site", "writer"]


@pytest.fixture
def package(site: Site) -> Path:
    """The package of a plugin, `mine`, that is installed from its source and has no models."""
    site.plugin("test")
    return site.plugin("mine", "# My models.\n" + HEADER.format("mine") + "\n# The end.\n")


@pytest.fixture(autouse=True)
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that is pip's only index."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder
