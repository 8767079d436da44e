"""Assembly: building the parts of a model from its configuration."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from torch import nn

from zoo_core.errors import ConfigError
from zoo_core.interfaces import late
from zoo_core.interfaces.boundary import Boundary
from zoo_core.interfaces.part import Part, PartField, part_fields

if TYPE_CHECKING:
    from zoo_core.interfaces.model import Model


def build_parts(parent: Model, live: Mapping[str, nn.Module], seed: int) -> None:
    """Register a module for every field that holds Parts, under the field's name."""
    for field in part_fields(type(parent.config)):
        described = dict(parent.config)[field.name]
        if described is None:
            parent.add_module(field.name, None)
        elif isinstance(described, tuple):
            named = [(f"{field.name}.{i}", part) for i, part in enumerate(described)]
            built = [_built(parent, field, part, name, seed) for name, part in named]
            parent.add_module(field.name, nn.ModuleList(built))
        else:
            part = live.get(field.name)
            if isinstance(part, Boundary):
                part = _accepted(parent, field, described, part)
            else:
                part = _built(parent, field, described, field.name, seed)
            parent.add_module(field.name, part)


def described_alive(part: Model) -> Part:
    """Describe a live model that becomes a part: as frozen, where it has weights and learns none.

    What is frozen is part of the configuration, so that saving and loading keep it.
    """
    weights = list(part.parameters())
    learns = not weights or any(weight.requires_grad for weight in weights)
    return part.as_part(frozen=not learns)


def _built(parent: Model, field: PartField, described: Part, name: str, seed: int) -> Model:
    """Build one part; its initial weights follow from the parent's seed and its own name."""
    part_class = late.architecture(described.architecture)
    fields = dict(described.config)
    if "space" in part_class.Config.model_fields and "space" not in fields:
        fields["space"] = parent._part_space(field.name)
    part = part_class(part_class.Config.parse(fields), seed=zlib.crc32(f"{seed}/{name}".encode()))
    return _accepted(parent, field, described, part)


def _accepted(parent: Model, field: PartField, described: Part, part: Any) -> Any:
    """Check that a part provides what is declared; freeze it where that is asked."""
    missing = [i.__name__ for i in field.interfaces if i not in part.provides]
    if missing:
        raise ConfigError(
            f"The part `{field.name}` of {parent.architecture} provides {' and '.join(missing)}",
            received=f"{described.architecture}, which does not",
            remedy=_remedy(field, part),
        )
    return part.requires_grad_(False) if described.frozen else part


def _remedy(field: PartField, part: Model) -> str:
    """Name the first part of a live model that would do, such as CLIP's text encoder."""
    wanted = " and ".join(interface.__name__ for interface in field.interfaces)
    for name, inner in part.named_children():
        if isinstance(inner, Boundary) and set(field.interfaces) <= _provided(inner):
            return f"Give its part that does: {field.name}=model.{name}."
    return f"Choose an architecture that provides {wanted}, or give a live model that does."


def _provided(model: Any) -> frozenset[type]:
    return model.provides
