"""What a run writes into its folder: checkpoints, the best model so far, figures."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, final

from zoo_core.errors import CheckpointError, DiskFullError, PluginMissingError, ZooError
from zoo_core.interfaces.model import Model
from zoo_plugin_training.checkpoint import Checkpoint, read_checkpoint
from zoo_plugin_training.checkpoint_folder import CheckpointFolder
from zoo_plugin_training.options import FitOptions
from zoo_plugin_training.processes import Processes

_log = logging.getLogger(__name__)
_LONGEST = 180.0
"""Seconds after which a checkpoint is due without an evaluation."""
_SHARE = 20.0
"""A checkpoint of t seconds is followed by so many times t without one."""


@final
class Saver:
    """The folder of a run; without one it does nothing. Only the first process writes."""

    def __init__(self, options: FitOptions, processes: Processes) -> None:
        self._out, self._every = options.out, options.checkpoint_every
        self._resume, self._processes = options.resume, processes
        self._saved_at, self._cost = time.monotonic(), 0.0
        self._best: Mapping[str, float] | None = None
        self._keeps_best = True

    @property
    def writes(self) -> bool:
        """Whether the run has a folder."""
        return self._out is not None

    def read(self) -> Checkpoint | None:
        """Read the checkpoint to go on from; None where the run begins.

        Raises CheckpointError where there is a run that was not asked to be resumed.
        """
        if self._out is None:
            return None
        folder = self._folder("last")
        if not self._processes.told(folder.is_begun):
            return None
        if not self._resume:
            raise CheckpointError(
                "A run is written to a folder that has no other run's checkpoints",
                received=str(self._out),
                remedy="Pass resume=True to go on with it, or choose another folder.",
            )
        found = read_checkpoint(folder, self._processes)
        if found is None and self._processes.leads:
            _log.warning("No checkpoint in %s is whole: the run begins anew.", self._out)
        return found

    def is_due(self, step: int, evaluated: bool) -> bool:
        """Say whether to write a checkpoint after a step; the first process decides."""
        if self._out is None or not self._processes.leads:
            return False
        if self._every is not None:
            return step % self._every == 0
        since = time.monotonic() - self._saved_at
        return since >= _SHARE * self._cost and (evaluated or since >= _LONGEST)

    def save(self, checkpoint: Checkpoint) -> Path:
        """Write a checkpoint; all processes call it, and all raise what the first one meets.

        Raises DiskFullError, with the checkpoint before still in its place.
        """
        began = time.monotonic()
        folder = self._folder("last")
        self._together(lambda: folder.replace(checkpoint.write))
        self._saved_at = time.monotonic()
        self._cost = self._saved_at - began
        return self._place / "checkpoints" / "last"

    def wants_best(self, best: Mapping[str, float] | None) -> bool:
        """Say whether the best weights are others than those that were saved."""
        return self._keeps_best and best is not None and best is not self._best

    def save_best(self, model: Model, best: Mapping[str, float] | None) -> None:
        """Save the model as it is, for zoo.load; where that can't be, say so once."""
        from zoo_core.publishing import save

        self._best = best
        target = self._place / "checkpoints" / "best"
        try:
            self._together(lambda: save(model, target))
        except DiskFullError:
            raise
        except (CheckpointError, PluginMissingError) as error:
            self._keeps_best = False
            if self._processes.leads:
                _log.warning("The best model is not saved on the way: %s", error)

    def begin_figures(self, history: Iterable[Mapping[str, float]]) -> None:
        """Write the figures up to a checkpoint; those behind it are dropped."""
        if self._out is not None and self._processes.leads:
            self._out.mkdir(parents=True, exist_ok=True)
            text = "".join(f"{json.dumps(dict(entry))}\n" for entry in history)
            beside = self._figures.with_suffix(".new")
            beside.write_text(text, encoding="utf-8")
            beside.replace(self._figures)

    def add_figures(self, entry: Mapping[str, float]) -> None:
        """Write the figures of an evaluation."""
        if self._out is not None and self._processes.leads:
            with self._figures.open("a", encoding="utf-8") as file:
                file.write(f"{json.dumps(dict(entry))}\n")

    @property
    def _place(self) -> Path:
        if self._out is None:
            raise CheckpointError("A checkpoint is written to a folder", received="none")
        return self._out

    @property
    def _figures(self) -> Path:
        return self._place / "metrics.jsonl"

    def _folder(self, name: str) -> CheckpointFolder:
        return CheckpointFolder(self._place / "checkpoints" / name)

    def _together(self, write: Callable[[], Any]) -> None:
        """Write in the first process; raise in all what it raises."""
        error: Exception | None = None
        if self._processes.leads:
            try:
                write()
            except (ZooError, OSError) as raised:
                error = raised
        told = self._processes.told(None if error is None else str(error))
        if error is not None:
            raise error
        if told is not None:
            raise CheckpointError("The first process writes the checkpoint", received=told)
