"""zoo plugins verify: its tables, its JSON, its exit codes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from conformance.package_mutants import replaced
from conformance.specimen import METADATA, importable, sound, unpack, with_record
from zoo_core.cli import plugin_verifying, tables

Run = Callable[..., Result]
NAME, MODEL = "zoo-plugin-specimen", "specimen/logistic"
CHEAP = ("--check", "readme-included", "--check", "names-agree", "--check", "a-copy-stands-alone")


@pytest.fixture(params=["sound"])
def zoo(run: Run, tmp_path: Path, request: pytest.FixtureRequest):
    """Run `zoo` where zoo-plugin-specimen is installed, perhaps without a description."""
    files = sound()
    if request.param == "spoiled":
        replaced(METADATA, "\n# A plugin with one model", "")(files)
    unpack(with_record(files), tmp_path / "specimen")
    with importable(tmp_path / "specimen"):
        yield run


def test_a_line_a_model_goes_into_a_pipe(zoo: Run) -> None:
    done = zoo("plugins", "verify", "specimen", "--jobs", "1", *CHEAP)
    assert done.exit_code == 0, done.output
    rows = [line.split("\t")[:5] for line in done.stdout.splitlines()]
    assert rows == [[NAME, "2", "0", "0", "0"], [MODEL, "1", "0", "0", "0"]]
    assert done.stderr == ""


@pytest.mark.parametrize("zoo", ["spoiled"], indirect=True)
def test_a_failure_is_told_with_its_reason(zoo: Run) -> None:
    done = zoo("plugins", "verify", "specimen", "--jobs", "1", *CHEAP)
    assert done.exit_code == 1
    assert done.stdout.startswith(f"{NAME}\t1\t1\t0\t0\t")
    assert f"{NAME} breaks readme-included: failed: The metadata hold" in done.stderr


def test_every_check_is_listed(zoo: Run) -> None:
    done = zoo("plugins", "verify", "specimen", "--jobs", "1", "-v", *CHEAP)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert [row[:3] for row in rows] == [
        [NAME, "names-agree", "passed"],
        [NAME, "readme-included", "passed"],
        [MODEL, "a-copy-stands-alone", "passed"],
    ]


def test_json_has_every_field(zoo: Run) -> None:
    done = zoo("plugins", "verify", NAME, "--jobs", "1", "--json", "--models", "*", *CHEAP[-2:])
    (one,) = json.loads(done.stdout)
    assert (one["subject"], one["name"], one["status"]) == (MODEL, CHEAP[-1], "passed")
    assert set(one) == {"subject", "name", "status", "reason", "seconds", "p_values"}


def test_a_terminal_gets_a_table_and_the_outcome(zoo: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "in_terminal", lambda: True)
    monkeypatch.setattr(plugin_verifying, "in_terminal", lambda: True)
    done = zoo("plugins", "verify", "specimen", "--jobs", "1", *CHEAP)
    assert "passed" in done.stdout.splitlines()[1]
    assert done.stdout.splitlines()[-1] == "3 checks: none failed."


def test_what_is_not_there_is_a_mistake(zoo: Run) -> None:
    for args in (
        ("nothing",),
        ("specimen", "--models", "specimen/other"),
        ("specimen", "--check", "nonsense"),
        ("nowhere.whl",),
    ):
        assert zoo("plugins", "verify", *args, "--jobs", "1").exit_code == 2, args
