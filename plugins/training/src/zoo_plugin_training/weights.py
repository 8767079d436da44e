"""Copies of a model's weights: the best so far, and their moving average."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import final

import torch
from torch import Tensor, nn


@final
class Snapshot:
    """A copy of every parameter and buffer of a module, taken and given back in place."""

    def __init__(self, module: nn.Module) -> None:
        self._tensors = [*module.parameters(), *module.buffers()]
        self._copies = [tensor.detach().clone() for tensor in self._tensors]

    @torch.no_grad()
    def take(self) -> None:
        """Copy the module's tensors as they are now."""
        for copy, tensor in zip(self._copies, self._tensors, strict=True):
            copy.copy_(tensor)

    @torch.no_grad()
    def restore(self) -> None:
        """Write the copy back into the module."""
        for copy, tensor in zip(self._copies, self._tensors, strict=True):
            tensor.copy_(copy)


@final
class MovingAverage:
    """An exponential moving average of the trainable tensors.

    m ← d · m + (1 − d) · w with d = min(decay, (1 + step) / (10 + step)), so that a short run's
    average is not that of its beginning.
    """

    def __init__(self, parameters: list[nn.Parameter], decay: float) -> None:
        self._parameters = parameters
        self._decay = decay
        self._means: list[Tensor] = [p.detach().clone() for p in parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after a step (from 0)."""
        decay = min(self._decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._means, self._parameters, 1 - decay)  # pyright: ignore

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Let the module hold the average inside, the trained weights again outside."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def copy_to_parameters(self) -> None:
        """Let the module hold the average from now on."""
        for mean, parameter in zip(self._means, self._parameters, strict=True):
            parameter.copy_(mean)

    @torch.no_grad()
    def _swap(self) -> None:
        for mean, parameter in zip(self._means, self._parameters, strict=True):
            kept = parameter.clone()
            parameter.copy_(mean)
            mean.copy_(kept)
