from __future__ import annotations

import os

import pytest

from registry.sites import HEADER, Site, registry_file
from zoo_core import plugins
from zoo_core.errors import PluginError
from zoo_core.plugins import Plugin, PluginState
from zoo_core.registry import architectures, list_architectures


def found(namespace: str) -> list[Plugin]:
    return [plugin for plugin in plugins.installed() if plugin.namespace == namespace]


def one(namespace: str) -> Plugin:
    (plugin,) = found(namespace)
    return plugin


def test_the_core_is_always_there_and_first() -> None:
    core = plugins.installed()[0]
    assert (core.namespace, core.distribution, core.state) == ("core", "zoo-core", "ok")
    assert core.architectures == 2


def test_a_good_plugin_is_ok(site: Site) -> None:
    folder = site.plugin("good")
    plugin = one("good")
    assert plugin.ok
    assert plugin.cause is None
    assert plugin.remedy is None
    assert plugin.distribution == "zoo-plugin-good"
    assert plugin.version == "1.0"
    assert plugin.summary == "The good plugin."
    assert plugin.path == str(folder / "registry.yaml")


def test_a_plugin_installed_while_python_runs_is_seen(site: Site) -> None:
    assert not found("later")
    site.plugin("later")
    assert one("later").ok


def test_an_edited_file_is_seen(site: Site) -> None:
    folder = site.plugin("edited")
    assert one("edited").architectures == 1
    (folder / "registry.yaml").write_text(registry_file("edited", architectures=2))
    assert one("edited").architectures == 2


@pytest.mark.parametrize("names", ["good", "zoo-plugin-good", "zoo_plugin_good", " x , GOOD "])
def test_zoo_disable_puts_a_plugin_aside(
    site: Site, monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    site.plugin("good")
    monkeypatch.setenv("ZOO_DISABLE", names)
    assert one("good").state is PluginState.DISABLED
    assert one("good").cause == "ZOO_DISABLE names it."
    with pytest.raises(PluginError, match="zoo-plugin-good, which is disabled"):
        architectures.resolve("good/arch-0")


def test_a_name_that_is_no_plugins_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.plugin("good")
    monkeypatch.setenv("ZOO_DISABLE", "good,nosuch")
    monkeypatch.setenv("ZOO_PLUGINS", "core,zoo_plugin_good,other")
    messages = [problem.message for problem in plugins.problems()]
    assert "ZOO_DISABLE names nosuch, which isn't installed." in messages
    assert "ZOO_PLUGINS names other, which isn't installed." in messages
    with pytest.raises(PluginError, match=r"Received: ZOO_DISABLE names it\. Take it out"):
        architectures.resolve("good/arch-0")


@pytest.mark.parametrize(
    ("only", "states"), [("", "off off"), ("a,core", "on off"), ("b", "off on")]
)
def test_zoo_plugins_keeps_only_those(
    site: Site, monkeypatch: pytest.MonkeyPatch, only: str, states: str
) -> None:
    site.plugin("a")
    site.plugin("b")
    monkeypatch.setenv("ZOO_PLUGINS", only)
    assert ["on" if one(name).ok else "off" for name in "ab"] == states.split()
    assert one("core").ok


def test_the_core_cannot_be_disabled(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_DISABLE", "core,zoo-core")
    assert one("core").ok


@pytest.mark.parametrize(
    ("old", "new", "remedy"),
    [("api: 0", "api: 7", "zoo-core"), ("schema: 1", "schema: 2", "zoo-core"),
     ("api: 0", "api: -1", "zoo-plugin-other")],
)  # fmt: skip
def test_a_plugin_of_another_api_is_incompatible(
    site: Site, old: str, new: str, remedy: str
) -> None:
    text = registry_file("other").replace(old, new) + "unknown_then: 1\n"
    site.plugin("other", text)
    plugin = one("other")
    assert plugin.state is PluginState.INCOMPATIBLE
    assert f"pip install -U {remedy}." in (plugin.remedy or "")
    with pytest.raises(PluginError, match="incompatible"):
        architectures.resolve("other/arch-0")


def test_two_distributions_with_one_namespace_are_both_named(site: Site) -> None:
    site.plugin("twice")
    site.package("another", {"registry.yaml": registry_file("twice")})
    site.distribution("another-one", "[zoo.plugins]\ntwice = another:registry.yaml\n")
    pair = found("twice")
    assert {p.distribution for p in pair} == {"zoo-plugin-twice", "another-one"}
    for plugin in pair:
        assert plugin.state is PluginState.CONFLICT
        assert "another-one and zoo-plugin-twice" in (plugin.cause or "")
        assert "ZOO_DISABLE=zoo-plugin-twice" in (plugin.remedy or "")
    assert not list_architectures("twice/*")
    with pytest.raises(PluginError, match="conflict"):
        architectures.resolve("twice/arch-0")


def test_disabling_one_settles_a_conflict(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.plugin("twice")
    site.distribution("another-one", "[zoo.plugins]\ntwice = another:registry.yaml\n")
    monkeypatch.setenv("ZOO_DISABLE", "another-one")
    assert sorted(p.state for p in found("twice")) == ["disabled", "ok"]


def test_a_namespace_of_the_public_index_is_its_owners(site: Site) -> None:
    text = registry_file("flows").replace("zoo-plugin-flows", "evil-flows")
    site.package("evil", {"registry.yaml": text})
    site.distribution("evil-flows", "[zoo.plugins]\nflows = evil:registry.yaml\n")
    plugin = next(p for p in found("flows") if p.distribution == "evil-flows")
    assert plugin.state is PluginState.SHADOWED
    assert "belongs to zoo-plugin-flows" in (plugin.cause or "")
    assert plugin.remedy == "Uninstall it: pip uninstall evil-flows."
    assert "flows/arch-0" not in {a.name for a in list_architectures("flows/*")}


def test_nobody_takes_the_cores_namespace(site: Site) -> None:
    site.distribution("evil-core", "[zoo.plugins]\ncore = evil:registry.yaml\n")
    states = {p.distribution: p.state for p in found("core")}
    assert states == {"zoo-core": PluginState.OK, "evil-core": PluginState.SHADOWED}


def broken_entry(namespace: str, text: str) -> str:
    return registry_file(namespace) + text


BAD_FILES: dict[str, tuple[str | bytes, str]] = {
    "no YAML": ("schema: [1", "this is not YAML"),
    "empty": ("", "not empty"),
    "a list": ("- 1\n", "registry.yaml:1: a registry file is a mapping"),
    "two documents": (registry_file("bad") + "---\nschema: 1\n", "one YAML document"),
    "not UTF-8": (registry_file("bad").encode() + b"\n# \xff\n", "is UTF-8 text"),
    "UTF-16": (registry_file("bad").encode("utf-16"), "is UTF-8 text"),
    "NUL": (registry_file("bad").encode() + b"\0", "not YAML"),
    "no schema": (registry_file("bad").replace("schema: 1\n", ""), "says `schema: 1`"),
    "schema true": (registry_file("bad").replace("schema: 1", "schema: true"), "`schema: 1`"),
    "unknown key": (registry_file("bad") + "modles: {}\n", "12: the key `modles` is unknown here"),
    "duplicate key": (registry_file("bad") + "schema: 1\n", "12: the key `schema` stands here again, first on line 1"),
    "no plugin": ("schema: 1\n", "`plugin` is missing"),
    "wrong type": (registry_file("bad").replace("api: 0", "api: zero"), "6: `api` is a whole number"),
    "summary a number": (registry_file("bad").replace("The bad plugin.", "3"), "5: `summary` is text"),
    "architectures a list": (HEADER.format("bad") + "architectures: [1]\n", "7: `architectures` is a mapping"),
    "an entry a number": (HEADER.format("bad") + "models: {bad/x: 1}\n", "7: the entry bad/x is a mapping"),
    "a name outside": (registry_file("bad").replace("bad/arch-0", "good/arch-0"), "8: a plugin's names begin with its namespace, bad/"),
    "a name in capitals": (registry_file("bad").replace("bad/arch-0", "bad/Arch"), "lower-case"),
    "an alias": (HEADER.format("bad") + "&a architectures: {}\nmodels: *a\n", "not used here|aliases|plain text|not YAML"),
    "an object": (registry_file("bad") + "models: !!python/object:os.system {}\n", "tags"),
    "deep": (registry_file("bad") + "models: " + "[" * 900 + "]" * 900, "nested deeper"),
    "very deep": (registry_file("bad") + "models: " + "[" * 100_000, "nested deeper|not YAML"),
    "another distribution": (registry_file("bad").replace("zoo-plugin-bad", "zoo-plugin-x"), "names another distribution"),
    "another namespace": (registry_file("x"), "claims bad/, its registry file x/"),
    "a class that is no target": (registry_file("bad").replace(".models:Class0", "/x.py"), "module:Class"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_breaks_its_plugin_alone(site: Site, name: str) -> None:
    content, cause = BAD_FILES[name]
    site.plugin("bad", content)
    site.plugin("good")
    assert one("good").ok
    plugin = one("bad")
    assert plugin.state is PluginState.BROKEN
    assert any(part in (plugin.cause or "") for part in cause.split("|")), plugin.cause
    assert "pip install -U zoo-plugin-bad" in (plugin.remedy or "")
    assert [a.name for a in list_architectures("good/*")] == ["good/arch-0"]


def test_a_huge_file_is_not_read(site: Site) -> None:
    folder = site.plugin("bad")
    os.truncate(folder / "registry.yaml", 2**27)
    assert "bytes at most" in (one("bad").cause or "")


def test_a_file_that_is_a_folder(site: Site) -> None:
    folder = site.plugin("bad")
    (folder / "registry.yaml").unlink()
    (folder / "registry.yaml").mkdir()
    assert "holds the file registry.yaml" in (one("bad").cause or "")


BAD_METADATA: dict[str, tuple[str | bytes, str]] = {
    "no such package": ("[zoo.plugins]\nbad = zoo_plugin_nowhere:registry.yaml", "no such package"),
    "a module": ("[zoo.plugins]\nbad = json.decoder:registry.yaml", "top-level package"),
    "a single module": ("[zoo.plugins]\nbad = antigravity:registry.yaml", "a single module"),
    "no file": ("[zoo.plugins]\nbad = json:nothing.yaml", "holds the file nothing.yaml"),
    "an object": ("[zoo.plugins]\nbad = json", "top-level package and a file"),
    "outside": ("[zoo.plugins]\nbad = json:../registry.yaml", "top-level package and a file"),
    "absolute": ("[zoo.plugins]\nbad = json:/etc/passwd", "top-level package and a file"),
    "backslash": ("[zoo.plugins]\nbad = json:..\\registry.yaml", "top-level package and a file"),
    "no value": ("[zoo.plugins]\nbad", "is not `name = value`"),
    "twice": ("[zoo.plugins]\nbad = a:b\nbad = c:d", "twice"),
    "not UTF-8": (b"[zoo.plugins]\nbad = \xff", "is not UTF-8"),
}


@pytest.mark.parametrize("name", BAD_METADATA)
def test_bad_metadata_break_their_plugin_alone(site: Site, name: str) -> None:
    entry_points, cause = BAD_METADATA[name]
    site.distribution("zoo-plugin-bad", entry_points)
    site.plugin("good")
    assert one("good").ok
    assert one("bad").state is PluginState.BROKEN
    assert cause in (one("bad").cause or "")


def test_leftovers_of_pip_do_not_count(site: Site) -> None:
    folder = site.distribution("zoo-plugin-bad", "[zoo.plugins]\nbad = a:b")
    folder.rename(folder.with_name("~oo_plugin_bad-1.0.dist-info"))
    assert not found("bad")


def test_the_first_installation_on_the_path_counts(
    site: Site, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.plugin("good")
    second = Site(site.folder.parent / "second")
    second.distribution("zoo-plugin-good", "[zoo.plugins]\ngood = x:y", version="2.0")
    monkeypatch.syspath_prepend(str(second.folder))
    assert one("good").version == "2.0"


def test_a_plugin_found_by_a_pth_file_and_an_egg_link(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = Site(site.folder.parent / "src")
    sources.package("zoo_plugin_editable", {"registry.yaml": registry_file("editable")})
    entry = "[zoo.plugins]\neditable = zoo_plugin_editable:registry.yaml"
    site.distribution("zoo-plugin-editable", entry)
    monkeypatch.syspath_prepend(str(sources.folder))
    assert one("editable").ok
    legacy = sources.folder / "zoo_plugin_old.egg-info"
    legacy.mkdir()
    (legacy / "PKG-INFO").write_text("Name: zoo-plugin-old\nVersion: 0.3\n")
    (legacy / "entry_points.txt").write_text("[zoo.plugins]\nold = zoo_plugin_old:registry.yaml")
    sources.package("zoo_plugin_old", {"registry.yaml": registry_file("old")})
    assert (one("old").version, one("old").state) == ("0.3", "ok")


def test_versions_of_the_plugins_of_some_architectures(site: Site) -> None:
    site.plugin("good")
    assert plugins.versions(["good/arch-0", "core/label", "nobody/x"]) == {
        "zoo-core": plugins.installed()[0].version,
        "zoo-plugin-good": "1.0",
    }


def test_a_command_that_two_plugins_add_is_neithers(site: Site) -> None:
    add = "  commands: {{{}: {{target: 'zoo_plugin_{}.run:go', help: Goes.}}}}\n"
    for name, command in (("a", "same"), ("b", "same"), ("c", "own")):
        text = HEADER.format(name) + add.format(command, name)
        site.plugin(name, text, run="import missing_thing" if name == "c" else "")
    commands = plugins.commands()
    assert "same" not in commands
    assert commands["own"].distribution == "zoo-plugin-c"
    with pytest.raises(PluginError, match=r"zoo-plugin-c.*needs the package missing_thing"):
        plugins.load_command(commands["own"])
