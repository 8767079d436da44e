"""Call: what came along with one call of a public method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.config import Config
from zoo_core.errors import DataError
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.guidance import BoundGuidance
from zoo_core.interfaces.space import Space


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

    def checked(self, space: Space, n: int, device: torch.device) -> Observed:
        """Give both as `[n, *shape]` on a device; values that aren't known may be anything.

        Raises DataError for other shapes, and for known values that lie outside the space or are
        missing.
        """
        shape, gaps = (n, *space.shape), space.model_copy(update={"missing": True})
        values = gaps.tensor(self.values).to(device)
        mask = torch.as_tensor(self.mask).bool().to(device)
        try:
            values, mask = values.expand(shape), mask.expand(shape)
        except RuntimeError:
            raise DataError(
                f"Observed values and mask have the shape {list(shape[1:])}, or {list(shape)}",
                received=f"{list(values.shape)} and {list(mask.shape)}",
            ) from None
        known = gaps.check(hidden(values, ~mask), what="observed values")
        if bool((space.is_missing(known) & mask).any()):
            raise DataError(
                "Observed values are there",
                received="a missing one where the mask is True",
                remedy="Leave it out of the mask: mask & ~space.is_missing(values).",
            )
        return Observed(values, mask)


def hidden(x: Tensor, unknown: Tensor) -> Tensor:
    """Give rows with entries missing: NaN, or the code −1."""
    return x.masked_fill(unknown, torch.nan if x.is_floating_point() else -1)


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
