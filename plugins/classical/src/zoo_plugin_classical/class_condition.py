"""Class condition: the classes of a classifier that is no model of its data."""

from __future__ import annotations

from typing import Any

from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import ConfigError
from zoo_core.interfaces.context import Context, ContextShape
from zoo_core.interfaces.model import Model


def n_classes(model: Model) -> int:
    """Give how many classes a model's conditioner tells as one-hot vectors. Raises ConfigError."""
    conditioner: Any = model.get_submodule("conditioner")
    levels = conditioner.space.n_levels
    if levels is None or conditioner.context_shape != ContextShape(vector=levels):
        raise ConfigError(
            "The condition of a classifier is a class, as a one-hot vector",
            received=f"{conditioner.space}, encoded as {conditioner.context_shape}",
            remedy="Use a conditioner core/label without width.",
        )
    return levels


def told_classes(context: Context | None) -> Float[Tensor, "n classes"]:
    """Give the classes of rows as one-hot vectors, zero where unknown. Raises ConfigError."""
    if context is None:
        raise ConfigError("A classifier learns from rows with their classes", received="none")
    return context.as_vector()
