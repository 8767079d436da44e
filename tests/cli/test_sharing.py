"""zoo push and zoo pull, against a Hub on this machine."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result

from hub.fixtures import home, hub, writer
from hub.loopback import LoopbackHub
from loading.lab import Lab
from zoo_core.plugins import register_hooks, unregister_hooks

__all__ = ["home", "hub", "writer"]

Run = Callable[..., Result]
Saved = dict[str, str]


@pytest.fixture
def zoo(run: Run, writer: LoopbackHub, home: Path) -> Run:
    del writer, home
    return run


def test_what_is_pushed_is_pulled_and_gives_the_same_samples(zoo: Run, saved: Saved) -> None:
    done = zoo("push", saved["picture"], "somebody/pictures", "--private", "--tag", "v1")
    assert done.exit_code == 0, done.output
    ((name, entry),) = yaml.safe_load(done.stdout).items()
    assert name == "test/pictures" and len(entry["sources"]["hub"]["revision"]) == 40
    pulled = zoo("pull", "hf://somebody/pictures@v1")
    assert pulled.exit_code == 0, pulled.output
    folder = Path(pulled.stdout.strip())
    assert (folder / "model.safetensors").is_file()
    assert "@" + entry["sources"]["hub"]["revision"] in pulled.stderr
    args = ("--n", "3", "--seed", "0", "--out", "-")
    ours = zoo("sample", saved["picture"], *args).stdout
    assert zoo("sample", "hf://somebody/pictures@v1", *args).stdout == ours
    assert "hf://somebody/pictures" in zoo("cache").stdout


def test_both_print_json(zoo: Run, saved: Saved) -> None:
    pushed = json.loads(zoo("push", saved["plane"], "somebody/plane", "--json").stdout)
    assert pushed["pin"] == f"hf://somebody/plane@{pushed['commit']}"
    pulled = json.loads(zoo("pull", pushed["pin"], "--json").stdout)
    assert Path(pulled["files"]["config.json"]).is_file()
    assert pulled["pin"] == pushed["pin"]


def test_pushed_in_another_librarys_format(zoo: Run, saved: Saved) -> None:
    hooks = Lab()
    register_hooks(hooks)
    try:
        done = zoo("push", saved["plane"], "somebody/lab", "--format", "lab")
        assert done.exit_code == 0, done.output
        ((_, entry),) = yaml.safe_load(done.stdout).items()
        assert "weights/lab.safetensors" in entry["files"]
        pulled = zoo("pull", "hf://somebody/lab")
        assert (Path(pulled.stdout.strip()) / "weights" / "lab.safetensors").is_file()
        assert "in another library's format" in zoo("cache").stdout
        args = ("--n", "3", "--seed", "0", "--out", "-")
        theirs = zoo("sample", "hf://somebody/lab", *args).stdout
        assert theirs == zoo("sample", saved["plane"], *args).stdout
        done = zoo("push", saved["table"], "somebody/lab", "--format", "abc")
        assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
        assert "abc" in done.stderr
    finally:
        unregister_hooks(hooks)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["push", "PLANE", "nobody"], "owner/repo"),
        (["push", "PLANE", "somebody/x", "--tag", "../x"], "../x"),
        (["push", "./nothing", "somebody/x"], "./nothing"),
        (["pull", "hf://somebody/nothing"], "somebody/nothing"),
        (["pull", "core/nothing"], "core/nothing"),
    ],
)
def test_mistakes_are_one_line(zoo: Run, saved: Saved, args: list[str], says: str) -> None:
    done = zoo(*(saved["plane"] if arg == "PLANE" else arg for arg in args))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
    assert says.removeprefix("./") in done.stderr


def test_a_refused_push_is_one_line_without_the_token(
    run: Run, hub: LoopbackHub, saved: Saved
) -> None:
    done = run("push", saved["plane"], "somebody/plane")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert hub.endpoint in done.stderr and "hf_writer" not in done.stderr
