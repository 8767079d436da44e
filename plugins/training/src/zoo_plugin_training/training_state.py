"""All that changes in a run: weights, their average, optimisers, record, counters."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.interfaces.model import Model
from zoo_plugin_training.checkpoint import Checkpoint
from zoo_plugin_training.engine import Engine
from zoo_plugin_training.optimizer import Optimizer
from zoo_plugin_training.processes import Processes
from zoo_plugin_training.record import Record
from zoo_plugin_training.weights import MovingAverage


@final
class TrainingState:
    """Goes into a checkpoint and comes out of one, bit for bit."""

    def __init__(
        self,
        model: Model,
        engine: Engine,
        optimizers: Mapping[str, Optimizer],
        ema: float | None,
        processes: Processes,
    ) -> None:
        self._engine, self._optimizers, self._processes = engine, optimizers, processes
        self._tensors = {**engine.local, **dict(model.named_buffers())}
        moved = {name: engine.local[name] for o in optimizers.values() for name in o.names}
        self.average = None if ema is None else MovingAverage(moved, ema)
        self.record = Record(self._tensors, engine.local)
        self.done, self.evaluated_at = 0, 0
        self.losses: dict[str, float] = dict.fromkeys(optimizers, 0.0)
        self.seconds = 0.0

    def averaged(self) -> contextlib.AbstractContextManager[None]:
        """Let the model hold the average inside, where there is one."""
        return contextlib.nullcontext() if self.average is None else self.average.applied()

    def checkpoint(self, **more: Any) -> Checkpoint:
        """Gather everything; all processes call it, the first one gets the tensors."""
        state = {
            "done": self.done,
            "evaluated_at": self.evaluated_at,
            "losses": self.losses,
            "seconds": self.seconds,
            **self.record.state(),
            **more,
        }
        groups = {
            "weights": self._gathered(self._tensors),
            "best": self._gathered(self.record.copy.copies),
            "optimizers": self._optimizer_tensors(),
        }
        if self.average is not None:
            groups["average"] = self.average.state(self._whole)
        return Checkpoint(state, groups)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take everything over; all processes call it."""
        state, tensors = checkpoint.state, checkpoint.tensors
        self._fill(self._tensors, tensors["weights"])
        self._fill(self.record.copy.copies, tensors["best"])
        for name, optimizer in self._optimizers.items():
            optimizer.restore(_Prefixed(tensors["optimizers"], name), self._part)
        if self.average is not None:
            self.average.restore(tensors["average"], self._part)
        self.record.resume(state)
        self.done, self.evaluated_at = state["done"], state["evaluated_at"]
        self.losses, self.seconds = dict(state["losses"]), state["seconds"]

    def _optimizer_tensors(self) -> dict[str, Tensor]:
        return {
            f"{name}/{key}": tensor
            for name, optimizer in self._optimizers.items()
            for key, tensor in optimizer.state(self._whole).items()
        }

    def _gathered(self, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: self._whole(name, tensor) for name, tensor in tensors.items()}

    @torch.no_grad()
    def _fill(self, tensors: Mapping[str, Tensor], saved: Mapping[str, Tensor]) -> None:
        for name, tensor in tensors.items():
            tensor.copy_(self._part(name, saved[name]))

    def _whole(self, name: str, local: Tensor) -> Tensor:
        """Put a tensor together; the processes that don't write keep nothing of it."""
        parameter = name in self._engine.local
        found = self._engine.whole(name, local) if parameter else local
        return found.detach().cpu() if self._processes.leads else found.new_empty(0)

    def _part(self, name: str, whole: Tensor) -> Tensor:
        return self._engine.part(name, whole) if name in self._engine.local else whole


@final
class _Prefixed(Mapping[str, Tensor]):
    """The tensors of one optimiser among those of all."""

    def __init__(self, tensors: Mapping[str, Tensor], prefix: str) -> None:
        self._tensors, self._prefix = tensors, f"{prefix}/"

    def __getitem__(self, name: str) -> Tensor:
        return self._tensors[self._prefix + name]

    def __iter__(self):
        return (n.removeprefix(self._prefix) for n in self._tensors if n.startswith(self._prefix))

    def __len__(self) -> int:
        return sum(1 for _ in self)
