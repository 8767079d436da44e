"""Where a module keeps its tensors, under which names, and which of them are one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor, nn

from zoo_core.errors import TensorError


@final
@dataclass(frozen=True)
class Place:
    """One attribute of one module."""

    module: nn.Module
    attribute: str


@final
@dataclass(frozen=True)
class Slot:
    """One tensor of a model: all its names, all its places. The first name is stored."""

    names: tuple[str, ...]
    places: tuple[Place, ...]
    tensor: Tensor

    @property
    def is_parameter(self) -> bool:
        """Whether it is trained, or could be."""
        return isinstance(self.tensor, nn.Parameter)

    def fill(self, value: Tensor) -> None:
        """Put a value here, in all places at once, so that what was tied stays tied."""
        if self.is_parameter:
            value = nn.Parameter(value, requires_grad=self.tensor.requires_grad)
        for place in self.places:
            setattr(place.module, place.attribute, value)


def slots(model: nn.Module) -> dict[str, Slot]:
    """List a model's parameters and persistent buffers by the name under which each is stored."""
    found: dict[int, tuple[Tensor, list[tuple[str, Place]]]] = {}
    for prefix, module in model.named_modules(remove_duplicate=False):
        _refuse_extra_state(prefix, module)
        kept = {
            name: tensor
            for name, tensor in module._buffers.items()
            if name not in module._non_persistent_buffers_set
        }
        for attribute, tensor in (module._parameters | kept).items():
            if tensor is not None:
                name = f"{prefix}.{attribute}" if prefix else attribute
                _, places = found.setdefault(id(tensor), (tensor, []))
                places.append((name, Place(module, attribute)))
    listed = [
        Slot(tuple(name for name, _ in places), tuple(place for _, place in places), tensor)
        for tensor, places in found.values()
    ]
    return {slot.names[0]: slot for slot in listed}


def ties(found: dict[str, Slot]) -> dict[str, str]:
    """Map each further name of a tensor to the one it is stored under."""
    return {alias: name for name, slot in found.items() for alias in slot.names[1:]}


def _refuse_extra_state(prefix: str, module: nn.Module) -> None:
    if type(module).get_extra_state is not nn.Module.get_extra_state:
        raise TensorError(
            "A model's state is its configuration and its tensors",
            received=f"extra state in {prefix or 'the model'}, a {type(module).__name__}",
            remedy="Keep that state in a persistent buffer.",
        )


def floating_dtypes(found: dict[str, Slot]) -> set[torch.dtype]:
    """Give the floating dtypes among a model's tensors."""
    return {s.tensor.dtype for s in found.values() if s.tensor.is_floating_point()}
