"""A run: from a recipe to a trained model."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import torch

from zoo_core.config import thaw
from zoo_core.errors import OptionError
from zoo_core.hooks.events import EventKind, TrainingEvent
from zoo_core.interfaces.fitting import FitReport, FitRequest
from zoo_core.interfaces.model import Model, provided
from zoo_core.interfaces.next_token import NextToken
from zoo_core.interfaces.randomness import rng
from zoo_core.interfaces.requests import checked_batches
from zoo_core.registry.architectures import resolve
from zoo_plugin_training.recipe import Recipe
from zoo_plugin_training.run_data import RunData, open_run_data
from zoo_plugin_training.run_model import build, build_alone, check_classes, load_initial
from zoo_plugin_training.run_observers import observer_of
from zoo_plugin_training.run_options import check_fields, check_options, fits_itself
from zoo_plugin_training.run_rows import rows_for

TOKENS = 128
"""How many tokens a window of text has unless said otherwise."""


@final
@dataclass(frozen=True)
class Run:
    """A recipe, resolved, with its data and the model that is to be trained."""

    recipe: Recipe
    data: RunData
    model: Model

    @property
    def looped(self) -> bool:
        """Whether the training loop trains the model; else it fits itself."""
        return not fits_itself(type(self.model))

    def show(self, report: FitReport, **places: Any) -> None:
        """Draw samples of a model that fitted itself, and hand its figures to the tracker."""
        data = rows_for(self.data.train, told=self.model.is_conditional)
        checked = checked_batches(self.model, data, None, None)
        request = FitRequest(checked, None, rng(self.recipe.seed), options=places)
        observer = observer_of(self.model, request)
        if observer is None:
            return
        steps, history = report.steps, report.history or ({},)
        observer(TrainingEvent(EventKind.STARTED, 0, steps))
        for entry in history:
            observer(TrainingEvent(EventKind.STEP, int(entry.get("step", steps)), steps, entry))
        observer(TrainingEvent(EventKind.VALIDATED, steps, steps, history[-1]))
        observer(TrainingEvent(EventKind.FINISHED, steps, steps))

    def fit(self, **places: Any) -> FitReport:
        """Train; `places` are the loop's options of where a run goes and what is seen of it."""
        told, held_out = self.model.is_conditional, self.data.valid
        valid = None if held_out is None else rows_for(held_out, told=told)
        options = thaw(self.recipe.fit)
        if "out" not in places:
            options.pop("checkpoint_every", None)
        return self.model.fit(
            rows_for(self.data.train, told=told),
            valid=valid,
            rng=rng(self.recipe.seed),
            **options,
            **places,
        )


def prepare(recipe: Recipe, device: str | None = None) -> Run:
    """Check a recipe, open its data and build its model; gives the recipe with all resolved.

    What is wrong is told before anything is written: ZooError's children.
    """
    place = _device(device)
    initial = None
    if recipe.init is not None:
        initial = load_initial(recipe.init, bool(recipe.data.condition))
        recipe = _of_initial(recipe, initial)
    model_class = resolve(recipe.architecture)
    check_fields(model_class, recipe.config)
    options = check_options(recipe, model_class)
    recipe, data, model = _opened(recipe, initial)
    fields = {} if initial is not None else _config(model, data)
    source = {**recipe.data.to_json(), "sha256": data.train.sha256 or None}
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    full = recipe.replaced(config=fields, fit=options, data=source, processes=processes)
    return Run(full, data, model.to(place))


def _opened(recipe: Recipe, initial: Model | None) -> tuple[Recipe, RunData, Model]:
    """Open the data and build the model, or take the initial one, whose space they are read in.

    A model that brings its own tokenizer reads text by it, in windows whose length the recipe
    then says.
    """
    known = build_alone(recipe) if initial is None else initial
    space = None if known is None else known.space
    if known is not None and known.space.tokenizer is not None:
        length = recipe.data.length or _usual_length(known)
        recipe = recipe.replaced(data={**recipe.data.to_json(), "length": length})
    elif initial is None:
        space = None
    data = open_run_data(recipe.data, space)
    if initial is not None:
        check_classes(initial, data.train)
    return recipe, data, known or build(recipe, data.train)


def _usual_length(model: Model) -> int:
    """Choose the length of windows of text: no longer than what the model reads at once."""
    window = model.window if provided(model, NextToken) else None
    return TOKENS if window is None else min(TOKENS, window)


def _of_initial(recipe: Recipe, initial: Model) -> Recipe:
    if recipe.architecture not in ("", initial.architecture):
        raise OptionError(
            f"--init {recipe.init} is a {initial.architecture}",
            received=recipe.architecture,
            remedy="Leave ARCHITECTURE out.",
        )
    return recipe.replaced(architecture=initial.architecture)


def _config(model: Model, data: RunData) -> dict[str, Any]:
    """Give the model's whole configuration, without the space where that is the data's."""
    fields = model.config.to_json()
    if fields.get("space") == data.train.space.to_json():
        del fields["space"]
    return fields


def _device(name: str | None) -> torch.device:
    """Give the device, of several processes each its own. Raises OptionError for no such device."""
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    try:
        return torch.empty(0, device=name or "cpu").device
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n", 1)[0]
        raise OptionError("--device names a device of this machine", received=reason) from None


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute with so many threads, on which the rounding of sums depends."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
