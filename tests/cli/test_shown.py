"""What list, info, plugins, registry check, cache, doctor and completion print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from click.testing import Result

from registry.sites import Site, registry_file
from zoo_core.cli import checks, tables

Run = Callable[..., Result]


@pytest.fixture
def zoo(site: Site, run: Run, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `zoo` where a plugin with two models, and a broken one, are installed."""
    site.plugin("birds", registry_file("birds", models=2))
    site.plugin("broken", "schema: [")
    monkeypatch.syspath_prepend(site.folder)
    return run


def test_list_is_tab_separated_lines_in_a_pipe(zoo: Run) -> None:
    lines = zoo("list", "birds").stdout.splitlines()
    about = "Generator\tdigits\t12,345\t\tA model of some kind."
    assert lines == [f"birds/model-{i}\t{about}" for i in range(2)]


def test_list_is_narrowed(zoo: Run) -> None:
    for args, names in (
        (["s/model-1"], ["birds/model-1"]),
        (["birds/*"], ["birds/model-0", "birds/model-1"]),
        (["*s/model-?"], ["birds/model-0", "birds/model-1"]),
        (["birds", "--dataset", "moons"], []),
        (
            ["birds", "--tag", "image", "--provides", "Generator", "--installed"],
            ["birds/model-0", "birds/model-1"],
        ),
        (["birds", "--provides", "DensityModel"], []),
    ):
        done = zoo("list", *args)
        assert done.exit_code == 0, done.output
        assert [line.split("\t")[0] for line in done.stdout.splitlines()] == names
    assert "closest names: birds/model-0" in zoo("list", "birds/mdoel-0").stderr


def test_list_as_json_holds_every_field(zoo: Run) -> None:
    first, _ = json.loads(zoo("list", "birds", "--json").stdout)
    assert first["name"] == "birds/model-0"
    assert first["provides"] == ["Generator"]
    assert (first["installed"], first["install"]) == (True, None)
    names = [a["name"] for a in json.loads(zoo("list", "--architectures", "--json").stdout)]
    assert {"birds/arch-0", "core/label"} <= set(names)
    assert json.loads(zoo("list", "nothing", "--json").stdout) == []


def test_a_terminal_gets_the_first_screenfuls(
    zoo: Run, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.plugin("many", registry_file("many", models=500))
    monkeypatch.setattr(tables, "in_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("LINES", "24")
    done = zoo("list", "many")
    assert "many/model-0" in done.stdout and "data set" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("460 more: narrow it by a PATTERN")
    assert len(done.stdout.splitlines()) < 50


def test_formats_of_other_libraries(zoo: Run, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    formats = (
        "formats:\n  nest:\n    summary: What nests hold.\n    provides: [Generator]\n"
        "    marks: [{file: nest.json, key: eggs}]\n"
    )
    hooks = "  hooks: {module: zoo_plugin_nest.hooks, implements: [zoo_claim]}\narchitectures:"
    text = registry_file("nest").replace("architectures:", hooks)
    site.plugin("nest", text + formats)
    assert zoo("list", "--formats", "nest").stdout == "nest\tGenerator\t\tWhat nests hold.\n"
    (found,) = json.loads(zoo("list", "--formats", "nest", "--json").stdout)
    assert found["marks"] == [{"file": "nest.json", "key": "eggs"}]
    assert "`eggs` in nest.json" in zoo("info", "nest").stdout
    assert "nest/arch-0: " in zoo("info", "nest").stdout
    assert json.loads(zoo("info", "nest", "--json").stdout)["name"] == "nest"
    assert zoo("list", "--formats", "--architectures").exit_code == 2
    assert zoo("list", "--formats", "--tag", "x").exit_code == 2
    # What scripts read stays models alone; a person sees both.
    assert "What nests hold" not in zoo("list").stdout
    assert "a format does: nest" in zoo("list", "ne*t").stderr
    listed = zoo("plugins").stdout.splitlines()
    assert [line.split("\t")[4] for line in listed if line.startswith("nest\t")] == ["0"]
    for module in (
        tables,
        *(sys.modules[f"zoo_core.cli.{one}"] for one in ("listing", "installed_plugins")),
    ):
        monkeypatch.setattr(module, "in_terminal", lambda: True)
    assert "no model matches" not in zoo("list", "ne*t").stderr
    assert "Hub" in zoo("plugins").stdout
    assert "What nests hold" in zoo("list", "*e*").stdout
    assert "What nests hold" not in zoo("list", "birds").stdout
    assert "What nests hold" not in zoo("list", "--dataset", "digits").stdout


def test_what_is_not_installed_says_how_to(zoo: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    text = registry_file("fish", models=1)
    body = "".join(f"    {line}\n" for line in text.splitlines() if not line.startswith("schema"))
    Path("index.yaml").write_text("schema: 1\nplugins:\n  -" + body[3:], encoding="utf-8")
    monkeypatch.setenv("ZOO_REGISTRY", "index.yaml")
    assert zoo("list", "fish").stdout.split("\t")[4] == "pip install zoo-plugin-fish"
    assert "pip install zoo-plugin-fish" in zoo("info", "fish/model-0").stdout
    assert zoo("list", "fish", "--installed").stdout == ""
    done = zoo("sample", "fish/model-0")
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    assert "pip install zoo-plugin-fish" in done.stderr


def test_info_shows_a_model_and_an_architecture(zoo: Run) -> None:
    shown = zoo("info", "birds/model-0").stdout
    for text in ("12,345", "weights Apache-2.0", "model.safetensors (1 B)", "zoo-plugin-birds"):
        assert text in shown
    fields = json.loads(zoo("info", "birds/model-0", "--json").stdout)
    assert fields["files"]["config.json"]["size"] == 1
    assert "birds/model-1" in zoo("info", "birds/arch-0").stdout
    assert json.loads(zoo("info", "birds/arch-0", "--json").stdout)["installed"] is True
    assert zoo("info", "./birds").exit_code == 2


def test_plugins_shows_states_and_causes(zoo: Run) -> None:
    rows = [line.split("\t") for line in zoo("plugins").stdout.splitlines()]
    states = {row[0]: row[1] for row in rows}
    assert states["birds"] == "ok" and states["broken"] == "broken" and states["core"] == "ok"
    broken = next(row for row in rows if row[0] == "broken")
    assert "registry.yaml" in broken[-1] and "pip install -U" in broken[-1]
    found = {p["namespace"]: p for p in json.loads(zoo("plugins", "--json").stdout)}
    assert found["birds"]["models"] == 2 and found["broken"]["cause"]


def test_plugins_in_a_terminal_gives_causes_below(
    zoo: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("zoo_core.cli.tables", "zoo_core.cli.installed_plugins"):
        __import__(module)
        monkeypatch.setattr(sys.modules[module], "in_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "100")
    shown = zoo("plugins").stdout
    assert "(see below)" in shown
    assert shown.splitlines()[-1].startswith("zoo-plugin-broken: ")


def test_registry_check_says_where_and_exits_with_1(zoo: Run) -> None:
    Path("good.yaml").write_text(registry_file("birds", models=1), encoding="utf-8")
    assert zoo("registry", "check", "good.yaml").exit_code == 0
    bad = registry_file("birds", models=1)
    Path("bad.yaml").write_text(bad.replace("12345", "-3"), encoding="utf-8")
    done = zoo("registry", "check", "bad.yaml")
    assert done.exit_code == 1
    assert "bad.yaml:" in done.stdout and "Traceback" not in done.output
    assert json.loads(zoo("registry", "check", "bad.yaml", "--json").stdout)[0]["line"]
    assert zoo("registry", "check", "none.yaml").exit_code == 2
    assert zoo("registry", "check").exit_code == 1  # The broken plugin's file.


def test_cache_shows_and_clears(zoo: Run, tmp_path: Path) -> None:
    zoo("list")
    repo = tmp_path / "home" / "HF_HOME" / "hub" / "models--me--bird"
    snapshot = repo / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text('{"architecture": "birds/arch-0"}', encoding="utf-8")
    (snapshot / "zoo_manifest.json").write_text("{}", encoding="utf-8")
    (repo.parent / "models--me--other").mkdir()
    kept = {k["name"]: k for k in json.loads(zoo("cache", "show", "--json").stdout)}
    assert kept["index"]["files"] == 1
    assert kept["hf://me/bird"]["about"] == "birds/arch-0"
    assert "hf://me/other" not in kept
    assert zoo("cache").stdout == zoo("cache", "show").stdout
    assert "is kept" in zoo("cache", "clear", "--model", "hf://me/bird", stdin="n\n").stderr
    assert repo.is_dir()
    assert zoo("cache", "clear", "--model", "hf://me/bird", stdin="y\n").exit_code == 0
    assert not repo.exists()
    assert zoo("cache", "clear", "--index", "--verified", "--yes").exit_code == 0
    assert not list((tmp_path / "home" / "ZOO_HOME" / "registry").glob("*.sqlite"))
    assert "nothing is kept" in zoo("cache", "clear", "--index", "-y").stderr
    for ref in ("me/none", "birds/model-0", "hf://../x"):
        assert zoo("cache", "clear", "--model", ref, "--yes").exit_code == 2


def test_doctor_finds_what_is_broken(zoo: Run, site: Site) -> None:
    done = zoo("doctor", "--json")
    found = {check["subject"]: check for check in json.loads(done.stdout)}
    assert done.exit_code == 1
    assert found["plugin broken"]["outcome"] == "error" and found["plugin broken"]["remedy"]
    assert found["torch"]["outcome"] == found["plugin birds"]["outcome"] == "ok"
    assert "hub" not in found
    assert "error" in zoo("doctor").stdout


def test_doctor_is_content_without_broken_plugins(run: Run) -> None:
    done = run("doctor")
    assert done.exit_code == 0, done.output
    assert "cpu with" in done.stdout
    tokenizers = metadata.version("tokenizers")
    (line,) = [one for one in done.stdout.splitlines() if "plugin transformers" in one]
    assert f"tokenizers {tokenizers}" in line and "torch" not in line
    assert "1 format of the Hub" in line


def test_doctor_tries_the_network_only_when_asked(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    (check,) = checks.network()
    assert check.outcome == "error" and "127.0.0.1:9" in check.message
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (check,) = checks.network()
    assert check.outcome == "warning"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_the_shells_script(run: Run, shell: str) -> None:
    assert "_ZOO_COMPLETE" in run("completion", shell).stdout
    assert f"zoo completion {shell}" in run("completion").stdout or run("completion").stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("zoo sa", {"sample"}),
        ("zoo info bir", {"birds/model-0", "birds/model-1", "birds/arch-0"}),
        ("zoo sample bir", {"birds/model-0", "birds/model-1"}),
        ("zoo cache cl", {"clear"}),
        ("zoo --ve", {"--version"}),
    ],
)
def test_names_are_completed(zoo: Run, words: str, expected: set[str]) -> None:
    from click.shell_completion import ShellComplete

    from zoo_core.cli.root import zoo as command

    *args, incomplete = words.split()[1:]
    found = ShellComplete(command, {}, "zoo", "_ZOO_COMPLETE").get_completions(args, incomplete)
    assert {item.value for item in found} == expected


def test_info_shows_what_a_folder_is_once_it_is_loaded(zoo, tmp_path) -> None:
    from zoo_core.publishing import save
    from zoo_core.registry import create

    save(create("core/label", classes=3), tmp_path / "label")
    shown = zoo("info", str(tmp_path / "label")).stdout
    assert "core/label" in shown and "Conditioner" in shown and "model.safetensors" in shown
    facts = json.loads(zoo("info", str(tmp_path / "label"), "--json").stdout)
    assert facts["provides"] == ["Conditioner"] and facts["density"] is None
    assert "which is not there" in zoo("info", str(tmp_path / "none")).stderr
