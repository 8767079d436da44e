from __future__ import annotations

import os
from pathlib import Path

import pytest

from registry.sites import MODEL, Site, registry_file
from zoo_core import plugins, registry
from zoo_core.errors import (
    PluginError,
    PluginMissingError,
    RegistryFileError,
    UnknownNameError,
)
from zoo_core.interfaces.generator import Generator

OWN = "models:\n" + MODEL.format("mine/one", "fam/arch-0", "a" * 64).replace(
    "bundled: models", "bundled: w"
)


@pytest.fixture
def family(site: Site) -> Path:
    """A plugin with four models that differ in what is searched for."""
    text = registry_file("fam", models=4)
    text = text.replace("dataset: digits", "dataset: moons", 1)
    text = text.replace(
        "tags: [image, unconditional]",
        "tags: [toy]\n    aliases: [fam/first]\n    requires: zoo-plugin-fam>=0.9",
        1,
    )
    text += "    status: deprecated\n"
    return site.plugin("fam", text)


def names(pattern: str = "fam/*", **wanted: object) -> list[str]:
    found = registry.list_models(pattern, **wanted)
    return [m.name.removeprefix("fam/model-") for m in found if m.distribution == "zoo-plugin-fam"]


def test_everything_is_listed_sorted(family: Path) -> None:
    assert names("*") == ["0", "1", "2", "3"]
    everything = [m.name for m in registry.list_models()]
    assert everything == sorted(everything)
    model = registry.list_models("fam/model-0")[0]
    assert (model.tags, model.aliases, model.dataset) == (("toy",), ("fam/first",), "moons")
    assert (model.parameters, model.status, model.installed) == (12345, "stable", True)
    assert registry.list_models("fam/model-3")[0].status == "deprecated"


def test_search(family: Path) -> None:
    assert names("*model-[12]") == ["1", "2"]
    assert names("FAM/first") == ["0"]
    assert names(tag="toy") == ["0"]
    assert names(dataset="digits") == ["1", "2", "3"]
    assert names(provides="DensityModel") == []
    assert names(provides="Generator") == names(provides=Generator) == ["0", "1", "2", "3"]
    assert names(installed=True) == names()
    assert names(installed=False) == []
    assert names("nothing/*") == []


def test_an_alias_resolves_to_the_model(family: Path) -> None:
    assert registry.find("fam/first").name == "fam/model-0"
    found = registry.info("fam/first")
    assert isinstance(found, registry.ModelInfo)
    assert found.name == "fam/model-0"
    assert Path(found.path) == family / "registry.yaml"
    lines = Path(found.path).read_text().splitlines()
    assert lines[found.line - 1] == "  fam/model-0:"


def test_find_gives_a_validated_entry(family: Path) -> None:
    found = registry.find("fam/model-0")
    assert found.entry.files["config.json"].size == 1
    assert found.entry.licenses.data == "CC-BY-4.0"
    assert found.bundled == family / "models" / "some"
    assert (found.distribution, found.version) == ("zoo-plugin-fam", "1.0")


def test_an_architecture_knows_its_models(family: Path) -> None:
    found = registry.info("fam/arch-0")
    assert isinstance(found, registry.ArchitectureInfo)
    assert found.models == tuple(f"fam/model-{i}" for i in range(4))
    assert found.target == "zoo_plugin_fam.models:Class0"


@pytest.mark.parametrize("name", ["fam/modle-1", "fma/model-1", "model-1", "Fam/Model-1"])
def test_a_mistyped_name_gets_the_closest(family: Path, name: str) -> None:
    assert "fam/model-1" in registry.closest(name)
    with pytest.raises(UnknownNameError, match=r"Did you mean .*fam/model-1"):
        registry.find(name)


def test_an_unknown_name_without_anything_close(family: Path) -> None:
    with pytest.raises(UnknownNameError, match="A folder is written with a slash or dot"):
        registry.find("zzzzzzzz")


def test_a_known_plugin_that_is_not_here(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    index = site.folder / "index.yaml"
    section = registry_file("far", 1).split("\n", 1)[1]
    index.write_text("schema: 1\nplugins:\n  - " + section.replace("\n", "\n    "))
    monkeypatch.setenv("ZOO_REGISTRY", str(index))
    (model,) = registry.list_models("far/*")
    assert (model.installed, model.install) == (False, "pip install zoo-plugin-far")
    with pytest.raises(PluginMissingError, match="Run: pip install zoo-plugin-far"):
        registry.find("far/model-0")
    with pytest.raises(PluginMissingError, match="Run: pip install zoo-plugin-far"):
        registry.find("far/not-in-the-index")
    site.plugin("far", registry_file("far", 2))
    assert [m.name for m in registry.list_models("far/*")] == ["far/model-0", "far/model-1"]


def test_a_model_that_needs_a_newer_plugin(site: Site, family: Path) -> None:
    path = family / "registry.yaml"
    path.write_text(path.read_text().replace("fam>=0.9", "fam>=3"))
    with pytest.raises(PluginError, match=r"pip install -U 'zoo-plugin-fam>=3'"):
        registry.find("fam/model-0")


def test_an_entry_that_breaks_the_schema_is_refused_when_it_is_used(family: Path) -> None:
    path = family / "registry.yaml"
    path.write_text(path.read_text().replace("weights: Apache-2.0", "weights: Apache 2", 1))
    assert names() == ["0", "1", "2", "3"]
    assert registry.find("fam/model-1")
    line = next(i for i, t in enumerate(path.read_text().splitlines(), 1) if "Apache 2," in t)
    with pytest.raises(RegistryFileError, match=rf"registry.yaml:{line}: licenses.weights: .*SPDX"):
        registry.find("fam/model-0")


def test_a_users_own_files(family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("schema: 1\n" + OWN)
    folder = tmp_path / "config" / "zoo" / "registry.d"
    folder.mkdir(parents=True)
    (folder / "more.yaml").write_text("schema: 1\n" + OWN.replace("mine/one", "mine/two"))
    (folder / "ignored.txt").write_text("nothing")
    monkeypatch.setenv("ZOO_REGISTRY", os.pathsep.join([str(own), str(own)]))
    found = registry.list_models("mine/*")
    assert [(m.name, m.distribution, m.installed) for m in found] == [
        ("mine/one", None, True),
        ("mine/two", None, True),
    ]
    assert registry.find("mine/one").bundled == tmp_path / "w" / "some"
    assert plugins.problems() == []


def test_a_users_file_never_stands_in_for_a_plugin(
    family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "own.yaml"
    text = OWN.replace("mine/one", "fam/model-0") + OWN.replace("models:\n", "").replace(
        "mine/one", "flows/x"
    )
    own.write_text("schema: 1\n" + text)
    monkeypatch.setenv("ZOO_REGISTRY", str(own))
    assert registry.find("fam/model-0").distribution == "zoo-plugin-fam"
    assert "flows/x" not in {m.name for m in registry.list_models()}
    assert "flows/x" not in registry.closest("flows/x")
    messages = [str(f) for f in registry.check() if f.path == str(own)]
    assert len(messages) == 2
    assert all("is a plugin's" in message for message in messages)


@pytest.mark.parametrize("content", [None, "schema: [", "schema: 1\nmodels: {x: {}}", "schema: 9"])
def test_a_bad_users_file_breaks_nothing_and_is_reported(
    family: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    own = tmp_path / "own.yaml"
    if content is not None:
        own.write_text(content)
    monkeypatch.setenv("ZOO_REGISTRY", str(own))
    assert names() == ["0", "1", "2", "3"]
    (problem,) = plugins.problems()
    assert "own.yaml" in problem.message or content == "schema: 9"
    assert any("own.yaml" in str(finding) for finding in registry.check())


def test_a_model_of_a_broken_plugin_says_why(site: Site) -> None:
    site.plugin("bad", "schema: [")
    with pytest.raises(PluginError, match=r"zoo-plugin-bad, which is broken.*not YAML"):
        registry.find("bad/model-0")
