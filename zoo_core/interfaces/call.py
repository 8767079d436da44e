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
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space


@final
class NoOptions(Config):
    """The options of a method that has none."""


@final
@dataclass(frozen=True, eq=False)
class Observed:
    """The known part of a sample, in data space: values, and a mask that is True where known.

    Both have the shape of one sample, or of n of them. Without a mask, known is what isn't
    missing (NaN, or the code −1). Of sequences the values are those of the first steps, one
    sequence or n, and the sample goes on after them: a prompt. They are a Ragged, a list of
    sequences, or text where the model is one of text.
    """

    values: Any
    mask: Any = None

    def take(self, rows: slice) -> Observed:
        """Give the chosen rows."""
        return Observed(self.values[rows], self.mask[rows])

    def checked(self, space: Space, n: int, device: torch.device) -> Observed:
        """Give both as `[n, *shape]` on a device, or as n sequences each.

        Values that aren't known may be anything. Raises DataError for other shapes, and for known
        values that lie outside the space or are missing.
        """
        if space.ragged:
            return self._sequences(space, n, device)
        shape, gaps = (n, *space.shape), space.model_copy(update={"missing": True})
        values = gaps.tensor(self.values).to(device)
        mask = ~space.is_missing(values) if self.mask is None else self.mask
        mask = _as_mask(mask).bool().to(device)
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

    def _sequences(self, space: Space, n: int, device: torch.device) -> Observed:
        """Give the values and the mask of n sequences, as a Ragged each."""
        gaps = space.model_copy(update={"missing": True})
        given = gaps.sequences(self.values)
        if len(given) not in (1, n):
            raise DataError(
                f"Observed sequences are one for all samples, or {n}", received=f"{len(given)}"
            )
        values = gaps.tensor(given.values).to(device)
        mask = _steps(self.mask, given, space.is_missing(values))
        known = gaps.check(hidden(values, ~mask), what="observed values", empty=True)
        if bool((space.is_missing(known) & mask).any()):
            raise DataError(
                "Observed values are there", received="a missing one where the mask is True"
            )
        both = Observed(Ragged(values, given.lengths), Ragged(mask, given.lengths))
        rows = torch.zeros(n, dtype=torch.int64, device=device)
        return both if len(given) == n else Observed(both.values[rows], both.mask[rows])


def _steps(mask: Any, given: Ragged, missing: Tensor) -> Tensor:
    """Give the mask of the steps of observed sequences. Raises DataError for another form."""
    if mask is None:
        return ~missing
    mask = mask.values if isinstance(mask, Ragged) else _as_mask(mask)
    if mask.shape != missing.shape:
        raise DataError(
            f"The mask of observed sequences has the shape {list(missing.shape)} of their steps",
            received=f"{list(mask.shape)}",
            remedy="Give Ragged(mask, lengths), or leave it out: known is what isn't missing.",
        )
    return mask.bool().to(missing.device)


def _as_mask(mask: Any) -> Tensor:
    try:
        return torch.as_tensor(mask)
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            "A mask is a tensor or an array of booleans, True where the values are known",
            received=type(mask).__name__,
            remedy="Of a picture, make it one: np.asarray(picture.convert('L')) > 127.",
        ) from error


def hidden(x: Tensor, unknown: Tensor) -> Tensor:
    """Give rows with entries missing: NaN, or the code −1."""
    return x.masked_fill(unknown, torch.nan if x.is_floating_point() else -1)


@final
@dataclass(frozen=True, eq=False)
class Call:
    """What a public method hands to the underscored one behind it.

    `rng` lives on the model's device. `options` is an instance of the model's declared options
    of that method. `observed` is an Observed when sampling and a mask when scoring (of sequences:
    of their steps, end to end); it is None for models that do not declare `observes`. A field
    added later has a default, so that a plugin written before it goes on working.
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
