"""Formats of other libraries: listed, checked, and recognised, without importing their plugins."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

import zoo_core as zoo
from registry.sites import HEADER, Site
from zoo_core import registry
from zoo_core.errors import FormatError, PluginError, PluginMissingError
from zoo_core.plugins.structure import sections
from zoo_core.plugins.yaml_file import parse
from zoo_core.registry import Mark
from zoo_core.registry.publish import as_item

HOOKS = "  hooks: {{module: zoo_plugin_{0}.hooks, implements: [zoo_claim]}}\n"
MARK = "{file: config.json, key: lab_kind}"
FORMAT = """\
formats:
  {0}:
    summary: What the {0} library writes.
    provides: [Generator, DensityModel]
    marks: [{1}]
"""
HOOK = "from zoo_core import hookimpl\n@hookimpl\ndef zoo_claim(repository): return None\n"


def text(name: str = "lab", *marks: str) -> str:
    head = HEADER.format(name) + HOOKS.format(name)
    return head + FORMAT.format(name, ", ".join(marks or (MARK,)))


def index(path: Path, *texts: str) -> str:
    """Write an index of plugins that aren't installed."""
    items = [parse(content.encode(), "x") for content in texts]
    for item in items:
        item.pop("schema")
    path.write_text("schema: 1\nplugins:\n" + "".join(map(as_item, items)), encoding="utf-8")
    return str(path)


def folder(place: Path, **contents: Mapping[str, object]) -> Path:
    place.mkdir()
    for name, fields in contents.items():
        (place / f"{name}.json").write_text(json.dumps(fields), encoding="utf-8")
    return place


def test_they_are_listed_without_an_import(site: Site) -> None:
    site.plugin("lab", text(), hooks=HOOK)
    (found,) = registry.list_formats("lab")
    assert (found.provides, found.marks) == (
        ("Generator", "DensityModel"),
        (Mark("config.json", "lab_kind"),),
    )
    assert (found.distribution, found.installed, found.install) == ("zoo-plugin-lab", True, None)
    assert registry.info("lab") == found
    assert registry.list_formats("lab", provides="Matcher") == []
    assert registry.list_formats("lab", installed=False) == []
    assert not any(name.startswith("zoo_plugin_lab") for name in sys.modules)


def test_those_of_plugins_that_arent_here_come_from_an_index(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_REGISTRY", index(tmp_path / "index.yaml", text()))
    (found,) = registry.list_formats("lab", installed=False)
    assert found.install == "pip install zoo-plugin-lab"
    with pytest.raises(
        PluginMissingError,
        match=r"m is a lab model, which an installed plugin must read\. "
        r"Run: pip install zoo-plugin-lab",
    ):
        zoo.load(folder(tmp_path / "m", config={"lab_kind": "x"}))
    # Once it is installed, its own file wins.
    site.plugin("lab", text().replace("lab_kind", "other"), hooks=HOOK)
    (found,) = registry.list_formats("lab")
    assert (found.installed, found.marks[0].key) == (True, "other")


def test_a_plugin_that_is_put_aside_is_named_with_its_state(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZOO_REGISTRY", index(tmp_path / "index.yaml", text()))
    place = folder(tmp_path / "m", config={"lab_kind": "x"})
    site.plugin("lab", text().replace("api: 0", "api: 99"), hooks=HOOK)
    with pytest.raises(PluginError, match=r"needs zoo-plugin-lab, and that is incompatible.*API"):
        zoo.load(place)
    monkeypatch.setenv("ZOO_DISABLE", "lab")
    with pytest.raises(PluginError, match=r"that is disabled.*ZOO_DISABLE"):
        zoo.load(place)


def test_a_plugin_that_fails_or_doesnt_claim(site: Site, tmp_path: Path) -> None:
    site.plugin("lab", text(), hooks=HOOK)
    site.plugin("odd", text("odd", "{file: odd.json, key: kind}"), hooks="1 / 0")
    place = folder(tmp_path / "m", config={"lab_kind": "x"})
    with pytest.raises(PluginError, match="zoo-plugin-odd"):
        zoo.load(place)


def test_a_kind_that_the_installed_plugin_doesnt_claim(site: Site, tmp_path: Path) -> None:
    site.plugin("lab", text(), hooks=HOOK)
    with pytest.raises(FormatError, match=r"is a lab model that zoo-plugin-lab reads.*claim"):
        zoo.load(folder(tmp_path / "m", config={"lab_kind": "x"}))


def test_pulling_needs_neither_torch_nor_the_client(site: Site, tmp_path: Path) -> None:
    hook = """
    from zoo_core import hookimpl
    from zoo_core.hooks import Claim
    @hookimpl
    def zoo_claim(repository):
        repository.read_json("config.json")
        return Claim(("config.json",), None)
    """
    site.plugin("lab", text(), hooks=dedent(hook))
    place = folder(tmp_path / "m", config={"lab_kind": "x"})
    code = f"""
    import sys
    from zoo_core.loading import pull
    print(*pull({str(place)!r}).files)
    print([name for name in ("torch", "pydantic", "huggingface_hub") if name in sys.modules])
    """
    assert site.run(code, ZOO_PLUGINS="lab").splitlines() == ["config.json", "[]"]


def test_which_mark_decides(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = text("pipe", "{file: model_index.json, key: name}, {file: config.json, key: _pipe}")
    other = text("zlab", "{file: a.json, key: kind}")
    monkeypatch.setenv("ZOO_REGISTRY", index(tmp_path / "i.yaml", text(), pipe, other))
    cases = {
        "pipe": {"model_index": {"name": "x"}, "config": {"lab_kind": "x"}, "a": {"kind": 1}},
        "lab": {"config": {"more": 1, "lab_kind": "x", "_pipe": "y"}, "a": {"kind": 1}},
        "zlab": {"config": {"more": 1}, "a": {"kind": 1}},
    }
    for i, (name, contents) in enumerate(cases.items()):
        with pytest.raises(PluginMissingError, match=f"is a {name} model"):
            zoo.load(folder(tmp_path / f"m{i}", **contents))
    # A component says both, its own mark first.
    with pytest.raises(PluginMissingError, match="is a pipe model"):
        zoo.load(folder(tmp_path / "c", config={"_pipe": "y", "lab_kind": "x"}))


def test_an_unknown_format_names_the_known_ones(site: Site, tmp_path: Path) -> None:
    site.plugin("lab", text(), hooks=HOOK)
    with pytest.raises(FormatError, match=r"\(.*lab.*\)\. Received: config\.json"):
        zoo.load(folder(tmp_path / "m", config={"board": "chess"}))
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "config.json").write_text("{")
    with pytest.raises(FormatError):
        zoo.load(tmp_path / "bad")


MISTAKES = {
    "key": ("summary: What", "sumary: What", "summary"),
    "no provides": ("    provides: [Generator, DensityModel]\n", "", "provides"),
    "marks as text": (f"[{MARK}]", "config.json", "`marks` is a list"),
    "a mark as text": (f"[{MARK}]", "[config.json]", "a file and a key"),
    "no file": (f"[{MARK}]", "[{key: x}]", "`file` is missing"),
    "outside": (f"[{MARK}]", "[{file: ../x, key: y}]", "inside the repository"),
    "name": ("formats:\n  lab", "formats:\n  Lab/x", "lower-case"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_mistake_is_found_when_listing(mistake: str) -> None:
    old, new, message = MISTAKES[mistake]
    assert old in text()
    (section,) = sections("f.yaml", parse(text().replace(old, new).encode(), "f.yaml"))
    assert section.problem is not None
    assert message in section.problem
    assert section.problem.startswith("f.yaml:")


def test_the_check_of_a_file(tmp_path: Path) -> None:
    def found(content: str) -> list[str]:
        (tmp_path / "f.yaml").write_text(content, encoding="utf-8")
        return [
            f"{one.level} {one.line} {one.message}" for one in registry.check(tmp_path / "f.yaml")
        ]

    assert found(text()) == []
    (one,) = found(text().replace("zoo_claim", "zoo_fetch"))
    assert one.startswith("error 8 a plugin with `formats` implements the hook zoo_claim")
    (one,) = found(text().partition("formats:")[0])
    assert one.startswith("warning") and "zoo_claim" in one
    (one,) = found(text().replace(f"[{MARK}]", "[]"))
    assert "marks" in one


def test_a_users_own_file_has_none() -> None:
    (section,) = sections(
        "f.yaml", parse(b"schema: 1\n" + FORMAT.format("x", MARK).encode(), "f"), user=True
    )
    assert section.problem is not None and "a plugin's" in section.problem
