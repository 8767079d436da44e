"""What is refused, and that nothing is left behind then."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from scaffold.fixtures import Make
from zoo_core.errors import PluginError, UnsupportedError
from zoo_core.scaffold import PluginName


@pytest.mark.parametrize(
    "name",
    [
        *("mine", "zoo-plugin-", "zoo-plugin-Mine", "zoo-plugin-a--b", "zoo-plugin-a_b", ""),
        *("zoo-plugin--a", "zoo-plugin-a-", "zoo-plugin-a/b", "zoo-plugin-a\n", "../zoo-plugin-a"),
        *("zoo-plugin-é", f"zoo-plugin-{'n' * 51}"),
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(PluginError, match="A plugin's name is zoo-plugin-"):
        PluginName.of(name)


def test_a_namespace_that_is_taken_is_refused_with_its_owner() -> None:
    with pytest.raises(PluginError, match="that of zoo-plugin-flows, by the public index"):
        PluginName.of("zoo-plugin-flows")
    with pytest.raises(PluginError, match="that of zoo-core"):
        PluginName.of("zoo-plugin-core")


def test_a_folder_that_holds_something_is_left_alone(make: Make, tmp_path: Path) -> None:
    kept = tmp_path / "made" / "zoo-plugin-mine" / "kept.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("mine", "utf-8")
    with pytest.raises(PluginError, match="A new plugin's folder is new, or empty"):
        make()
    assert _all(tmp_path / "made") == ["zoo-plugin-mine", "zoo-plugin-mine/kept.txt"]


def test_an_empty_folder_is_filled(make: Make, tmp_path: Path) -> None:
    (tmp_path / "made" / "zoo-plugin-mine").mkdir(parents=True)
    assert (make() / "pyproject.toml").is_file()


@pytest.mark.parametrize("author", ["", " ", "Ada\nLovelace", "Ada\x7f", "a" * 201])
def test_a_text_is_one_line(make: Make, tmp_path: Path, author: str) -> None:
    with pytest.raises(PluginError, match="The author is one line"):
        make(author=author)
    assert _all(tmp_path / "made") == []


def test_without_copier_the_remedy_is_told(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "copier", None)
    with pytest.raises(UnsupportedError, match=r"pip install 'zoo-core\[author\]'"):
        make()
    assert _all(tmp_path / "made") == []


def test_an_error_while_rendering_leaves_nothing(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: str, folder: Path, **settings: object) -> None:
        folder.mkdir()
        (folder / "half").write_text("half", "utf-8")
        raise OSError("no space left on device")

    monkeypatch.setattr("copier.run_copy", full)
    with pytest.raises(OSError, match="no space"):
        make()
    assert _all(tmp_path / "made") == []


def test_no_connection_is_made(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **settings: object) -> None:
        raise AssertionError(f"a connection: {arguments}")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert make().is_dir()


def _all(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))
