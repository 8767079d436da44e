from __future__ import annotations

import pytest

from models.gaussian import Gaussian
from registry.sites import HEADER, Site, registry_file
from zoo_core import registry
from zoo_core.errors import DefinitionError, PluginError, PluginMissingError, UnknownNameError
from zoo_core.interfaces.model import Model
from zoo_core.registry.architectures import resolve

CLASS = """
from models.gaussian import Gaussian

class Class0(Gaussian):
    architecture = "good/arch-0"
"""


def good(site: Site, models: str = CLASS, provides: str = "[Generator, DensityModel]") -> None:
    text = registry_file("good").replace("[Generator]", provides)
    site.plugin("good", text, models=models)


def test_a_class_is_imported_when_its_name_is_resolved(site: Site) -> None:
    good(site)
    found = resolve("good/arch-0")
    assert found.__name__ == "Class0"
    assert resolve("good/arch-0") is found


def test_the_cores_own_architectures() -> None:
    model = registry.create("core/label", seed=1, classes=3)
    assert model.architecture == "core/label"


BAD = {
    "a syntax error": ("def (:\n", "syntax error in .*models.py:1"),
    "a missing package": ("import not_there.x\n", "needs the package not_there"),
    "an exception": ("1 / 0\n", "ZeroDivisionError"),
    "an exit": ("raise SystemExit(1)\n", "SystemExit"),
    "no such class": ("", "says that zoo_plugin_good.models:Class0 exists"),
    "no class": ("Class0 = 3\n", "is a model class"),
    "another class": ("class Class0: pass\n", "is a model class"),
    "another name": (CLASS.replace("good/arch-0", "good/arch-1"), "architecture = 'good/arch-1'"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_class_is_an_error_that_names_the_distribution(site: Site, name: str) -> None:
    models, cause = BAD[name]
    good(site, models)
    assert registry.list_architectures("good/*")[0].installed
    with pytest.raises(PluginError, match=cause) as caught:
        resolve("good/arch-0")
    assert "zoo-plugin-good" in str(caught.value)


@pytest.mark.parametrize("provides", ["[Generator]", "[Generator, DensityModel, Conditioner]"])
def test_claims_must_agree_with_the_class(site: Site, provides: str) -> None:
    good(site, provides=provides)
    with pytest.raises(PluginError, match="which provides DensityModel, Generator"):
        resolve("good/arch-0")


def test_unknown_and_missing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    good(site)
    with pytest.raises(UnknownNameError, match="Did you mean good/arch-0"):
        resolve("good/arch-9")
    section = HEADER.format("far").split("\n", 1)[1].replace("\n", "\n    ")
    index = site.folder / "index.yaml"
    index.write_text("schema: 1\nplugins:\n  - " + section)
    monkeypatch.setenv("ZOO_REGISTRY", str(index))
    with pytest.raises(PluginMissingError, match="pip install zoo-plugin-far"):
        resolve("far/arch-0")


def test_registering_for_this_process(site: Site) -> None:
    def define() -> type[Model]:
        @registry.register
        class Mine(Gaussian):
            """My own."""

            architecture = "mine/gaussian"

        return Mine

    first, second = define(), define()
    try:
        assert resolve("mine/gaussian") is second is not first
        found = registry.info("mine/gaussian")
        assert isinstance(found, registry.ArchitectureInfo)
        assert (found.summary, found.installed) == ("My own.", True)
        assert "mine/gaussian" in {a.name for a in registry.list_architectures("mine/*")}
        # Other tests register theirs for this process too.
        assert registry.closest("mine/gausian")[0] == "mine/gaussian"
    finally:
        registry.forget("mine/gaussian")
    with pytest.raises(UnknownNameError):
        resolve("mine/gaussian")


@pytest.mark.parametrize("name", ["", "gaussian", "Mine/Gaussian", "a/b/c"])
def test_a_registered_class_has_a_name(name: str) -> None:
    nameless = type("Nameless", (Gaussian,), {"architecture": name})
    with pytest.raises(DefinitionError, match="is a name such as mine/nameless"):
        registry.register(nameless)


@pytest.mark.parametrize("thing", [int, 3, Model])
def test_only_model_classes_that_can_be_built_are_registered(thing: object) -> None:
    with pytest.raises(DefinitionError):
        registry.register(thing)  # pyright: ignore


def dynamic(site: Site, name: str) -> None:
    hooks = "  hooks: {module: zoo_plugin_dyn.hooks, implements: [zoo_register]}\n"
    body = f"""
    from models.gaussian import Gaussian
    from zoo_core.hooks import hookimpl
    @hookimpl
    def zoo_register(registry):
        registry.add(type("Made", (Gaussian,), {{"architecture": "{name}"}}))
    """
    site.plugin("dyn", HEADER.format("dyn") + hooks, hooks=body)


def test_architectures_registered_by_hook(site: Site) -> None:
    dynamic(site, "dyn/made")
    assert resolve("dyn/made").__name__ == "Made"


def test_a_hook_registers_in_its_own_namespace_only(site: Site, caplog) -> None:
    dynamic(site, "flows/made")
    with pytest.raises((UnknownNameError, PluginMissingError)):
        resolve("flows/made")
    assert "own namespace, dyn/" in caplog.text
