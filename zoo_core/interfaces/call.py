"""Call: what came along with one call of a public method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.config import Config
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.guidance import BoundGuidance


@final
class NoOptions(Config):
    """The options of a method that has none."""


@final
@dataclass(frozen=True, eq=False)
class Observed:
    """The known part of a sample, in data space: values, and a mask that is True where known.

    Both have the shape of one sample, or of n of them.
    """

    values: Tensor
    mask: Tensor

    def take(self, rows: slice) -> Observed:
        """Give the chosen rows."""
        return Observed(self.values[rows], self.mask[rows])


@final
@dataclass(frozen=True, eq=False)
class Call:
    """What a public method hands to the underscored one behind it.

    `rng` lives on the model's device. `options` is an instance of the model's declared options
    of that method. `observed` is an Observed when sampling and a mask when scoring; it is None
    for models that do not declare `observes`. A field added later has a default, so that a plugin
    written before it goes on working.
    """

    rng: torch.Generator
    context: Context | None = None
    observed: Observed | Tensor | None = None
    options: Any = field(default_factory=NoOptions)
    lengths: Tensor | None = None
    objective: str | None = None
    """In `_loss`: the name of one of the model's objectives."""
    log_det: Tensor | None = None
    """In `_loss`: log-determinant of the map from data to network space, one a row."""
    guidance: tuple[BoundGuidance, ...] = ()
    """In `_sample`: what leads these samples, first nearest the network. Empty for models that do
    not declare `guides`."""
