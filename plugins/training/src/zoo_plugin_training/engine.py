"""Engine: the seam between the loop and how several processes share a model."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import final

import torch
from torch import Tensor, nn

from zoo_core.errors import TrainingError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.objective import Objective
from zoo_plugin_training.losses import Losses
from zoo_plugin_training.options import Precision


class Engine(ABC):
    """Holds the model's tensors as this process has them, and makes gradients of them.

    `local` are all parameters by name, plain tensors that share memory with what is trained: the
    whole ones, or this process's parts.
    """

    local: dict[str, Tensor]

    @abstractmethod
    def rows(self, number: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Give the loss of each row for the objective of this number, differentiable."""

    @abstractmethod
    def training(self, number: int) -> contextlib.AbstractContextManager[None]:
        """Let only the parameters of this objective have gradients inside."""

    @abstractmethod
    def accumulating(self, number: int) -> contextlib.AbstractContextManager[None]:
        """Keep gradients to this process inside: those of a batch that has more parts."""

    @abstractmethod
    def gradients(self, names: Sequence[str]) -> list[Tensor | None]:
        """Give the local gradients, averaged over the processes, and forget them."""

    @abstractmethod
    def norm(self, gradients: list[Tensor]) -> Tensor:
        """Give the norm of the whole gradient, the same in all processes."""

    @abstractmethod
    def whole(self, name: str, local: Tensor) -> Tensor:
        """Put a tensor that belongs to a parameter together; all processes call it."""

    @abstractmethod
    def part(self, name: str, whole: Tensor) -> Tensor:
        """Give this process's part of a tensor that belongs to a parameter."""

    @abstractmethod
    def gathered(self) -> contextlib.AbstractContextManager[None]:
        """Let the model hold whole tensors inside, to be read only; all processes enter."""

    @abstractmethod
    def release(self) -> None:
        """Give the model back whole, an ordinary module; all processes call it."""

    @abstractmethod
    def synchronize_buffers(self) -> None:
        """Let every process have the first one's buffers."""


class WholeEngine(Engine):
    """What engines have in common whose processes each hold the whole model."""

    def __init__(
        self, model: Model, objectives: Sequence[Objective], trained: Sequence[Sequence[str]]
    ) -> None:
        self._names = [objective.name for objective in objectives]
        self._trained = [list(names) for names in trained]
        self._parameters = dict(model.named_parameters())
        self.local = {name: p.detach() for name, p in self._parameters.items()}

    @final
    def training(self, number: int) -> contextlib.AbstractContextManager[None]:
        """Let only the parameters of this objective have gradients inside."""
        return only_trained(self._parameters, self._trained[number])

    @final
    def gradients(self, names: Sequence[str]) -> list[Tensor | None]:
        """Give the gradients, and forget them."""
        return taken_gradients(self._parameters, names)

    @final
    def norm(self, gradients: list[Tensor]) -> Tensor:
        """Give the norm; every process has the whole gradient."""
        return local_norm(gradients)

    @final
    def whole(self, name: str, local: Tensor) -> Tensor:
        """Give the tensor itself."""
        del name
        return local

    @final
    def part(self, name: str, whole: Tensor) -> Tensor:
        """Give the tensor itself."""
        del name
        return whole

    @final
    def gathered(self) -> contextlib.AbstractContextManager[None]:
        """The tensors are whole."""
        return contextlib.nullcontext()


@final
class SingleEngine(WholeEngine):
    """One process."""

    def __init__(
        self,
        model: Model,
        objectives: Sequence[Objective],
        trained: Sequence[Sequence[str]],
        precision: Precision,
    ) -> None:
        super().__init__(model, objectives, trained)
        self._losses = Losses(model, precision)

    def rows(self, number: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Give the loss of each row."""
        return self._losses(batch, self._names[number], rng)

    def accumulating(self, number: int) -> contextlib.AbstractContextManager[None]:
        """Nothing is exchanged."""
        del number
        return contextlib.nullcontext()

    def release(self) -> None:
        """The model is whole."""

    def synchronize_buffers(self) -> None:
        """There is one process."""


@contextlib.contextmanager
def only_trained(parameters: dict[str, nn.Parameter], names: Sequence[str]) -> Iterator[None]:
    """Let only these parameters require gradients inside."""
    chosen = set(names)
    others = [p for name, p in parameters.items() if p.requires_grad and name not in chosen]
    for parameter in others:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(True)


def taken_gradients(
    parameters: Mapping[str, nn.Parameter], names: Sequence[str]
) -> list[Tensor | None]:
    """Take the gradients of named parameters away from them."""
    found = [parameters[name].grad for name in names]
    for name in names:
        parameters[name].grad = None
    return found


def local_norm(gradients: list[Tensor]) -> Tensor:
    """Give the Euclidean norm over all entries of all tensors."""
    norms = torch._foreach_norm(gradients)  # pyright: ignore[reportPrivateImportUsage]
    return torch.linalg.vector_norm(torch.stack(norms))


def trained_names(model: Model, objectives: Sequence[Objective]) -> list[list[str]]:
    """List for each objective the parameters that it moves. Raises TrainingError for none."""
    free = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    found = [[name for name in free if objective.trains(name)] for objective in objectives]
    for objective, names in zip(objectives, found, strict=True):
        if not names:
            raise TrainingError(
                "A model that is trained has parameters that require gradients",
                received=f"{type(model).__name__} without one for {objective.name}",
                remedy="Unfreeze a part: part.requires_grad_(True).",
            )
    return found
