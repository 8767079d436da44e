"""Registry files against a Hub on this machine and a package index that is a folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import zoo_core as zoo
from hub import standins
from hub.loopback import LoopbackHub
from publishing.wheels import wheel
from registry.sites import HEADER, registry_file
from zoo_core.errors import OptionError, PluginError, RegistryFileError
from zoo_core.plugins import Level
from zoo_core.publishing import Card, online_checking
from zoo_core.publishing.adding import Outcome, Request, add_model, add_plugin
from zoo_core.publishing.online_checking import check_online
from zoo_core.publishing.package_index import released
from zoo_core.publishing.sections import section_in_wheel
from zoo_core.registry.publish import HEAD, THIRD_PARTY

LICENSES = {"weights": "Apache-2.0", "code": "Apache-2.0", "data": "CC0-1.0"}


@pytest.fixture
def file(writer: LoopbackHub, package: Path, wheels: Path) -> Path:
    """The registry file of a plugin with a model on the Hub; its `requires` is released."""
    zoo.push(standins.models()["gaussian"], "me/a-model", card=Card(licenses=LICENSES))
    path = add_model("me/a-model", Request(), package).path
    wheel(wheels, "test", registry_file("test"))
    wheel(wheels, "mine", path.read_text())
    return path


def told(path: Path) -> list[str]:
    marks = {Level.ERROR: "", Level.WARNING: "warning: "}
    return [f"{marks[f.level]}{f.message}" for f in check_online(path)]


@pytest.fixture
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the runs of pip where the Hub is what is asked."""

    def refuse(requirement: str, folder: Path) -> Path:
        raise PluginError("Nothing is released here")

    monkeypatch.setattr(online_checking, "released", refuse)


UNLISTED = "warning: the public index doesn't know zoo-plugin-mine."


def test_what_is_published_as_it_is_written(file: Path) -> None:
    assert told(file) == [UNLISTED]


def line_of(path: Path, text: str) -> int:
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def test_files_that_the_hub_has_otherwise(file: Path, no_index: None) -> None:
    fields = yaml.safe_load(file.read_text())["models"]["mine/a-model"]["files"]
    small, large = fields["config.json"]["sha256"], fields["model.safetensors"]["sha256"]
    text = file.read_text().replace(small, "0" * 64).replace(large, "1" * 64)
    size = fields["zoo_manifest.json"]["size"]
    file.write_text(text.replace(f"size: {size}", f"size: {size + 1}"))
    found = [f for f in check_online(file) if f.level is Level.ERROR]
    assert [(f.line, f.message.partition(" of hf://")[0]) for f in found] == [
        (line_of(file, f"{name}:"), f"mine/a-model: {name}")
        for name in ("config.json", "model.safetensors", "zoo_manifest.json")
    ]
    assert found[0].message.endswith(f"has the sha256 {small}.")
    assert found[1].message.endswith(f"has the sha256 {large}.")
    assert found[2].message.endswith(f"has {size} bytes, not {size + 1}.")


def test_a_repository_or_a_file_that_is_gone(
    file: Path, writer: LoopbackHub, no_index: None
) -> None:
    repository = writer.repositories["me/a-model"]
    del repository.commits[repository.branches["main"]]["README.md"]
    assert any("README.md" in message and "is not there" in message for message in told(file))
    del writer.repositories["me/a-model"]
    (message, *_) = told(file)
    assert message.startswith("mine/a-model: hf://me/a-model@")


def test_a_plugin_that_is_not_released_yet_is_warned_of(file: Path, wheels: Path) -> None:
    for path in wheels.glob("*mine*"):
        path.unlink()
    listed, message = told(file)
    assert listed == UNLISTED
    assert message.startswith("warning: no wheel of it is on the package index: No matching distr")


def test_a_requirement_that_is_not_released(file: Path, wheels: Path) -> None:
    for path in wheels.glob("*test*"):
        path.unlink()
    wheel(wheels, "test", registry_file("test"), "0.9")
    assert any("mine/a-model: zoo-plugin-test>=1.0 is not on" in message for message in told(file))


@pytest.fixture
def index(file: Path, tmp_path: Path) -> Path:
    path = tmp_path / "clone" / "registry.yaml"
    path.parent.mkdir()
    first = (
        HEADER.format("first")
        .replace("schema: 1\nplugin", "\n  - plugin")
        .replace("\n  ", "\n      ")
    )
    path.write_text(f"{HEAD}{first.replace('      - plugin', '  - plugin')}\n{THIRD_PARTY}")
    add_plugin("mine", Request(), path.parent)
    return path


def test_a_section_is_that_of_the_released_wheel(index: Path, file: Path, wheels: Path) -> None:
    assert told(index) == []
    text = index.read_text().replace("The mine plugin", "Not what was released")
    index.write_text(text)
    (finding,) = check_online(index)
    assert finding.level is Level.ERROR
    assert "is not the one in zoo_plugin_mine-1.0-py3-none-any.whl" in finding.message
    wheel(
        wheels, "mine", file.read_text().replace("The mine plugin", "Not what was released"), "1.1"
    )
    assert told(index) == []


def test_an_index_needs_releases(index: Path, wheels: Path) -> None:
    for path in wheels.glob("*mine*"):
        path.unlink()
    (finding,) = check_online(index)
    assert finding.level is Level.ERROR
    assert finding.line == line_of(index, "distribution: zoo-plugin-mine")


def test_a_wheels_section_is_added(index: Path, wheels: Path) -> None:
    path = wheel(wheels, "other", registry_file("other", 2))
    added = add_plugin(str(path), Request(), index.parent)
    assert (added.name, added.outcome) == ("zoo-plugin-other", Outcome.ADDED)
    data = yaml.safe_load(index.read_text())
    assert [s["plugin"]["namespace"] for s in data["plugins"]] == ["first", "mine", "other"]


def test_wheels_that_hold_no_plugin(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"x\.whl"):
        section_in_wheel(tmp_path / "x.whl")
    path = wheel(tmp_path, "a", registry_file("a"), entry_points="[console_scripts]\nx = a:b\n")
    with pytest.raises(OptionError, match="one entry point"):
        section_in_wheel(path)
    path = wheel(tmp_path, "a", "schema: 1\n")
    with pytest.raises(RegistryFileError, match="has `plugin`"):
        section_in_wheel(path)
    path = wheel(tmp_path, "a", "", entry_points="[zoo.plugins]\na = zoo_plugin_a:nothing.yaml\n")
    with pytest.raises(OptionError, match=r"nothing\.yaml"):
        section_in_wheel(path)


@pytest.mark.parametrize(
    "text",
    [
        "--index-url=http://127.0.0.1",
        "x @ http://127.0.0.1/x.whl",
        "../x.whl",
        "x; python_version<'4'",
    ],
)
def test_nothing_but_a_name_reaches_pip(tmp_path: Path, text: str, monkeypatch) -> None:
    monkeypatch.setattr("subprocess.run", None)
    with pytest.raises(PluginError, match="a name with versions"):
        released(text, tmp_path)
