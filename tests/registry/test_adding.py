"""Entries put into files: what is added is there, and every other byte is where it was."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.sites import HEADER, MODEL, registry_file
from zoo_core.errors import RegistryError, RegistryFileError
from zoo_core.registry.editing import with_value
from zoo_core.registry.index_editing import with_section
from zoo_core.registry.publish import HEAD, THIRD_PARTY, as_item
from zoo_core.registry.rewriting import rewrite

FIELDS = {
    "architecture": "mine/an-architecture",
    "summary": "New: with a colon, and long.",
    "parameters": 3,
    "n": [1e-05],
}
ENTRY = """\
  mine/k:
    architecture: mine/an-architecture
    summary: "New: with a colon, and long."
    parameters: 3
    "n": [1.0e-05]
"""


def added(text: str, name: str = "mine/k") -> str:
    return with_value("f.yaml", text, ("models", name), FIELDS)


CASES = {
    "first": ("models:\n  mine/x: {a: 1}\n", 0),
    "between": ("models:\n  mine/b: {a: 1}\n  mine/x: {a: 1}\n", 1),
    "last": ("models:\n  mine/b:\n    a: 1\n\n# the end\nother: 1\n", 2),
    "last, before a comment": ("models:\n  mine/b: {a: 1}\n  # more to come\n", 1),
    "after a comment that is inside": ("models:\n  mine/b:\n    a: 1\n    # inside\nz: 1\n", 3),
    "a comment goes with the next": ("models:\n  mine/b: {a: 1}\n  # on x\n  mine/x: {a: 1}\n", 1),
    "after a block": ("models:\n  mine/b:\n    c: |\n      # no comment\n      x\n", 4),
    "quoted names": ("models:\n  'mine/b': {a: 1}\n  \"mine/x\": {a: 1}\n", 1),
    "other order and quoting": ("models:\n  mine/z: {'a': \"1\"}   # z\n  mine/b: {a: 0x1}\n", 0),
    "flow over lines": ("models:\n  mine/b: {a: 1,\n   b: 2}\n  mine/x: {a: 1}\n", 2),
}


@pytest.mark.parametrize("case", CASES)
def test_an_entry_goes_in_order_and_nothing_else_moves(case: str) -> None:
    text, after = CASES[case]
    text = "schema: 1  # kept\n" + text
    lines = text.splitlines(keepends=True)
    assert added(text) == "".join([*lines[: after + 2], ENTRY, *lines[after + 2 :]])


def test_blank_lines_between_entries_are_kept_up() -> None:
    text = "models:\n  mine/a: {a: 1}\n\n  mine/x: {a: 1}\n"
    assert added(text) == text.replace("  mine/x", f"{ENTRY}\n  mine/x")
    assert added(text, "mine/z").endswith("  mine/x: {a: 1}\n\n" + ENTRY.replace("/k", "/z"))


@pytest.mark.parametrize(
    "models", ["models: {}\n", "models:\n", "", "models: # none\n", "models: {} # none\n"]
)
def test_the_first_entry(models: str) -> None:
    found = added(f"schema: 1\n{models}")
    comment = " # none" if "#" in models else ""
    assert found == f"schema: 1\nmodels:{comment}\n{ENTRY}"


def test_line_endings_and_a_missing_last_one() -> None:
    assert added("schema: 1\nmodels:\n  mine/a: {a: 1}").endswith(f"{{a: 1}}\n{ENTRY}")
    found = added("schema: 1\r\nmodels:\r\n  mine/a: {a: 1}\r\n")
    assert found.count("\n") == found.count("\r\n") == 8


def test_an_entry_is_replaced_where_it_stands() -> None:
    text = f"a: 1\nmodels:\n{ENTRY.replace(': 3', ': 4')}    # gone with it\n  # on x\n  mine/x: {{}}\n"
    assert added(text) == f"a: 1\nmodels:\n{ENTRY}  # on x\n  mine/x: {{}}\n"


def test_one_field_of_an_entry_is_set() -> None:
    text = "models:\n  mine/a:\n    x: 1 # one\n    sources: {bundled: m}\n    y:  'z'\n"
    sources = {"bundled": "m", "hub": {"repo": "a/b", "revision": "0" * 40}}
    found = with_value("f.yaml", text, ("models", "mine/a", "sources"), sources)
    start, _, end = text.partition("    sources: {bundled: m}\n")
    assert found.startswith(start) and found.endswith(end)
    assert yaml.safe_load(found)["models"]["mine/a"] == {"x": 1, "sources": sources, "y": "z"}


@pytest.mark.parametrize(
    "text",
    [
        "models: {mine/a: {a: 1}, mine/z: {a: 1}}\n",
        "{schema: 1, models: {}}\n",
        "? models\n: mine/a: {a: 1}\n",
    ],
)
def test_a_form_that_lines_do_not_show_is_refused(text: str) -> None:
    with pytest.raises(RegistryFileError, match="by hand"):
        added(text)


NAMES = st.from_regex(r"mine/[a-z]{1,4}", fullmatch=True)
COMMENTS = st.sampled_from(["", "\n", "# note\n", "  # note\n", "    # note\n", "  # a\n\n  # b\n"])
BODIES = st.sampled_from(
    [
        " {a: 1}\n",
        " {'a': [1, 2]} # x\n",
        "\n    a: 1\n",
        "\n    c: |\n      # x\n\n      y\n",
        "\n    a:\n    - 1\n    - 2\n",
    ]
)
ENTRIES = st.lists(st.tuples(COMMENTS, NAMES, BODIES), max_size=6, unique_by=lambda entry: entry[1])


@settings(max_examples=200, deadline=None)
@given(ENTRIES, COMMENTS, NAMES, st.sampled_from(["", "z: 1\n"]))
def test_whatever_the_file_another_reader_sees_one_entry_more(
    entries: list[tuple[str, str, str]], last: str, name: str, tail: str
) -> None:
    body = "".join(f"{comment}  {key}:{value}" for comment, key, value in entries)
    text = f"# head\nschema: 1\nmodels:\n{body}{last}{tail}"
    before = yaml.safe_load(text)
    found = added(text, name)
    models = {**(before["models"] or {}), name: FIELDS}
    assert yaml.safe_load(found) == {**before, "models": models}
    if name not in (before["models"] or {}):
        kept = iter(found.splitlines())
        assert all(line in kept for line in text.splitlines()), "in the same order, none lost"


def section(namespace: str, distribution: str | None = None, models: int = 1) -> dict[str, object]:
    text = registry_file(namespace, models)
    if distribution is not None:
        text = text.replace(
            f"distribution: zoo-plugin-{namespace}", f"distribution: {distribution}"
        )
    data = yaml.safe_load(text)
    del data["schema"]
    return data


INDEX = f"{HEAD}\n{as_item(section('first'))}\n{THIRD_PARTY}"


def index(*namespaces: str) -> str:
    return INDEX + "".join(f"\n{as_item(section(name))}" for name in namespaces)


@pytest.mark.parametrize("new", ["a", "d", "z"])
@pytest.mark.parametrize("there", [(), ("b",), ("b", "x")])
def test_a_section_goes_in_order_among_third_parties(there: tuple[str, ...], new: str) -> None:
    found = with_section("index.yaml", index(*there), section(new))
    assert found == index(*sorted((*there, new)))


def test_the_line_of_third_parties_stays_above_them() -> None:
    close = INDEX + as_item(section("x"))
    found = with_section("index.yaml", close, section("b"))
    assert found == INDEX + as_item(section("b")) + "\n" + as_item(section("x"))


def test_a_section_is_brought_up_to_date_and_comments_stay() -> None:
    text = index("b", "x").replace("  - plugin:", "  # by somebody\n  - plugin:")
    found = with_section("index.yaml", text, section("b", models=3))
    assert found == text.replace(as_item(section("b")), as_item(section("b", models=3)))


def test_an_index_of_ones_own_needs_no_line_of_third_parties() -> None:
    found = with_section("index.yaml", "schema: 1\nplugins: []\n", section("b"))
    assert yaml.safe_load(found) == {"schema": 1, "plugins": [section("b")]}


def test_whose_a_section_is() -> None:
    with pytest.raises(RegistryError, match="belongs to zoo-plugin-b"):
        with_section("index.yaml", index("b"), section("b", "somebody-elses"))
    with pytest.raises(RegistryError, match="make registry"):
        with_section("index.yaml", index("b"), section("first", models=2))
    with pytest.raises(RegistryFileError, match="the list `plugins`"):
        with_section("registry.yaml", "schema: 1\n", section("b"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "registry.yaml"
    path.write_text(HEADER.format("mine"))
    path.chmod(0o640)
    return path


def test_a_file_is_written_whole_with_its_mode(file: Path) -> None:
    text = registry_file("mine", 1)
    rewrite(file, text)
    assert file.read_text() == text
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert [p.name for p in file.parent.iterdir()] == ["registry.yaml"]


def test_an_invalid_text_changes_nothing(file: Path) -> None:
    before = file.read_text()
    with pytest.raises(RegistryFileError, match=r"SPDX.*Nothing was written"):
        rewrite(file, registry_file("mine", 1).replace("CC-BY-4.0", "CC BY"))
    assert file.read_text() == before


def test_a_failure_on_the_way_leaves_the_old_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = file.read_text()

    def fail(descriptor: int) -> None:
        raise OSError("no space")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space"):
        rewrite(file, registry_file("mine", 1))
    monkeypatch.undo()
    assert file.read_text() == before
    assert [p.name for p in file.parent.iterdir()] == ["registry.yaml"]


def test_a_link_is_followed(file: Path, tmp_path: Path) -> None:
    link = tmp_path / "linked.yaml"
    link.symlink_to(file)
    rewrite(link, registry_file("mine", 1))
    assert link.is_symlink() and file.read_text() == registry_file("mine", 1)


def test_a_users_file_needs_no_plugin(tmp_path: Path) -> None:
    text = "schema: 1\nmodels:\n" + MODEL.format("mine/one", "fam/arch", "0" * 64)
    rewrite(tmp_path / "new" / "own.yaml", text)
    assert (tmp_path / "new" / "own.yaml").read_text() == text
