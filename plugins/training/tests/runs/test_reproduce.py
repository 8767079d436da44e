"""zoo reproduce: figures that come back, that don't, and what is left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result

from zoo_plugin_training.recipe_file import read_recipe
from zoo_plugin_training.reproduce_comparison import tolerance

Run = Callable[..., Result]

RECIPE = """\
# Three blobs.
recipe: 1
architecture: test/gaussian
summary: Three blobs by a Gaussian that is told which.
config: {conditioner: {architecture: core/label, config: {classes: 3}}}
# The column is called kind.
data: {name: blobs, condition: [kind]}
fit: {steps: 80, learning_rate: 0.05, schedule: constant}
seed: 0
tags: [toy]
licenses: {weights: Apache-2.0, code: Apache-2.0}
"""


@pytest.fixture
def recipe(work: Path) -> Path:
    (work / "blobs.yaml").write_text(RECIPE)
    return work / "blobs.yaml"


@pytest.fixture
def updated(run: Run, recipe: Path) -> Path:
    """The recipe with its figures."""
    done = run("reproduce", recipe, "--update")
    assert done.exit_code == 0, done.output
    return recipe


def _outcomes(done: Result) -> list[dict[str, Any]]:
    return json.loads(done.stdout)


def test_figures_are_measured_and_written_into_the_recipe(updated: Path) -> None:
    text = updated.read_text()
    assert text.startswith(RECIPE.split("data:")[0])
    recipe = read_recipe(updated)
    (figure,) = recipe.metrics
    assert (figure.name, figure.unit, figure.n) == ("NLL", "nats", 120)
    assert 1 < figure.value < 3 and figure.standard_error is not None
    assert figure.tolerance >= 4 * figure.standard_error
    assert recipe.data.sha256 is not None and recipe.minutes is not None


def test_a_recipe_that_comes_back_passes(run: Run, updated: Path) -> None:
    done = run("reproduce", updated)
    assert done.exit_code == 0, done.output
    name, figure, was, now, _, verdict = done.stdout.strip().split("\t")
    assert (name, figure, verdict) == ("blobs", "NLL", "pass")
    assert was.endswith(" nats") and abs(float(was.split()[0]) - float(now)) < 1e-3


def test_one_that_does_not_come_back_fails_by_the_exit_code(run: Run, updated: Path) -> None:
    figure = read_recipe(updated).metrics[0]
    text = updated.read_text()
    for value, code in (
        (figure.value + 0.9 * figure.tolerance, 0),
        (figure.value - 1.1 * figure.tolerance, 1),
    ):
        updated.write_text(text.replace(f"value: {figure.value}", f"value: {value:.6f}"))
        done = run("reproduce", updated, "--json")
        assert done.exit_code == code, done.output
        assert _outcomes(done)[0]["verdict"] == ("FAIL" if code else "pass")


def test_a_figure_of_another_kind_is_not_the_one(run: Run, updated: Path) -> None:
    updated.write_text(updated.read_text().replace("kind: exact", "kind: lower-bound"))
    done = run("reproduce", updated)
    assert done.exit_code == 1 and "not measured" in done.stdout


def test_a_recipe_without_figures_proves_nothing(run: Run, recipe: Path) -> None:
    done = run("reproduce", recipe)
    assert done.exit_code == 1 and "--update" in done.stdout


def test_long_ones_are_left_out_and_said_so(run: Run, updated: Path, work: Path) -> None:
    text = updated.read_text()
    minutes = read_recipe(updated).minutes
    (work / "long.yaml").write_text(text.replace(f"minutes: {minutes}", "minutes: 30"))
    done = run("reproduce", updated, "long.yaml", "--max-minutes", "3", "--json")
    assert done.exit_code == 0, done.output
    assert [outcome["verdict"] for outcome in _outcomes(done)] == ["pass", "skipped"]
    assert "30 minutes" in done.stderr


def test_other_data_are_refused_before_training_and_stop_no_other(
    run: Run, updated: Path, work: Path
) -> None:
    (work / "other.yaml").write_text(updated.read_text().replace("name: blobs", "name: shifted"))
    done = run("reproduce", "other.yaml", updated, "--json")
    assert done.exit_code == 1
    other, same = _outcomes(done)
    assert (other["verdict"], same["verdict"]) == ("ERROR", "pass")
    assert "sha256" in other["message"]


def test_a_run_is_made_again_to_the_bit_from_its_own_folder(run: Run, updated: Path) -> None:
    done = run("train", "--recipe", updated, "--out", "a")
    assert done.exit_code == 0, done.output
    done = run("reproduce", "./a/model", "--out", "again", "--json")
    # A recipe of a run holds no figures; equal weights say more than any.
    assert (done.exit_code, _outcomes(done)[0]["equal_weights"]) == (0, True)
    ours, theirs = Path("a/model"), Path("again/a-model/model")
    weights = "model.safetensors"
    assert (ours / weights).read_bytes() == (theirs / weights).read_bytes()


def test_figures_are_written_into_a_saved_models_recipe_and_its_manifest(
    run: Run, updated: Path
) -> None:
    assert run("train", "--recipe", updated, "--out", "a").exit_code == 0
    assert run("reproduce", "./a/model", "--update").exit_code == 0
    assert read_recipe(Path("a/model/recipe.yaml")).metrics
    assert run("pull", "./a/model").exit_code == 0
    assert run("reproduce", "./a/model").exit_code == 0


def test_the_data_may_lie_elsewhere_if_they_are_the_same(
    run: Run, updated: Path, flowers: Path
) -> None:
    args = ("--data", flowers.name, "--condition", "kind", "--steps", "20", "--out", "a")
    assert run("train", "test/gaussian", *args).exit_code == 0
    flowers.rename("moved.csv")
    assert run("reproduce", "./a/model").exit_code == 1
    assert run("reproduce", "./a/model", "--data", "moved.csv").exit_code == 0
    assert run("reproduce", "./a/model", "--data", "blobs").exit_code == 1


def test_names_that_mean_nothing_are_errors(run: Run, work: Path) -> None:
    for name, says in (
        ("test/gausian", "test/gaussian"),
        ("nothing/*", "nothing/*"),
        ("./x.yaml", "x.yaml"),
    ):
        done = run("reproduce", name)
        assert done.exit_code != 0 and says in done.output, done.output


PACKAGE = """\
schema: 1
plugin:
  distribution: zoo-plugin-test
  namespace: test
  summary: Models of tests.
  api: 0
architectures:
  test/gaussian:
    class: models.gaussian:Gaussian
    summary: A Gaussian.
    provides: [Generator, DensityModel]
models:
  test/zebra: {architecture: test/gaussian, summary: Z, provides: [Generator], parameters: 1,
    sources: {bundled: models/z}, licenses: {weights: MIT, code: MIT, data: MIT},
    files: {config.json: {size: 1, sha256: "0000000000000000000000000000000000000000000000000000000000000000"}}}
"""


@pytest.fixture
def package(work: Path) -> Path:
    folder = work / "src" / "zoo_plugin_test"
    (folder / "recipes").mkdir(parents=True)
    (folder / "registry.yaml").write_text(PACKAGE)
    (folder / "recipes" / "blobs.yaml").write_text(RECIPE)
    return folder


def test_a_model_is_bundled_into_a_package(run: Run, package: Path) -> None:
    recipe = package / "recipes" / "blobs.yaml"
    done = run("reproduce", recipe, "--bundle", package)
    assert done.exit_code == 0, done.output
    checked = run("registry", "check", package / "registry.yaml")
    assert checked.exit_code == 0, checked.output
    models = yaml.safe_load((package / "registry.yaml").read_text())["models"]
    assert list(models) == ["test/blobs", "test/zebra"]
    entry = models["test/blobs"]
    assert entry["recipe"] == "recipes/blobs.yaml" and entry["dataset"] == "blobs"
    assert entry["licenses"] == {"weights": "Apache-2.0", "code": "Apache-2.0", "data": "CC0-1.0"}
    assert set(entry["provides"]) == {"Generator", "DensityModel"}
    figure = read_recipe(recipe).metrics[0]
    assert entry["metrics"][0]["value"] == figure.value
    assert set(entry["files"]) == {p.name for p in (package / "models" / "blobs").iterdir()}
    card = (package / "models" / "blobs" / "README.md").read_text()
    assert card.startswith("---\nlicense: apache-2.0") and str(figure.value) in card
    done = run("reproduce", recipe, "--json")
    assert done.exit_code == 0, done.output
    assert _outcomes(done)[0]["name"] == "test/blobs"
    assert _outcomes(done)[0]["equal_weights"] is True


def test_a_recipe_from_elsewhere_is_copied_into_the_package(
    run: Run, package: Path, updated: Path
) -> None:
    (package / "recipes" / "blobs.yaml").unlink()
    assert run("reproduce", updated, "--bundle", package).exit_code == 0
    assert read_recipe(package / "recipes" / "blobs.yaml").metrics


def test_bundling_needs_a_package(run: Run, recipe: Path, work: Path) -> None:
    done = run("reproduce", recipe, "--bundle", work)
    assert done.exit_code == 1 and "registry.yaml" in done.stdout


def test_without_an_evaluation_it_says_what_to_install(
    run: Run, recipe: Path, monkeypatch: Any
) -> None:
    from zoo_core.plugins import facade

    answering = facade.answering
    monkeypatch.setattr(
        facade,
        "answering",
        lambda hook: answering("zoo_fetch") if hook == "zoo_evaluate" else answering(hook),
    )
    done = run("reproduce", recipe)
    assert done.exit_code == 1 and "pip install zoo-plugin-evaluation" in done.stdout


def test_the_tolerance_is_four_standard_errors_or_a_share() -> None:
    assert tolerance(0.3056, 0.0041) == pytest.approx(0.0164)
    assert tolerance(100.0, 0.1) == pytest.approx(1.0)
    assert tolerance(-2.0, None) == pytest.approx(0.1)
