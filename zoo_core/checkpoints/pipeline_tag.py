"""The Hub's name for what a model does, by which its page finds and shows it."""

from __future__ import annotations

from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.kind import Kind
from zoo_core.interfaces.model import Model, provided
from zoo_core.interfaces.next_token import NextToken
from zoo_core.interfaces.space import Space

_CHANNELS = (1, 3, 4)


def pipeline_tag(model: Model) -> str | None:
    """Give the task, where the interfaces and the spaces of a model tell it."""
    if not provided(model, Generator):
        return None
    if provided(model, NextToken):
        return "text-generation" if model.space.tokenizer is not None else None
    if not _is_picture(model.space):
        return None
    conditioner = model._modules.get("conditioner")
    if not isinstance(conditioner, Conditioner):
        return "unconditional-image-generation"
    return "text-to-image" if conditioner.space.tokenizer is not None else None


def _is_picture(space: Space) -> bool:
    shaped = len(space.shape) == 3 and space.shape[0] in _CHANNELS
    return shaped and space.kind is Kind.UNIT and not space.ragged
