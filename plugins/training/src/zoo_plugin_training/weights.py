"""Copies of a model's tensors: the best so far, and their moving average."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import final

import torch
from torch import Tensor


@final
class Snapshot:
    """A copy of named tensors, taken and given back in place."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self._tensors = dict(tensors)
        self.copies = {name: tensor.detach().clone() for name, tensor in tensors.items()}

    @torch.no_grad()
    def take(self) -> None:
        """Copy the tensors as they are now."""
        for name, copy in self.copies.items():
            copy.copy_(self._tensors[name])

    @torch.no_grad()
    def restore(self) -> None:
        """Write the copy back."""
        for name, copy in self.copies.items():
            self._tensors[name].copy_(copy)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Let the model hold the copy inside, what it held again outside."""
        swap(self._tensors, self.copies)
        try:
            yield
        finally:
            swap(self._tensors, self.copies)


@final
class MovingAverage:
    """An exponential moving average of the trained tensors.

    m ← d · m + (1 − d) · w with d = min(decay, (1 + step) / (10 + step)), so that a short run's
    average is not that of its beginning.
    """

    def __init__(self, tensors: Mapping[str, Tensor], decay: float) -> None:
        self._tensors = dict(tensors)
        self._decay = decay
        self._means = {name: tensor.detach().clone() for name, tensor in tensors.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after a step (from 0)."""
        decay = min(self._decay, (1 + step) / (10 + step))
        means, tensors = list(self._means.values()), list(self._tensors.values())
        torch._foreach_lerp_(means, tensors, 1 - decay)  # pyright: ignore

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Let the model hold the average inside, the trained weights again outside."""
        swap(self._tensors, self._means)
        try:
            yield
        finally:
            swap(self._tensors, self._means)

    @torch.no_grad()
    def copy_to_parameters(self) -> None:
        """Let the model hold the average from now on."""
        for name, mean in self._means.items():
            self._tensors[name].copy_(mean)

    def state(self, whole: Callable[[str, Tensor], Tensor]) -> dict[str, Tensor]:
        """Give the average, each tensor put together by `whole(name, local)`."""
        return {name: whole(name, mean) for name, mean in self._means.items()}

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor], part: Callable[[str, Tensor], Tensor]) -> None:
        """Take an average over, of each tensor the part that `part(name, whole)` gives."""
        for name, mean in self._means.items():
            mean.copy_(part(name, state[name]))


@torch.no_grad()
def swap(ones: Mapping[str, Tensor], others: Mapping[str, Tensor]) -> None:
    """Exchange the values of tensors of the same names."""
    for name, other in others.items():
        kept = ones[name].clone()
        ones[name].copy_(other)
        other.copy_(kept)
