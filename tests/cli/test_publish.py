"""zoo publish, as it is typed, against a Hub on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result

from hub.fixtures import home, hub, writer
from hub.loopback import LoopbackHub
from registry.sites import HEADER

__all__ = ["home", "hub", "writer"]

Run = Callable[..., Result]
Saved = dict[str, str]


@pytest.fixture
def plugin(run: Run, saved: Saved, home: Path) -> Path:
    """A plugin's repository, which is the current folder; its file has two bundled models."""
    Path("pyproject.toml").write_text("")
    path = Path.cwd() / "zoo_plugin_mine" / "registry.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(HEADER.format("mine"))
    licenses = [f"--license={what}=MIT" for what in ("weights", "code", "data")]
    for name in ("plane", "picture"):
        assert run("registry", "add", saved[name], *licenses).exit_code == 0
    return path


def test_models_are_published_and_pinned(run: Run, writer: LoopbackHub, plugin: Path) -> None:
    done = run("publish", "--owner", "me", "--dry-run")
    assert (done.exit_code, writer.requests) == (0, []), done.output
    assert done.stdout.splitlines()[1] == "mine/plane\tto be uploaded\thf://me/plane"
    done = run("publish", ".", "--owner", "me", "--only", "pla*")
    assert done.exit_code == 0, done.output
    models = yaml.safe_load(plugin.read_text())["models"]
    revision = models["mine/plane"]["sources"]["hub"]["revision"]
    assert done.stdout == f"mine/plane\tuploaded\thf://me/plane@{revision}\n"
    assert "hub" not in models["mine/picture"]["sources"]
    again = json.loads(run("publish", str(plugin.parent), "--owner", "me", "--json").stdout)
    assert [(p["name"], p["step"]) for p in again] == [
        ("mine/picture", "uploaded"),
        ("mine/plane", "there already"),
    ]


def test_without_a_token_it_is_one_line(run: Run, hub: LoopbackHub, plugin: Path) -> None:
    done = run("publish", "--owner", "me")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "no token sent" in done.stderr and "hf auth login" in done.stderr


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ([], "--owner"),
        (["nowhere", "--owner", "me"], "nowhere"),
        (["--owner", "me", "--only", "x*"], "x*"),
        (["--owner", "a/b"], "owner/repo"),
    ],
)
def test_mistakes_are_one_line(
    run: Run, writer: LoopbackHub, plugin: Path, args: list[str], says: str
) -> None:
    done = run("publish", *args)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
    assert says in done.stderr


def test_an_installed_copy_is_not_pinned(run: Run, plugin: Path, monkeypatch, tmp_path) -> None:
    place = tmp_path / "site-packages"
    package = place / "zoo_plugin_mine"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "registry.yaml").write_text(plugin.read_text())
    info = place / "zoo_plugin_mine-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[zoo.plugins]\nmine = zoo_plugin_mine:registry.yaml\n")
    monkeypatch.syspath_prepend(str(place))
    done = run("publish", "mine", "--owner", "me")
    assert done.exit_code == 2
    assert "installed copy" in done.stderr
