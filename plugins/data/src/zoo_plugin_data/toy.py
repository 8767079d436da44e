"""ToyDensity: what the exact densities in the plane have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, final

import torch
from torch import Tensor

from zoo_core.interfaces.call import Call
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.space import Space


class ToyDensity(Generator, DensityModel):
    """An even mixture of components, in the plane or of two angles, with its exact density.

    Nothing is trained: the parameters stand in the configuration. `components` is how many there
    are, `samples` the space of the points.
    """

    components: int
    samples: ClassVar[Space] = Space.real(2)

    @abstractmethod
    def entropy(self) -> float:
        """Give the differential entropy in nats: the least NLL that any model can reach."""

    @abstractmethod
    def _draw(self, labels: Tensor, rng: torch.Generator) -> Tensor:
        """Draw one point from the component that each label names."""

    @final
    def sample_labelled(self, n: int, *, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw points [n, 2] with the component of each, [n] from 0; rng on the model's device."""
        with torch.no_grad():
            labels = torch.randint(self.components, (n,), generator=rng, device=self.device)
            return self._draw(labels, rng), labels

    @final
    def _space(self) -> Space:
        return self.samples

    @final
    def _sample(self, n: int, call: Call) -> Tensor:
        return self.sample_labelled(n, rng=call.rng)[0]

    @final
    def _like(self, labels: Tensor, *shape: int) -> Tensor:
        """Give an empty tensor [n, *shape] to be filled with random numbers."""
        return torch.empty(len(labels), *shape, device=self.device, dtype=self.dtype)


def precise(x: Tensor) -> Tensor:
    """Give x in double precision where the device has it."""
    return x if x.device.type == "mps" else x.double()
