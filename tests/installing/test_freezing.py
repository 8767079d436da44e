"""Pins of the installed plugins, written and read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry.sites import Site
from zoo_core.errors import InstallationError, ZooError
from zoo_core.installing import frozen, pins


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    site = Site(tmp_path / "site")
    site.plugin("birds")
    site.plugin("broken", "schema: [")
    monkeypatch.syspath_prepend(site.folder)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    return site


def test_plugins_are_pinned_whatever_their_state(site: Site) -> None:
    lines = frozen().splitlines()
    assert lines[0].startswith("# ") and lines[1].startswith("# ")
    assert {"zoo-plugin-birds==1.0", "zoo-plugin-broken==1.0"} <= set(lines)
    assert not [line for line in lines if line.startswith("zoo-core")]


@pytest.mark.parametrize(
    ("origin", "told"),
    [
        ({"url": "file:///work/birds", "dir_info": {"editable": True}}, "an editable installation"),
        ({"url": "file:///work/birds", "dir_info": {}}, "installed from file:///work/birds"),
        ({"url": "https://host/birds.git", "vcs_info": {}}, "installed from https://host/birds"),
    ],
)
def test_what_a_version_does_not_pin_is_a_comment(
    site: Site, origin: dict[str, object], told: str
) -> None:
    (info,) = site.folder.glob("zoo_plugin_birds*.dist-info")
    (info / "direct_url.json").write_text(json.dumps(origin), encoding="utf-8")
    (line,) = [line for line in frozen().splitlines() if "zoo-plugin-birds" in line]
    assert line.startswith("# ") and told in line and "1.0" in line


def test_what_was_frozen_is_read(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "plugins.txt"
    path.write_text(frozen(), encoding="utf-8")
    read = {one.distribution: one.argument for one in pins(path)}
    assert read["zoo-plugin-birds"] == "zoo-plugin-birds==1.0"
    path.write_text("\n  zoo-plugin-birds == 2.0  # the last\n", encoding="utf-8")
    assert [one.argument for one in pins(path)] == ["zoo-plugin-birds==2.0"]


@pytest.mark.parametrize(
    "line",
    [
        "zoo-plugin-birds",
        "zoo-plugin-birds>=1",
        "zoo-plugin-birds==1.*",
        "zoo-plugin-birds==1,!=1.1",
        "zoo-plugin-birds==1; python_version > '3'",
        "zoo-plugin-birds @ https://host/birds.whl",
        "zoo-plugin-birds==1 --hash=sha256:00",
        "--index-url https://host/simple",
        "-r more.txt",
        "./birds.whl",
        "zoo-core==0.1.0",
        "requests==2.0",
    ],
)
def test_another_line_is_refused(line: str, tmp_path: Path) -> None:
    path = tmp_path / "plugins.txt"
    path.write_text(f"zoo-plugin-birds==1.0\n{line}\n", encoding="utf-8")
    with pytest.raises(ZooError):
        pins(path)


def test_the_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "plugins.txt"
    path.write_text("zoo-plugin-birds==1.0\n-e .\n", encoding="utf-8")
    with pytest.raises(InstallationError, match=r"plugins\.txt:2"):
        pins(path)
    path.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(InstallationError, match="no pin"):
        pins(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(InstallationError, match="text file"):
        pins(path)
