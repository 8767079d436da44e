from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.sites import REPOSITORY, registry_file
from zoo_core.errors import RegistryFileError
from zoo_core.plugins.public_index import public_index, repository
from zoo_core.registry import check
from zoo_core.registry.emission import emit
from zoo_core.registry.publish import THIRD_PARTY, published


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "zoo_core").mkdir()
    shutil.copy(REPOSITORY / "zoo_core" / "core.yaml", tmp_path / "zoo_core")
    for name in ("b", "a"):
        folder = tmp_path / "plugins" / name / "src" / f"zoo_plugin_{name}"
        folder.mkdir(parents=True)
        (folder / "registry.yaml").write_text(registry_file(name, 2))
    return tmp_path


def test_the_repositorys_index_has_not_drifted() -> None:
    path = REPOSITORY / "registry.yaml"
    assert path.read_text(encoding="utf-8") == published(REPOSITORY), "run `make registry`"
    assert [f for f in check(path) if f.level == "error"] == []


def test_the_index_is_found_in_a_checkout() -> None:
    assert Path(repository() or "") == REPOSITORY
    assert Path(public_index() or "") == REPOSITORY / "registry.yaml"


def test_the_index_is_found_in_an_installed_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site-packages" / "zoo_core"
    package.mkdir(parents=True)
    monkeypatch.setattr("zoo_core.__file__", str(package / "__init__.py"))
    assert public_index() is None
    (package / "registry.yaml").write_text("schema: 1\nplugins: []\n")
    assert public_index() == str(package / "registry.yaml")
    (tmp_path / "site-packages" / "pyproject.toml").write_text('[project]\nname = "other"\n')
    assert public_index() == str(package / "registry.yaml")


def test_the_first_party_part_holds_what_the_files_hold(root: Path) -> None:
    text = published(root)
    assert text == published(root)
    found = yaml.safe_load(text)["plugins"]
    files = [root / "zoo_core" / "core.yaml"]
    files += sorted((root / "plugins").glob("*/src/*/registry.yaml"))
    for section, path in zip(found, files, strict=True):
        expected = yaml.safe_load(path.read_text())
        del expected["schema"]
        assert section == expected
    (root / "registry.yaml").write_text(text)
    assert check(root / "registry.yaml") == []


def test_the_third_party_part_is_kept(root: Path) -> None:
    theirs = (
        "\n  # by a stranger\n  - plugin: {distribution:   x, namespace: x, summary: X, api: 0}\n"
    )
    (root / "registry.yaml").write_text(published(root) + theirs)
    (root / "plugins/a/src/zoo_plugin_a/registry.yaml").write_text(registry_file("a", 3))
    text = published(root)
    assert "a/model-2" in text
    assert text.endswith(THIRD_PARTY + theirs)


def test_an_index_without_the_line_is_not_overwritten(root: Path) -> None:
    (root / "registry.yaml").write_text("schema: 1\nplugins: []\n")
    with pytest.raises(RegistryFileError, match="third-party"):
        published(root)


def test_a_bad_first_party_file_is_not_published(root: Path) -> None:
    path = root / "plugins/a/src/zoo_plugin_a/registry.yaml"
    path.write_text(path.read_text() + "modles: {}\n")
    with pytest.raises(RegistryFileError, match="modles"):
        published(root)


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.just("\n"), max_size=40)
KEYS = st.from_regex(r"[a-z][a-z0-9/.-]{0,12}", fullmatch=True)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
SCALARS = TEXT | st.integers(-(10**17), 10**17) | FLOATS | st.booleans() | st.none()
VALUES = st.recursive(
    SCALARS,
    lambda v: st.lists(v, max_size=4) | st.dictionaries(KEYS, v, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
def test_what_is_written_reads_back_the_same(tmp_path_factory, data: dict[str, object]) -> None:
    from zoo_core.plugins.yaml_file import read

    path = tmp_path_factory.mktemp("emit") / "x.yaml"
    path.write_text(emit(data), encoding="utf-8", newline="\n")
    assert read(str(path)) == data
    if not any(key in {"y", "n", "yes", "no", "on", "off"} for key in data):
        assert yaml.safe_load(emit(data)) == data


def test_a_citation_is_written_as_a_block() -> None:
    text = emit({"m": {"citation": "@a{b,\n  c = {d}\n}\n"}})
    assert text == "m:\n  citation: |\n    @a{b,\n      c = {d}\n    }\n"
