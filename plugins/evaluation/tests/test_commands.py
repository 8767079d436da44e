"""`zoo evaluate`, `zoo leaderboard` and `zoo compare` on the bundled models, as a person runs them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

import zoo_core as zoo
from zoo_core.cli.root import zoo as command
from zoo_core.registry import info

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `zoo` in an empty folder, with nothing of the user's."""
    for name in ("ZOO_HOME", "XDG_CONFIG_HOME", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home" / name))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return lambda *args: CliRunner().invoke(command, args)


def figures(done: Result) -> dict[str, dict]:
    assert done.exit_code == 0, done.output
    return {figure["name"]: figure for figure in json.loads(done.stdout)}


def registered(model: str, name: str) -> float:
    (found,) = [f for f in info(model).fields["metrics"] if f["name"] == name]  # type: ignore[union-attr]
    return found["value"]


NLL = registered("flows/nsf-moons", "NLL")


@pytest.mark.parametrize("name", ["flows/nsf-moons", "flows/nsf-digits", "flows/nsf-checkerboard"])
def test_registered_figures_come_back(run: Run, name: str) -> None:
    found = figures(run("evaluate", name, "--json"))
    registered = info(name).fields["metrics"]  # type: ignore[union-attr]
    assert {figure["name"] for figure in registered} <= found.keys()
    for figure in registered:
        again, error = found[figure["name"]], figure["standard_error"]
        # Registered figures are rounded, and other processors round otherwise.
        assert again["value"] == pytest.approx(figure["value"], abs=error / 10)
        assert again["standard_error"] == pytest.approx(error, rel=0.1)
        assert again["n"] == figure["n"]


def test_into_a_pipe_go_lines(run: Run) -> None:
    done = run("evaluate", "flows/nsf-moons")
    first, second = (line.split("\t") for line in done.stdout.splitlines())
    assert (first[0], second[0]) == ("NLL", "KL divergence")
    assert float(first[1]) == pytest.approx(NLL, abs=1e-3)
    assert first[3:8] == ["nats", "20000", "exact", "density", "test"]


def test_a_terminal_gets_a_table(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo_plugin_evaluation.metric_rows.in_terminal", lambda: True)
    out = run("evaluate", "flows/nsf-moons").stdout
    assert "test: mean over rows of moons\n" in out
    assert re.search(r"NLL +0\.\d{4} ± 0\.00\d\d +nats +20,000 +exact density", out)


def test_all_with_the_training_rows_found_by_themselves(run: Run) -> None:
    asked = ("--metric", "all", "--samples", "200", "--json")
    found = figures(run("evaluate", "flows/realnvp-digits", *asked))
    assert "membership inference, likelihood" in found
    assert found["coverage (pixels)"]["protocol"].startswith(
        "200 samples beside 200 rows of digits"
    )
    assert found["coverage (pixels)"]["split"] == "test"


def test_a_model_of_all_rows_is_measured_on_all_rows(run: Run) -> None:
    recipe = "recipe: 1\narchitecture: flows/nsf\ndata: {name: moons, split: all}\n"
    zoo.save(zoo.load("flows/nsf-moons"), "./mine", recipe=recipe)
    found = figures(run("evaluate", "./mine", "--metric", "NLL", "--json"))
    assert (found["NLL"]["split"], found["NLL"]["n"]) == ("all", 45000)
    held = figures(run("evaluate", "./mine", "--metric", "NLL", "--split", "test", "--json"))
    assert (held["NLL"]["split"], held["NLL"]["n"]) == ("test", 20000)


def test_another_split_and_seed(run: Run) -> None:
    asked = ("--split", "valid", "--seed", "3", "--draws", "2", "--json")
    (found,) = figures(run("evaluate", "flows/realnvp-digits", *asked)).values()
    assert found["split"] == "valid"
    assert found["protocol"].endswith("each over 2 draws of uniform dequantisation, seed 3")


def test_the_card_of_a_saved_model_gets_the_figures(run: Run) -> None:
    zoo.save(zoo.load("flows/nsf-moons"), "mine")
    text = Path("mine/README.md").read_text("utf-8").replace("## Use", "My words.\n\n## Use")
    Path("mine/README.md").write_text(text, "utf-8")
    done = run("evaluate", "./mine", "--data", "moons", "--card")
    assert done.exit_code == 0, done.output
    assert "README.md" in done.stderr
    new = Path("mine/README.md").read_text("utf-8")
    assert "My words." in new
    head = yaml.safe_load(new.split("---\n")[1])
    values = {
        metric["name"]: metric["value"]
        for result in head["model-index"][0]["results"]
        for metric in result["metrics"]
    }
    assert values["NLL"] == pytest.approx(NLL, abs=1e-3)
    assert re.search(r"\| NLL \| 0\.\d{4} ± 0\.00\d\d \| nats \|", new)
    # The card now says which data the model is of.
    assert run("evaluate", "./mine").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "say what to evaluate"),
        (("flows/nsf-moon",), "flows/nsf-moons"),
        (("flows/nsf-moons", "--metric", "FID"), "features=network"),
        (("flows/nsf-moons", "--metric", "bits/dim"), "mass of discrete data"),
        (("flows/nsf-moons", "--card"), "belongs to its publisher"),
        (("flows/nsf-moons", "--data", "digits"), "real, [2]"),
        (("flows/nsf-moons", "--data", "moon"), "moon"),
        (("flows/nsf-moons", "--split", "exam"), "--split"),
        (("flows/nsf-moons", "--option", "steps=3"), "steps"),
        (("./nothing",), "nothing"),
    ],
)
def test_mistakes_get_one_line_and_code_2(
    run: Run, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(["evaluate", *arguments])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_metrics_are_listed(run: Run) -> None:
    names = json.loads(run("evaluate", "--list-metrics", "--json").stdout)
    assert {"NLL", "Frechet distance", "membership inference"} <= names.keys()
    assert "NLL" in run("evaluate", "--list-metrics").stdout


def test_a_leaderboard_ranks_what_is_registered(run: Run) -> None:
    found = json.loads(run("leaderboard", "digits", "--json").stdout)
    models = {}
    for ranking in found:
        values = [model["value"] for model in ranking["models"]]
        most = ranking["metric"] == "accuracy"
        assert ranking["best"] == ("most" if most else "least")
        assert values == sorted(values, reverse=most)
        names = {model["model"] for model in ranking["models"]}
        models.setdefault((ranking["metric"], ranking["kind"]), set()).update(names)
    assert {"flows/nsf-digits", "flows/realnvp-digits"} <= models["bits/dim", "lower-bound"]
    # A mass that is exact is no bound, and a density no mass.
    assert "flows/nsf-digits" not in models.get(("bits/dim", "exact"), set())
    assert models.keys() <= {
        *(("bits/dim", kind) for kind in ("lower-bound", "exact")),
        *(("NLL", "exact"), ("accuracy", None), ("log loss", None), ("Brier score", None)),
    }
    lines = [line.split("\t") for line in run("leaderboard", "digits").stdout.splitlines()]
    assert {len(line) for line in lines} == {11}
    assert run("leaderboard", "digits", "--metric", "coverage").stdout.strip() == ""


def test_a_leaderboard_imports_neither_torch_nor_pydantic() -> None:
    code = (
        "import sys\nfrom zoo_core.cli import main\nsys.argv[1:] = ['leaderboard', 'digits']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code\n"
        "assert not {'torch', 'pydantic'} & sys.modules.keys()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "flows/nsf-digits" in done.stdout


def test_a_leaderboard_measured_anew(run: Run) -> None:
    done = run("leaderboard", "moons", "--run", "--metric", "NLL", "--json")
    models = [m for ranking in json.loads(done.stdout) for m in ranking["models"]]
    values = {model["model"]: model["value"] for model in models}
    assert values["flows/nsf-moons"] == pytest.approx(NLL, abs=1e-3)


def test_an_unknown_data_set_gets_the_closest(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.main(["leaderboard", "digts"])
    assert "Did you mean digits" in capsys.readouterr().err


def test_a_page_compares_models(run: Run) -> None:
    refs = ("flows/nsf-digits", "flows/nsf-digits-by-class", "flows/nsf-moons")
    done = run("compare", "digits", *refs, "--samples", "100", "--out", "page.html")
    assert done.stdout == "page.html\n"
    assert "flows/nsf-moons is left out" in done.stderr
    page = Path("page.html").read_text("utf-8")
    order = [page.index(text) for text in ("digits (data)", "Samples", "Lower bounds", "Cost")]
    assert order == sorted(order)
    assert page.count("data:image/png") == 3
    assert "given their conditions" in page
    assert page.count("bits/dim, mass") == 2, "what is told more is not ranked with what isn't"
    assert "100 samples beside 100 rows of digits" in page


def test_a_page_as_markdown(run: Run) -> None:
    done = run("compare", "checkerboard", "flows/nsf-checkerboard", "--samples", "50", "-o", "c.md")
    assert done.exit_code == 0, done.output
    text = Path("c.md").read_text("utf-8")
    assert "KL divergence" in text
    assert sorted(path.name for path in Path("c-pictures").iterdir()) == [
        "checkerboard-data.png",
        "flows-nsf-checkerboard.png",
    ]


@pytest.mark.parametrize("out", ["page.pdf", "nowhere/page.html"])
def test_a_page_that_can_not_be_written_is_refused_before_any_work(run: Run, out: str) -> None:
    done = run("compare", "moons", "--out", out)
    assert done.exit_code != 0
    assert "measuring" not in done.output
