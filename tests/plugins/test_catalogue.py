from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from registry.sites import Site, registry_file
from zoo_core.plugins import current
from zoo_core.plugins.columns import Columns
from zoo_core.plugins.listing import Listing
from zoo_core.plugins.states import Header
from zoo_core.registry.offers import Offers


def names() -> list[str]:
    return [m.name for m in Offers(Listing()).models() if m.name.startswith("good/")]


def index(tmp_path: Path) -> Path:
    (path,) = (tmp_path / "home" / "registry").iterdir()
    return path


def test_the_second_listing_reads_the_compiled_index(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.plugin("good", registry_file("good", 3))
    expected = names()
    assert index(tmp_path).suffix == ".sqlite"

    def never(*arguments: object) -> None:
        raise AssertionError("read again")

    monkeypatch.setattr("zoo_core.plugins.compile.read", never)
    assert names() == expected == ["good/model-0", "good/model-1", "good/model-2"]


@pytest.mark.parametrize("damage", ["empty", "garbage", "truncated", "zeros within", "no table"])
def test_a_damaged_index_is_made_again(site: Site, tmp_path: Path, damage: str) -> None:
    site.plugin("good", registry_file("good", 100))
    expected = names()
    path = index(tmp_path)
    data = bytearray(path.read_bytes())
    if damage == "zeros within":
        data[4096:] = bytes(len(data) - 4096)
    replaced = {"empty": b"", "garbage": b"x" * 5000, "truncated": data[: len(data) // 2]}
    path.write_bytes(replaced.get(damage, bytes(data)))
    if damage == "no table":
        with sqlite3.connect(path) as database:
            database.execute("DROP TABLE columns")
        database.close()
    assert names() == expected


def test_an_index_that_belongs_to_other_files_is_not_used(site: Site, tmp_path: Path) -> None:
    site.plugin("good", registry_file("good", 3))
    names()
    path = index(tmp_path)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE key SET key = 'of other files'")
    database.close()
    assert len(names()) == 3


def test_an_index_of_another_layout_is_not_used(site: Site, tmp_path: Path) -> None:
    site.plugin("good", registry_file("good", 3))
    # Sound, and under the present key: what only a mistake in the key could leave here.
    expected = names()
    path = index(tmp_path)
    with sqlite3.connect(path) as database:
        database.execute("ALTER TABLE sections DROP COLUMN api")
        database.execute("ALTER TABLE sections DROP COLUMN hooks")
    database.close()
    assert names() == expected


def test_the_key_holds_the_fields_of_the_records(site: Site) -> None:
    key = Listing().catalogue.key
    for field in (*Header._fields, *Columns._fields):
        assert f'"{field}"' in key


@pytest.mark.parametrize("body", ["not Python(", "", None, 3, b"\xff"])
def test_an_entry_that_cannot_be_read_is_read_again(
    site: Site, tmp_path: Path, body: object
) -> None:
    site.plugin("good", registry_file("good", 3))
    names()
    with sqlite3.connect(index(tmp_path)) as database:
        database.execute("UPDATE bodies SET body = ?", (body,))
    database.close()
    found = Offers(Listing()).model("good/model-1")
    assert found is not None and found.fields["parameters"] == 12345


def test_a_home_that_cannot_be_written(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.plugin("good", registry_file("good", 3))
    blocked = site.folder / "a file"
    blocked.write_text("")
    monkeypatch.setenv("ZOO_HOME", str(blocked))
    assert len(names()) == 3


def test_a_home_that_is_read_only(site: Site, tmp_path: Path) -> None:
    site.plugin("good", registry_file("good", 3))
    names()
    for path in (index(tmp_path), index(tmp_path).parent, tmp_path / "home"):
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        assert len(names()) == 3
    finally:
        for path in (tmp_path / "home", tmp_path / "home" / "registry"):
            path.chmod(0o755)


def test_a_home_with_odd_characters(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.plugin("good", registry_file("good", 3))
    home = site.folder / "50% of? #1 ü"
    monkeypatch.setenv("ZOO_HOME", str(home))
    assert len(names()) == 3
    assert list((home / "registry").iterdir())
    assert len(names()) == 3


def test_old_indices_are_removed(site: Site, tmp_path: Path) -> None:
    folder = site.plugin("good")
    for count in range(1, 13):
        (folder / "registry.yaml").write_text(registry_file("good", count))
        assert len(names()) == count
    assert len(list((tmp_path / "home" / "registry").iterdir())) <= 8


def test_the_listing_is_kept_while_nothing_changes(site: Site) -> None:
    site.plugin("good")
    assert current.listing() is current.listing()
