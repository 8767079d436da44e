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
from zoo_plugin_training.engine import Engine, local_norm, only_trained, taken_gradients
from zoo_plugin_training.losses import Losses
from zoo_plugin_training.options import Precision
from zoo_plugin_training.processes import Processes


@final
class ReplicatedEngine(Engine):
    """One DistributedDataParallel an objective; gradients are averaged over the processes."""

    def __init__(
        self,
        model: Model,
        objectives: Sequence[Objective],
        trained: Sequence[Sequence[str]],
        precision: Precision,
        processes: Processes,
    ) -> None:
        self._model, self._processes = model, processes
        self._names = [objective.name for objective in objectives]
        self._trained = [list(names) for names in trained]
        self._parameters = dict(model.named_parameters())
        self.local = {name: p.detach() for name, p in self._parameters.items()}
        self._wrapped = [self._wrap(Losses(model, precision), names) for names in trained]

    def rows(self, number: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Give the loss of each row."""
        return self._wrapped[number](batch, self._names[number], rng)

    def training(self, number: int) -> contextlib.AbstractContextManager[None]:
        """Let only the parameters of this objective have gradients inside."""
        return only_trained(self._parameters, self._trained[number])

    def accumulating(self, number: int) -> contextlib.AbstractContextManager[None]:
        """Exchange nothing inside."""
        return self._wrapped[number].no_sync()

    def gradients(self, names: Sequence[str]) -> list[Tensor | None]:
        """Give the gradients, and forget them."""
        return taken_gradients(self._parameters, names)

    def norm(self, gradients: list[Tensor]) -> Tensor:
        """Give the norm; every process has the whole gradient."""
        return local_norm(gradients)

    def whole(self, name: str, local: Tensor) -> Tensor:
        """Give the tensor itself."""
        del name
        return local

    def part(self, name: str, whole: Tensor) -> Tensor:
        """Give the tensor itself."""
        del name
        return whole

    def gathered(self) -> contextlib.AbstractContextManager[None]:
        """The tensors are whole."""
        return contextlib.nullcontext()

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
