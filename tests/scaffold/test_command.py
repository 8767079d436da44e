"""`zoo plugins new`."""

from __future__ import annotations

from pathlib import Path

import click.testing
import pytest
from click.testing import CliRunner, Result

from zoo_core.cli.plugin_making import _LICENSES
from zoo_core.cli.root import zoo
from zoo_core.scaffold import License


def _new(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(zoo, ["plugins", "new", *arguments], input=stdin)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands think that a person types their input."""
    monkeypatch.setattr(click.testing._NamedTextIOWrapper, "isatty", lambda stream: True)


def test_it_prints_the_folder_and_says_what_is_next(here: Path) -> None:
    result = _new("zoo-plugin-mine", "--author", "Ada", "--license", "MIT", "--summary", "Mine.")
    assert (result.exit_code, result.stdout) == (0, "zoo-plugin-mine\n")
    assert "git init" in result.stderr and "zoo plugins verify mine" in result.stderr
    assert "Ada" in (here / "zoo-plugin-mine" / "LICENSE").read_text("utf-8")


def test_without_a_terminal_and_with_defaults_it_asks_nothing(here: Path, terminal: None) -> None:
    assert _new("zoo-plugin-mine", "--defaults").exit_code == 0
    written = (here / "zoo-plugin-mine" / "pyproject.toml").read_text("utf-8")
    assert 'license = "Apache-2.0"' in written and "The authors of zoo-plugin-mine" in written


def test_in_a_terminal_it_asks_for_what_is_not_given(here: Path, terminal: None) -> None:
    result = _new("zoo-plugin-mine", "--author", "Ada", stdin="BSD-3-Clause\nTides.\n")
    assert result.exit_code == 0 and "Author" not in result.stderr
    written = (here / "zoo-plugin-mine" / "pyproject.toml").read_text("utf-8")
    assert 'license = "BSD-3-Clause"' in written and 'description = "Tides."' in written


def test_another_place(here: Path) -> None:
    (here / "work").mkdir()
    assert _new("zoo-plugin-mine", "--folder", "work").exit_code == 0
    assert [path.name for path in here.iterdir()] == ["work"]
    assert (here / "work" / "zoo-plugin-mine" / "README.md").is_file()


def test_a_mistake_writes_nothing(here: Path) -> None:
    taken = _new("zoo-plugin-flows")
    assert taken.exit_code == 2 and "that of zoo-plugin-flows" in taken.stderr
    assert _new("zoo-plugin-mine", "--license", "WTFPL").exit_code == 2
    assert _new("zoo-plugin-mine", "--folder", "nowhere").exit_code == 2
    assert list(here.iterdir()) == []


def test_the_choices_are_the_template_s_licenses() -> None:
    assert list(License) == list(_LICENSES)
