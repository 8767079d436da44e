"""zoo registry add and zoo registry check, as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result

import zoo_core as zoo
from registry.sites import HEADER, registry_file
from zoo_core.registry.publish import HEAD, THIRD_PARTY

Run = Callable[..., Result]
Saved = dict[str, str]
LICENSES = ("--license", "weights=MIT", "--license", "code=MIT", "--license", "data=CC0-1.0")


@pytest.fixture
def file(run: Run) -> Path:
    """The registry file of the plugin that the current folder is the repository of."""
    Path("pyproject.toml").write_text("")
    path = Path.cwd() / "src" / "zoo_plugin_mine" / "registry.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(HEADER.format("mine"))
    return path


def test_an_entry_is_shown_and_written(run: Run, saved: Saved, file: Path) -> None:
    done = run("registry", "add", saved["plane"], *LICENSES, "--summary", "A plane.")
    assert done.exit_code == 0, done.output
    assert yaml.safe_load(done.stdout) == yaml.safe_load(file.read_text())["models"]
    assert done.stderr == f"zoo: mine/plane: added, {file}\n"
    again = run("registry", "add", saved["plane"], *LICENSES, "--summary", "A plane.")
    assert again.stderr == f"zoo: mine/plane: there already, {file}\n"
    assert run("registry", "check", "--files", str(file)).exit_code == 0


def test_a_dry_run_and_json(run: Run, saved: Saved, file: Path) -> None:
    before = file.read_text()
    done = run("registry", "add", saved["plane"], *LICENSES, "--dry-run", "--name", "mine/x")
    assert done.stderr == f"zoo: mine/x: would be added, {file}\n"
    told = json.loads(
        run("registry", "add", saved["plane"], *LICENSES, "--dry-run", "--json").stdout
    )
    assert (told["name"], told["outcome"], told["path"]) == ("mine/plane", "added", str(file))
    assert list(yaml.safe_load(told["entry"])) == ["mine/plane"]
    assert file.read_text() == before


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["./nothing"], "nothing"),
        (["PLANE"], "--license"),
        (["PLANE", "--license", "wieghts=MIT"], "wieghts=MIT"),
        (["PLANE", *LICENSES, "--name", "other/x"], "begin with mine/"),
        (["PLANE", *LICENSES, "--license", "data=whatever"], "SPDX"),
        (["not-a-repository", *LICENSES], "owner/repo"),
        (["--plugin", "zoo-plugin-nowhere"], "zoo-plugin-nowhere"),
        (["--plugin", "zoo-plugin-flows"], "a clone"),
        (["--plugin", "zoo-plugin-flows", "--name", "a/b"], "the plugin's own"),
    ],
)
def test_mistakes_are_one_line(
    run: Run, saved: Saved, file: Path, args: list[str], says: str
) -> None:
    before = file.read_text()
    done = run("registry", "add", *(saved["plane"] if arg == "PLANE" else arg for arg in args))
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
    assert says in done.stderr
    assert file.read_text() == before


def test_a_plugin_enters_the_index(run: Run, tmp_path: Path) -> None:
    index = Path.cwd() / "registry.yaml"
    index.write_text(HEAD.replace("plugins:", "plugins: []") + f"\n{THIRD_PARTY}")
    done = run("registry", "add", "--plugin", "zoo-plugin-flows")
    assert done.stderr == f"zoo: zoo-plugin-flows: added, {index}\n"
    assert run("registry", "check", str(index)).exit_code == 0
    assert "flows" in {
        s["plugin"]["namespace"] for s in yaml.safe_load(index.read_text())["plugins"]
    }
    assert zoo.info("flows/nsf")


def test_several_files_are_checked_at_once(run: Run) -> None:
    Path("a.yaml").write_text(registry_file("a", 1))
    Path("b.yaml").write_text(registry_file("b", 2).replace("b/model-0", "b/z"))
    Path("c.yaml").write_text(registry_file("c", 1).replace("CC-BY-4.0", "CC BY"))
    done = run("registry", "check", "a.yaml", "b.yaml")
    assert (done.exit_code, done.stderr) == (0, "valid.\n")
    assert done.stdout == "b.yaml:25: warning: b/model-1 stands after b/z, out of order.\n"
    done = run("registry", "check", "a.yaml", "b.yaml", "c.yaml")
    assert (done.exit_code, done.stderr) == (1, "1 errors.\n")
    assert done.stdout.splitlines()[1].startswith("c.yaml:22: models.c/model-0.licenses.data: ")
    told = json.loads(run("registry", "check", "c.yaml", "--json").stdout)
    assert [(f["path"], f["line"], f["level"]) for f in told] == [("c.yaml", 22, "error")]


def test_a_change_is_judged(run: Run) -> None:
    Path("old.yaml").write_text(registry_file("a", 1))
    Path("new.yaml").write_text(registry_file("a", 1).replace("zoo-plugin-a\n", "zoo-plugin-b\n"))
    done = run("registry", "check", "new.yaml", "--against", "old.yaml")
    assert done.exit_code == 1
    assert done.stdout == "new.yaml:3: the namespace a/ belongs to zoo-plugin-a.\n"


@pytest.mark.parametrize(
    "args", [["--online"], ["--against", "a.yaml"], ["a.yaml", "a.yaml", "--against", "a.yaml"]]
)
def test_what_needs_a_path(run: Run, args: list[str]) -> None:
    Path("a.yaml").write_text(registry_file("a"))
    done = run("registry", "check", *args)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "PATH" in done.stderr
