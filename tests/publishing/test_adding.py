"""Entries of models on the Hub and of this machine, in files of plugins and of users."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

import zoo_core as zoo
from hub import standins
from hub.loopback import LoopbackHub
from registry.sites import Site, registry_file
from zoo_core import registry
from zoo_core.errors import (
    CheckpointError,
    OptionError,
    RegistryError,
    RegistryFileError,
    RepositoryNotFoundError,
)
from zoo_core.publishing import Card, Metric, Pushed
from zoo_core.publishing.adding import Outcome, Request, add_model, add_plugin
from zoo_core.publishing.description import Statement
from zoo_core.registry.publish import HEAD, THIRD_PARTY

LICENSES = {"weights": "Apache-2.0", "code": "Apache-2.0", "data": "CC0-1.0"}
METRIC = Metric("NLL", 1.5, n=9, kind="exact", split="test", protocol="mean over rows")
CARD = Card(summary="A Gaussian.", licenses=LICENSES, metrics=[METRIC], dataset="moons")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = standins.models()["gaussian"]
    return zoo.save(model, tmp_path / "runs" / "model", card=CARD)


def models_of(path: Path) -> dict[str, dict]:
    return yaml.safe_load(path.read_text())["models"]


def push(repo: str = "me/a-model", card: Card = CARD) -> Pushed:
    return zoo.push(standins.models()["gaussian"], repo, card=card)


def test_a_repository_gets_the_entry_that_push_prints(writer: LoopbackHub, package: Path) -> None:
    pushed = push()
    before = (package / "registry.yaml").read_text()
    added = add_model("hf://me/a-model", Request(), package)
    assert (added.name, added.outcome) == ("mine/a-model", Outcome.ADDED)
    (expected,) = yaml.safe_load(pushed.entry).values()
    assert models_of(added.path) == {"mine/a-model": expected}
    assert expected["sources"]["hub"] == {"repo": "me/a-model", "revision": pushed.commit}
    assert expected["metrics"] == [METRIC.fields()]
    text = added.path.read_text()
    assert text.startswith(before.partition("\n# The end")[0]) and text.endswith("\n# The end.\n")


def test_the_model_then_loads_by_name(writer: LoopbackHub, package: Path) -> None:
    push()
    add_model("me/a-model", Request(), package)
    model, ours = zoo.load("mine/a-model"), standins.models()["gaussian"]
    assert model.sample(3, rng=zoo.rng(0)).equal(ours.sample(3, rng=zoo.rng(0)))


def test_adding_again_changes_nothing_and_another_needs_to_be_asked_for(
    writer: LoopbackHub, package: Path
) -> None:
    push()
    path = add_model("me/a-model", Request(), package).path
    text = path.read_text()
    assert add_model("me/a-model", Request(), package).outcome is Outcome.SAME
    assert path.read_text() == text
    push(card=Card(summary="Another.", licenses=LICENSES))
    with pytest.raises(RegistryError, match="--replace"):
        add_model("me/a-model", Request(), package)
    assert path.read_text() == text
    added = add_model("me/a-model", Request(replace=True), package)
    assert (added.outcome, models_of(path)["mine/a-model"]["summary"]) == ("replaced", "Another.")


def test_what_a_person_has_decided_is_kept(writer: LoopbackHub, package: Path) -> None:
    push()
    path = add_model("me/a-model", Request(), package).path
    stable = "status: stable\n    aliases: [mine/old-name]"
    path.write_text(path.read_text().replace("status: experimental", stable))
    assert add_model("me/a-model", Request(), package).outcome is Outcome.SAME
    push(card=Card(summary="Another.", licenses=LICENSES))
    add_model("me/a-model", Request(replace=True), package)
    fields = models_of(path)["mine/a-model"]
    assert (fields["status"], fields["aliases"]) == ("stable", ["mine/old-name"])
    assert fields["summary"] == "Another."


def test_a_revision_is_pinned_by_its_commit(writer: LoopbackHub, package: Path) -> None:
    first = push().commit
    push(card=Card(summary="Another.", licenses=LICENSES))
    add_model(f"hf://me/a-model@{first}", Request(), package)
    fields = models_of(package / "registry.yaml")["mine/a-model"]
    assert (fields["sources"]["hub"]["revision"], fields["summary"]) == (first, "A Gaussian.")


def test_what_the_card_does_not_say_is_said_beside_it(writer: LoopbackHub, package: Path) -> None:
    push(card=Card(licenses={"weights": "MIT"}))
    path = package / "registry.yaml"
    before = path.read_text()
    with pytest.raises(RegistryFileError, match=r"licenses.code.*licenses.data.*--license"):
        add_model("me/a-model", Request(), package)
    assert path.read_text() == before
    statement = Statement("Mine.", {"code": "MIT", "data": "CC0-1.0"})
    add_model("me/a-model", Request(statement=statement), package)
    fields = models_of(path)["mine/a-model"]
    assert fields["licenses"] == {"weights": "MIT", "code": "MIT", "data": "CC0-1.0"}
    assert fields["summary"] == "Mine."


def test_a_folder_is_bundled(package: Path, folder: Path) -> None:
    add_model(str(folder), Request(name="mine/gauss"), package)
    fields = models_of(package / "registry.yaml")["mine/gauss"]
    assert fields["sources"] == {"bundled": "models/gauss"}
    (folder.parent / "model").rename(folder.parent / "elsewhere")
    assert (
        zoo.load("mine/gauss").log_prob(zoo.load("mine/gauss").sample(2, rng=zoo.rng(0)))
        is not None
    )
    names = {path.name for path in (package / "models" / "gauss").iterdir()}
    assert names == set(fields["files"])
    assert registry.check(package / "registry.yaml", files=True) == []


def test_a_folder_that_is_there_already_is_not_copied(package: Path) -> None:
    place = package / "weights" / "one"
    zoo.save(standins.models()["gaussian"], place, card=CARD)
    (place / "notes.txt").write_text("a person's")
    added = add_model(str(place), Request(), package)
    fields = models_of(added.path)["mine/one"]
    assert fields["sources"] == {"bundled": "weights/one"}
    assert "notes.txt" not in fields["files"]
    assert not (package / "models").exists()


def test_a_bundle_is_replaced_when_it_is_asked_for(package: Path, folder: Path) -> None:
    add_model(str(folder), Request(name="mine/gauss"), package)
    zoo.save(zoo.load(folder).double(), folder, card=CARD)
    with pytest.raises(RegistryError, match="--replace"):
        add_model(str(folder), Request(name="mine/gauss"), package)
    assert registry.check(package / "registry.yaml", files=True) == []
    added = add_model(str(folder), Request(name="mine/gauss", replace=True), package)
    assert added.outcome is Outcome.REPLACED
    assert registry.check(package / "registry.yaml", files=True) == []
    assert zoo.load("mine/gauss").dtype == torch.float64


def test_files_of_something_else_are_not_written_over(package: Path, folder: Path) -> None:
    place = package / "models" / "gauss"
    place.mkdir(parents=True)
    (place / "thesis.tex").write_text("mine")
    for replace in (False, True):
        with pytest.raises(CheckpointError):
            add_model(str(folder), Request(name="mine/gauss", replace=replace), package)
    assert [path.name for path in place.iterdir()] == ["thesis.tex"]
    assert "models:" not in (package / "registry.yaml").read_text()


def test_a_dry_run_writes_nothing(package: Path, folder: Path) -> None:
    before = (package / "registry.yaml").read_text()
    added = add_model(str(folder), Request(dry_run=True), package)
    assert (added.name, added.outcome) == ("mine/model", Outcome.ADDED)
    assert (package / "registry.yaml").read_text() == before
    assert not (package / "models").exists()


def test_a_users_own_file(writer: LoopbackHub, site: Site, tmp_path: Path) -> None:
    push()
    added = add_model("me/a-model", Request(), tmp_path)
    assert added.path == tmp_path / "config" / "zoo" / "registry.d" / "own.yaml"
    assert added.name == "me/a-model"
    assert zoo.info("me/a-model").path == str(added.path)


def test_the_users_file_that_the_environment_names(
    folder: Path, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_REGISTRY", str(tmp_path / "named.yaml"))
    assert add_model(str(folder), Request(name="me/x"), tmp_path).path == tmp_path / "named.yaml"


def test_names_that_cannot_stand_in_a_file(package: Path, folder: Path, tmp_path: Path) -> None:
    def add(name: str | None, to: Path) -> None:
        add_model(str(folder), Request(name=name, to=to), package)

    own, plugins = tmp_path / "own.yaml", package / "registry.yaml"
    with pytest.raises(OptionError, match="begin with mine/"):
        add("other/x", plugins)
    with pytest.raises(OptionError, match="no plugin's namespace"):
        add("mine/x", own)
    with pytest.raises(OptionError, match="no plugin's namespace"):
        add("flows/x", own)
    with pytest.raises(OptionError, match="--name mine/thing"):
        add(None, own)
    with pytest.raises(OptionError, match="lower-case"):
        add("Mine/X", plugins)
    assert not own.exists()


def test_sources_that_are_none(writer: LoopbackHub, package: Path, monkeypatch) -> None:
    with pytest.raises(RepositoryNotFoundError):
        add_model("me/nothing", Request(), package)
    monkeypatch.chdir(package.parent)
    with pytest.raises(OptionError, match=r"write \./zoo_plugin_mine"):
        add_model("zoo_plugin_mine", Request(), package)


def test_the_nearest_file_is_that_of_the_repository(
    folder: Path, site: Site, tmp_path: Path
) -> None:
    repository = tmp_path / "zoo-plugin-far"
    source = repository / "src" / "zoo_plugin_far"
    (repository / "tests" / "deep").mkdir(parents=True)
    source.mkdir(parents=True)
    (repository / "pyproject.toml").write_text("")
    (source / "registry.yaml").write_text(registry_file("far"))
    for place in (repository, repository / "tests" / "deep", source):
        added = add_model(str(folder), Request(dry_run=True), place)
        assert added.path == source / "registry.yaml"
    other = repository / "src" / "zoo_plugin_other"
    other.mkdir()
    (other / "registry.yaml").write_text(registry_file("other"))
    with pytest.raises(OptionError, match="One registry file is meant"):
        add_model(str(folder), Request(dry_run=True), repository)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    path = tmp_path / "clone" / "registry.yaml"
    path.parent.mkdir()
    path.write_text(f"{HEAD}\n{THIRD_PARTY}".replace("plugins:\n", "plugins:\n"))
    return path


def test_a_plugins_section(package: Path, site: Site, index: Path) -> None:
    site.plugin("b", registry_file("b", 2))
    index.write_text(HEAD.replace("plugins:", "plugins: []"))
    add_plugin("zoo-plugin-mine", Request(), index.parent)
    added = add_plugin("b", Request(), index.parent)
    assert (added.name, added.path, added.outcome) == ("zoo-plugin-b", index, Outcome.ADDED)
    data = yaml.safe_load(index.read_text())
    assert [item["plugin"]["namespace"] for item in data["plugins"]] == ["b", "mine"]
    assert add_plugin("b", Request(), index.parent).outcome is Outcome.SAME
    path = site.folder / "zoo_plugin_b" / "registry.yaml"
    path.write_text(registry_file("b", 3))
    assert add_plugin("b", Request(), index.parent).outcome is Outcome.REPLACED
    assert "b/model-2" in index.read_text()
    assert registry.check(index) == []
