"""Kept state: a module's tensors, so that what fails loses nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def state_of(module: nn.Module) -> dict[str, Tensor]:
    """Give copies of a module's tensors by name."""
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


@torch.no_grad()
def restore(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Give a module's tensors the values that they had, in place."""
    for name, tensor in module.state_dict().items():
        tensor.copy_(state[name])


@contextmanager
def guarded(module: nn.Module) -> Iterator[Mapping[str, Tensor]]:
    """Leave a module as it was where what is done with it fails; give what it was."""
    before = state_of(module)
    try:
        yield before
    except BaseException:
        restore(module, before)
        raise
