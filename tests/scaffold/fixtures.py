"""Plugins made by the scaffold."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.sites import Site
from zoo_core.scaffold import DEFAULT_SUMMARY, License, PluginName, make_repository

Make = Callable[..., Path]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a plugin's repository in an empty folder."""

    def made(
        name: str = "zoo-plugin-mine",
        author: str = "Ada Lovelace",
        license: License = License.APACHE,
        summary: str = DEFAULT_SUMMARY,
    ) -> Path:
        parent = tmp_path / "made"
        parent.mkdir(exist_ok=True)
        return make_repository(
            PluginName.of(name), parent, author=author, license=license, summary=summary
        )

    return made


@pytest.fixture
def mine(make: Make, site: Site) -> Path:
    """A new zoo-plugin-mine, installed in a site of its own; give its package."""
    package = site.folder / "zoo_plugin_mine"
    shutil.copytree(make() / "src" / package.name, package)
    site.distribution("zoo-plugin-mine", "[zoo.plugins]\nmine = zoo_plugin_mine:registry.yaml\n")
    return package
