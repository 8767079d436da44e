"""zoo train, as a person uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import pytest
import torch
from click.testing import Result
from PIL import Image

import zoo_core as zoo
from zoo_core.errors import OptionError
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_core.interfaces.rows import Rows
from zoo_plugin_training.recipe_file import read_recipe
from zoo_plugin_training.run_rows import rows_for

Run = Callable[..., Result]
SHORT = ("--steps", "60", "--learning-rate", "0.05", "--fit", "evaluate_every=20")


def _train(run: Run, *args: object) -> Result:
    done = run("train", *args)
    assert done.exit_code == 0, done.output
    return done


def _weights(folder: str) -> bytes:
    return Path(folder, "model", "model.safetensors").read_bytes()


def test_a_table_with_a_label_column_end_to_end(run: Run, flowers: Path) -> None:
    args = ("test/gaussian", "--data", flowers.name, "--condition", "kind", "--out", "a", *SHORT)
    done = _train(run, *args, "--ema", "0.9")
    assert done.stdout == "a/model\n"
    lines = done.stderr.splitlines()
    assert [line.split()[1] for line in lines[:3]] == ["20/60", "40/60", "60/60"]
    assert lines[-1].startswith("zoo: test/gaussian: 60 steps") and "nats" in lines[-1]
    model = zoo.load("./a/model")
    assert model.conditioner.config.names == ("10", "20", "30")
    sampled = run("sample", "./a/model", "--condition", "20", "--n", "200", "--out", "-")
    rows = [line.split(",") for line in sampled.stdout.splitlines()[1:]]
    assert abs(sum(float(row[0]) for row in rows) / 200 - 3) < 0.6


def test_the_folder_has_everything_of_the_run(run: Run, flowers: Path) -> None:
    args = ("test/gaussian", "--data", flowers.name, "--condition", "kind", "--out", "a", *SHORT)
    _train(run, *args)
    recipe = read_recipe(Path("a/recipe.yaml"))
    assert recipe.data.sha256 is not None and recipe.data.condition == ("kind",)
    assert recipe.fit["steps"] == 60 and recipe.fit["batch_size"] == 256
    assert "space" not in recipe.config and "conditioner" in recipe.config
    assert read_recipe(Path("a/model/recipe.yaml")) == recipe
    entries = [json.loads(line) for line in Path("a/metrics.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in entries if "valid" in entry] == [20, 40, 60]
    pictures = sorted(Path("a/samples").glob("*.png"))
    assert [path.stem for path in pictures][-1] == "60"
    with Image.open(pictures[-1]) as picture:
        assert min(picture.size) > 100


def test_the_same_request_gives_the_same_weights_watched_or_not(run: Run) -> None:
    args = ("test/gaussian", "--data", "blobs", *SHORT)
    _train(run, *args, "--out", "a")
    _train(run, *args, "--out", "b", "--track", "tensorboard")
    _train(run, *args, "--out", "c", "--seed", "1")
    assert _weights("a") == _weights("b") != _weights("c")
    again = ("train", "--recipe", "a/recipe.yaml", "--out", "d")
    assert run(*again).exit_code == 0
    assert _weights("a") == _weights("d")


def test_fields_are_set_by_dotted_names(run: Run) -> None:
    part = "conditioner.architecture=core/label"
    sets = ("--set", part, "--set", "conditioner.config.classes=5")
    _train(run, "test/gaussian", "--data", "blobs", "--condition", "x", *sets, "--out", "a", *SHORT)
    assert zoo.load("./a/model").conditioner.config.classes == 5


def test_rows_may_be_held_out_from_elsewhere_or_not_at_all(run: Run) -> None:
    _train(run, "test/gaussian", "--data", "blobs", "--valid-data", "shifted", "--out", "a", *SHORT)
    _train(run, "test/gaussian", "--data", "blobs", "--valid-share", "0", "--out", "b", *SHORT)
    entries = [
        json.loads(Path(f, "metrics.jsonl").read_text().splitlines()[-1]) for f in ("a", "b")
    ]
    assert entries[0]["valid"] > entries[0]["loss"] + 1
    assert "valid" not in entries[1]


def test_a_run_goes_on_from_a_trained_model(run: Run) -> None:
    _train(run, "test/gaussian", "--data", "blobs", "--out", "a", *SHORT)
    tiny = ("--steps", "1", "--learning-rate", "1e-9")
    _train(run, "--init", "./a/model", "--data", "blobs", "--out", "b", *tiny)
    before, after = zoo.load("./a/model").state_dict(), zoo.load("./b/model").state_dict()
    assert all(torch.allclose(before[name], after[name], atol=1e-6) for name in before)
    recipe = read_recipe(Path("b/recipe.yaml"))
    assert (recipe.init, recipe.architecture) == ("./a/model", "test/gaussian")
    assert recipe.fit["keep_preprocessing"] is True and not recipe.config


def test_a_trained_model_goes_on_only_with_its_own_classes(run: Run, flowers: Path) -> None:
    told = ("--data", flowers.name, "--condition", "kind")
    _train(run, "test/gaussian", *told, "--out", "a", *SHORT)
    lines = flowers.read_text().splitlines()
    Path("two.csv").write_text("\n".join(line for line in lines if not line.endswith("30")))
    refused = {
        ("--data", "two.csv", "--condition", "kind"): "10, 20, 30",
        ("--data", "two.csv"): "--condition COLUMN",
    }
    for args, says in refused.items():
        done = run("train", "--init", "./a/model", *args, "--out", "b")
        assert done.exit_code == 2 and says in done.stderr, done.output
    _train(run, "--init", "./a/model", *told, "--out", "b", *SHORT)


def test_a_finished_run_resumed_stays_as_it_is(run: Run) -> None:
    _train(run, "test/gaussian", "--data", "blobs", "--out", "a", *SHORT)
    before = _weights("a")
    _train(run, "--resume", "--out", "a")
    assert _weights("a") == before


def test_a_run_is_begun_by_resume_where_there_is_none(run: Run) -> None:
    args = ("test/gaussian", "--data", "blobs", "--out", "a", *SHORT, "--resume")
    _train(run, *args)
    _train(run, *args)
    done = run("train", *args, "--seed", "5")
    assert done.exit_code == 2 and "seed" in done.stderr


@final
class Moments(zoo.Generator, zoo.DensityModel):
    """A diagonal Gaussian that fits itself, in closed form."""

    architecture = "test/moments"

    @final
    class Config(zoo.Config):
        space: zoo.Space

    def _build(self) -> None:
        self.register_buffer("loc", torch.zeros(self.space.shape))
        self.register_buffer("scale", torch.ones(self.space.shape))

    def _fit(self, request: FitRequest) -> FitReport:
        if request.options:
            raise OptionError("A closed form has no options", received=", ".join(request.options))
        x = request.data.x
        self.loc.copy_(x.mean(0))
        self.scale.copy_(x.std(0))
        figures = {"step": 1, "loss": float(-self.log_prob(x).mean())}
        return FitReport(1, 0.0, StopReason.CONVERGED, (figures,), figures)

    def _sample(self, n: int, call: zoo.Call) -> torch.Tensor:
        return self.loc + self.scale * torch.randn(n, *self.space.shape, generator=call.rng)

    def _log_prob(self, z: torch.Tensor, call: zoo.Call) -> torch.Tensor:
        return torch.distributions.Normal(self.loc, self.scale).log_prob(z).sum(1)


def test_a_model_that_fits_itself_goes_the_same_way(run: Run, work: Path) -> None:
    zoo.register(Moments)
    done = _train(run, "test/moments", "--data", "blobs", "--out", "a", "--track", "tensorboard")
    assert "converged" in done.stderr and "nats" in done.stderr
    (entry,) = map(json.loads, Path("a/metrics.jsonl").read_text().splitlines())
    assert entry["step"] == 1 and Path("a/samples/1.png").exists()
    assert list(Path("a/tensorboard").iterdir())
    assert zoo.load("./a/model").loc.norm() > 0
    _train(run, "--resume", "--out", "a")
    done = run("reproduce", "./a/model", "--json")
    assert json.loads(done.stdout)[0]["equal_weights"] is True
    done = run("train", "test/moments", "--data", "blobs", "--out", "b", "--steps", "5")
    assert done.exit_code == 2 and "closed form" in done.stderr
    assert not (work / "b").exists()


MISTAKES: list[tuple[tuple[str, ...], str]] = [
    (("test/gausian", "--data", "blobs", "--out", "a"), "Did you mean test/gaussian"),
    (("./gpt2", "--data", "blobs", "--out", "a"), "zoo train --init ./gpt2"),
    (("hf://o/r", "--data", "blobs", "--out", "a"), "zoo train --init hf://o/r"),
    (("test/gaussian", "--data", "blobs", "--out", "a", "--lr", "1"), "--learning-rate"),
    (("test/gaussian", "--data", "blobs", "--out", "a", "--set", "conditoner=3"), "conditioner"),
    (
        ("test/gaussian", "--data", "blobs", "--out", "a", "--fit", "learning_rat=3"),
        "learning_rate",
    ),
    (("test/gaussian", "--data", "blobs", "--out", "a", "--learning-rate", "-1"), "learning_rate"),
    (("test/gaussian", "--data", "blobs", "--out", "full"), "a new folder"),
    (("test/gaussian", "--data", "bad.csv", "--out", "a"), "bad.csv, line 3"),
    (("test/gaussian", "--data", "nothing", "--out", "a"), "pip install zoo-plugin-data"),
    (("test/gaussian", "--data", "blobs"), "--out"),
    (("test/gaussian", "--out", "a"), "--data"),
    (("--data", "blobs", "--out", "a"), "ARCHITECTURE"),
    (("--resume", "--out", "a"), "recipe.yaml"),
    (("test/gaussian", "--data", "blobs", "--out", "a", "--device", "tpu9"), "--device"),
    (("test/gaussian", "--data", "blobs", "--out", "a", "--track", "trackio"), "[trackio]"),
    (
        (
            "test/gaussian",
            "--data",
            "blobs",
            "--out",
            "a",
            "--valid-share",
            "0",
            "--fit",
            "patience=3",
        ),
        "valid",
    ),
    (("test/gaussian", "--data", "huge.csv", "--out", "a"), "finite"),
]


@pytest.mark.parametrize(("args", "says"), MISTAKES)
def test_mistakes_are_one_line_and_leave_nothing(
    run: Run, work: Path, args: tuple[str, ...], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", _without("trackio"))
    (work / "full").mkdir()
    (work / "full" / "mine.txt").write_text("mine")
    (work / "bad.csv").write_text("a,b\n1,2\nnan,3\n")
    (work / "huge.csv").write_text("a,b\n" + "1e38,1\n-1e38,2\n" * 40)
    done = run("train", *args)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
    assert says in done.stderr
    assert not (work / "a").exists() and len(list((work / "full").iterdir())) == 1


def _without(name: str) -> Callable[..., Any]:
    import importlib.util

    found = importlib.util.find_spec
    return lambda wanted, *more: None if wanted == name else found(wanted, *more)


def test_an_existing_run_is_not_begun_again(run: Run) -> None:
    args = ("test/gaussian", "--data", "blobs", "--out", "a", *SHORT)
    _train(run, *args)
    done = run("train", *args)
    assert done.exit_code == 2 and "zoo train --resume --out a" in done.stderr


def test_other_rows_under_the_same_name_are_not_resumed_with(run: Run, flowers: Path) -> None:
    _train(run, "test/gaussian", "--data", flowers.name, "--out", "a", *SHORT)
    flowers.write_text(flowers.read_text().replace("1", "2"))
    done = run("train", "--resume", "--out", "a")
    assert done.exit_code == 2 and "sha256" in done.stderr


def test_only_the_first_process_speaks_and_writes(
    run: Run, work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    done = run("train", "test/gaussian", "--data", "nothing", "--out", "a")
    assert (done.exit_code, done.output) == (2, "")
    assert not (work / "a").exists()


INTERRUPTED = """
import os, signal
import zoo_core as zoo
from zoo_core import plugins
from models.gaussian import Gaussian
import importlib.util, sys
spec = importlib.util.spec_from_file_location("readers", sys.argv.pop(1))
readers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(readers)
zoo.register(Gaussian)
plugins.register_hooks(readers.Readers(), "readers")
after = int(sys.argv.pop(1))

class Interrupting:
    @zoo.hookimpl
    def zoo_observe_training(self, model, request):
        def observer(event):
            if event.kind == "validated" and event.step == after:
                os.kill(os.getpid(), signal.SIGINT)
        return observer

plugins.register_hooks(Interrupting(), "interrupting")
signal.signal(signal.SIGINT, signal.default_int_handler)
from zoo_core.cli import main
main()
"""


def test_ctrl_c_ends_with_130_and_the_line_of_how_to_go_on(run: Run, work: Path) -> None:
    args = ["test/gaussian", "--data", "blobs", *SHORT]
    _train(run, *args, "--out", "whole")
    tests = Path(__file__).parents[4] / "tests"
    path = os.pathsep.join([str(tests), os.environ.get("PYTHONPATH", "")])
    hooks = str(Path(__file__).with_name("conftest.py"))
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, hooks, "20", "train", *args, "--out", "a"],
        env={**os.environ, "PYTHONPATH": path},
        cwd=work,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 130, done.stderr
    assert "zoo train --resume --out a" in done.stderr
    assert not Path("a/model").exists()
    _train(run, "--resume", "--out", "a")
    assert _weights("a") == _weights("whole")


class Lazy(Rows):
    """Rows that are fetched."""

    def __init__(self, x: torch.Tensor, labels: torch.Tensor) -> None:
        self.x, self.labels = x, labels

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: torch.Tensor) -> zoo.Batch:
        return zoo.Batch(self.x[rows], self.labels[rows])


def test_conditions_are_left_out_for_a_model_that_is_not_told_any() -> None:
    x, labels = torch.randn(9, 2), torch.arange(9)
    whole = zoo.Batch(x, labels, torch.ones(9))
    for data in (whole, Lazy(x, labels), [whole, whole]):
        dataset = Dataset("d", Split.ALL, data, zoo.Space.real(2))
        assert rows_for(dataset, told=True) is data
        plain = rows_for(dataset, told=False)
        batches = [plain] if isinstance(plain, zoo.Batch) else list(plain)
        assert len(batches) == len([data] if isinstance(data, zoo.Batch | Lazy) else data)
        for batch in batches:
            assert torch.equal(batch.x, x) and batch.condition is None
        if isinstance(plain, Rows):
            assert len(plain) == 9 and plain.take(torch.tensor([2])).condition is None
