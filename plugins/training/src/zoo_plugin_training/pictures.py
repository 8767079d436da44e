"""Pictures of samples as a run goes on, drawn without touching its randomness."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor

from zoo_core.errors import ZooError
from zoo_core.hooks.events import EventKind, TrainingEvent
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.fitting import FitRequest
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.randomness import rng
from zoo_core.interfaces.rows import Rows
from zoo_core.interfaces.space import Space

if TYPE_CHECKING:
    from PIL.Image import Image

_MOMENTS = 8
_TILES, _POINTS = 64, 1000
_PAIRS = 4
_SHARE = 0.1
"""Drawing takes no more of a run's time than this; slow samplers get fewer pictures."""


@final
class Pictures:
    """Observes a run and writes samples/STEP.png at a few moments of it.

    Every picture shows the same draws: what differs from one to the next is the weights. The
    model is asked in evaluation mode, with the weights that it would be saved with.
    """

    def __init__(self, model: Generator, request: FitRequest, folder: Path) -> None:
        self._model, self._folder = model, folder
        points = not _is_picture(model.space)
        self._condition = conditions(request.data, _POINTS if points else _TILES, model)
        self._count = _POINTS if points else _TILES
        if self._condition is not None:
            self._count = len(self._condition)
        self._began, self._spent, self._next = time.perf_counter(), 0.0, 0

    def __call__(self, event: TrainingEvent) -> None:
        """Draw at evenly spread evaluations."""
        if event.kind is not EventKind.VALIDATED:
            return
        now = time.perf_counter()
        costly = self._spent > _SHARE * (now - self._began)
        if event.step != event.steps and (event.step < self._next or costly):
            return
        self._next = event.step + max(1, (event.steps or 0) // _MOMENTS)
        # Samples of the first steps may lie anywhere; the next picture shows what became of them.
        with contextlib.suppress(ZooError):
            self._draw(event.step, event.steps)
        self._spent += time.perf_counter() - now

    def _draw(self, step: int, steps: int | None) -> None:
        training = [module for module in self._model.modules() if module.training]
        self._model.eval()
        try:
            x = self._sample()
        finally:
            for module in training:
                module.training = True
        if not isinstance(x, Tensor):
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        digits = len(str(steps or step))
        picture(self._model.space, x).save(self._folder / f"{step:0{digits}}.png")

    def _sample(self) -> Any:
        device = self._model.device
        # A sampler that forgot its rng draws from the global generators: those are put back.
        others = [] if device.type == "cpu" else [device]
        kind = "cuda" if device.type == "cpu" else device.type
        with torch.random.fork_rng(devices=others, device_type=kind):
            return self._model.sample(self._count, condition=self._condition, rng=rng(0, device))


def drawable(model: Generator) -> bool:
    """Say whether a model's samples make a picture."""
    return Generator in model.provides and not model.space.ragged and model.space.size > 0


def conditions(data: Batch | Iterable[Batch], count: int, model: Model) -> Codes | None:
    """Give what the samples are told: the conditions of the first rows, in their order."""
    if not model.is_conditional:
        return None
    if isinstance(data, Rows):
        data = data.take(torch.arange(min(count, len(data))))
    batch = data if isinstance(data, Batch) else next(iter(data))
    codes = batch.condition.take(slice(0, count))
    if list(codes.tensors) == ["label"]:
        return codes.take(codes["label"].argsort(stable=True))
    return codes


def picture(space: Space, x: Tensor) -> Image:
    """Draw samples: a grid of pictures, points in the plane, or panels of pairs of columns."""
    from zoo_core.exchange import columns, grid, panels, scatter, to_images

    if _is_picture(space):
        return grid(to_images(space, x))
    flat, names = x.flatten(1).float(), columns(space)
    if flat.shape[1] == 1:
        below = (torch.arange(len(flat)) + 0.5) / len(flat)
        points = torch.stack((flat[:, 0].cpu().sort().values, below), 1)
        return scatter(points, names=(names[0], "share below"))
    pairs = [(i, i + 1) for i in range(0, flat.shape[1] - 1, 2)][:_PAIRS]
    drawn = {
        f"{names[i]}, {names[j]}": scatter(flat[:, [i, j]], names=(names[i], names[j]))
        for i, j in pairs
    }
    return panels(drawn) if len(drawn) > 1 else next(iter(drawn.values()))


def _is_picture(space: Space) -> bool:
    from zoo_core.exchange import is_picture

    return is_picture(space)
