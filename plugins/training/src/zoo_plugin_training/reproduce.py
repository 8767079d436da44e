"""Making a model again from its recipe, and seeing whether it reaches what it reached."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, final

from zoo_core.checkpoints.saving import file_hash
from zoo_core.checkpoints.texts import WEIGHTS
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.metric import EvaluationRequest, Metric
from zoo_core.interfaces.randomness import rng
from zoo_core.plugins import facade
from zoo_plugin_training.recipe import Recipe
from zoo_plugin_training.reproduce_comparison import Comparison, compare
from zoo_plugin_training.reproduce_targets import Target
from zoo_plugin_training.run import Run, prepare, threads
from zoo_plugin_training.run_data import open_split
from zoo_plugin_training.run_folder import RunFolder


@final
@dataclass(frozen=True)
class Made:
    """A model made again: the run with its trained model, its figures, where it is, how long."""

    run: Run
    test: Dataset
    metrics: tuple[Metric, ...]
    folder: Path
    minutes: float


@final
@dataclass(frozen=True)
class Reproduction:
    """How a recipe came out.

    `equal` says whether the weights are the registered ones, to the bit; None where there are none.
    """

    target: Target
    comparisons: tuple[Comparison, ...]
    minutes: float
    equal: bool | None

    @property
    def passed(self) -> bool:
        """Whether every figure came back."""
        return all(comparison.passed for comparison in self.comparisons)


def reproduction(target: Target, recipe: Recipe, made: Made) -> Reproduction:
    """Compare a model with what its recipe promises."""
    equal = None
    if target.weights is not None:
        equal = file_hash(made.folder / WEIGHTS) == target.weights
    figures = compare(recipe.metrics, made.metrics)
    return Reproduction(target, tuple(figures), made.minutes, equal)


@contextmanager
def made_again(
    recipe: Recipe, out: Path | None, *, device: str | None = None, progress: str = "auto"
) -> Iterator[Made]:
    """Train and measure by a recipe; the saved model is there until the context is left.

    With `out`, a run folder, everything is kept there. Raises what training raises; DataError
    where the data are not those of the recipe.
    """
    with TemporaryDirectory(prefix="zoo-reproduce-") as place:
        folder = RunFolder(Path(place) if out is None else out)
        folder.refuse_full()
        clock, processor = time.perf_counter(), time.process_time()
        with threads(recipe.threads):
            run = prepare(recipe, device)
            folder.begin(run.recipe)
            _train(run, None if out is None else folder, progress)
            test = open_split(run.recipe.data, run.recipe.data.tested, run.data.train.space)
            metrics = _measured(run, test)
        saved = folder.save_model(run.model, run.recipe)
        # A machine that does other things too takes longer; its processor's time does not.
        seconds = min(time.perf_counter() - clock, time.process_time() - processor)
        yield Made(run, test, metrics, saved, seconds / 60)


def _train(run: Run, folder: RunFolder | None, progress: str) -> None:
    if not run.looped:
        report = run.fit()
        if folder is not None:
            folder.write_history(report.history)
        return
    places: dict[str, Any] = {"progress": progress}
    if folder is not None:
        places["out"] = str(folder.path)
    run.fit(**places)


def _measured(run: Run, test: Dataset) -> tuple[Metric, ...]:
    """Measure the figures that the recipe names, else those that the evaluation chooses."""
    names = run.recipe.evaluate or tuple(dict.fromkeys(m.name for m in run.recipe.metrics))
    request = EvaluationRequest(
        dataset=test, train=run.data.train, metrics=names, rng=rng(0), options={}
    )
    return facade.evaluate(run.model, request)
