"""Several processes that each hold the whole model."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.objective import Objective
from zoo_plugin_training.engine import WholeEngine, only_trained
from zoo_plugin_training.losses import Losses
from zoo_plugin_training.options import Precision
from zoo_plugin_training.processes import Processes


@final
class ReplicatedEngine(WholeEngine):
    """One DistributedDataParallel an objective; gradients are averaged over the processes."""

    def __init__(
        self,
        model: Model,
        objectives: Sequence[Objective],
        trained: Sequence[Sequence[str]],
        precision: Precision,
        processes: Processes,
    ) -> None:
        super().__init__(model, objectives, trained)
        self._model, self._processes = model, processes
        self._wrapped = [self._wrap(Losses(model, precision), names) for names in trained]

    def rows(self, number: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Give the loss of each row."""
        return self._wrapped[number](batch, self._names[number], rng)

    def accumulating(self, number: int) -> contextlib.AbstractContextManager[None]:
        """Exchange nothing inside."""
        return self._wrapped[number].no_sync()

    def release(self) -> None:
        """Let the reducers go."""
        self._wrapped.clear()

    def synchronize_buffers(self) -> None:
        """Let every process have the first one's buffers."""
        send_buffers(self._model, self._processes)

    def _wrap(self, losses: Losses, names: Sequence[str]) -> DistributedDataParallel:
        # A wrapper that looks for unused parameters keeps its buckets, and with them the order of
        # its sums, from the first step to the last; another one rebuilds them after its first
        # step, and a resumed run would round otherwise. The parameter that nothing uses spares
        # every run the warning that there was none.
        losses.unused = nn.Parameter(torch.zeros((), device=self._processes.device))
        with only_trained(self._parameters, names):
            return DistributedDataParallel(
                losses, find_unused_parameters=True, broadcast_buffers=False
            )


@torch.no_grad()
def send_buffers(model: Model, processes: Processes) -> None:
    """Let every process have the first one's buffers, sent together where they are of one type."""
    kinds: dict[torch.dtype, list[Tensor]] = {}
    for buffer in model.buffers():
        kinds.setdefault(buffer.dtype, []).append(buffer)
    for buffers in kinds.values():
        flat = torch.cat([buffer.reshape(-1) for buffer in buffers])
        processes.send(flat)
        parts = flat.split([buffer.numel() for buffer in buffers])
        for buffer, part in zip(buffers, parts, strict=True):
            buffer.copy_(part.view_as(buffer))
