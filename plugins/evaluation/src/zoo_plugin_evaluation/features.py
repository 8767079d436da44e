"""Features: what distances between samples are measured on."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import DataError, OptionError, UnsupportedError
from zoo_core.exchange import is_picture
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Kind, Space

_CHUNK = 256


@final
@dataclass(frozen=True)
class Features:
    """A function from samples in data space `[n, *shape]` to features `[n, d]`, and its name.

    The name is part of every figure's that is measured on them: figures on other features are
    other figures.
    """

    name: str
    function: Callable[[Any], Any]

    @classmethod
    def of(cls, given: Any) -> Features:
        """Take Features as they are, and name a function or a network by itself.

        Raises OptionError for what can't be called.
        """
        if isinstance(given, Features):
            return given
        if not callable(given):
            raise OptionError(
                "features is a function from samples to a matrix", received=type(given).__name__
            )
        name = given.__name__ if inspect.isfunction(given) else type(given).__name__
        return cls(name, given)

    def __call__(self, x: Tensor | Ragged) -> Float[Tensor, "n d"]:
        """Give the features on the CPU. Raises DataError where they are no finite matrix."""
        with torch.no_grad():
            parts = [self._matrix(chunk) for chunk in _chunks(x)]
        found = torch.cat(parts)
        if not bool(torch.isfinite(found).all()):
            row = int((~torch.isfinite(found)).any(1).nonzero()[0])
            raise DataError(
                f"Features are finite numbers: {self.name}",
                received=f"others in row {row}",
                remedy="Give features=… that has a number for missing values too.",
            )
        return found

    def _matrix(self, chunk: Tensor | Ragged) -> Tensor:
        found = torch.as_tensor(self.function(chunk)).detach().cpu()
        if found.ndim != 2 or len(found) != len(chunk):
            raise DataError(
                f"Features are a matrix with a row a sample, [{len(chunk)}, d]: {self.name}",
                received=f"shape {list(found.shape)}",
                remedy="Flatten them: lambda x: network(x).flatten(1).",
            )
        return found if found.is_floating_point() else found.double()


def default_features(space: Space, rows: Tensor | Ragged) -> Features:
    """Choose features of samples of a space, with moments of `rows` where they need any.

    Pictures: their pixels, from 0 to 1. Categories: one-hot. Angles: cosines and sines. Others:
    entries, standardised by the rows' means and deviations; mixed tables column by column. A
    missing value stays one. Raises UnsupportedError for sequences.
    """
    if space.ragged or isinstance(rows, Ragged):
        raise UnsupportedError(
            "Samples of unequal length have no features of their own",
            remedy="Give features=…, a function from a Ragged to a matrix (in Python).",
        )
    if is_picture(space):
        top = max((space.n_levels or 2) - 1, 1)
        return Features("pixels", lambda x: x.flatten(1).double() / top)
    if space.kind is Kind.CATEGORICAL:
        levels = int(space.levels or 1)
        return Features("one-hot", lambda x: _one_hot(x, levels))
    if space.kind is Kind.MIXED:
        return _of_columns(space, rows)
    if space.kind is Kind.ANGLE:
        return Features("cosines and sines", lambda x: torch.cat([x.cos(), x.sin()], -1).flatten(1))
    standardise = _standardisation(rows.flatten(1))
    return Features("standardised", lambda x: standardise(x.flatten(1)))


def _of_columns(space: Space, rows: Tensor) -> Features:
    """Standardise numbers and ordered levels of a mixed table, and make categories one-hot.

    One-hot entries are 1/√2, so that two categories are 1 apart, as one deviation of a number is.
    """
    kinds = [entry.kind for entry in space.entry_spaces]
    numbers = [i for i, kind in enumerate(kinds) if kind is not Kind.CATEGORICAL]
    coded = [i for i, kind in enumerate(kinds) if kind is Kind.CATEGORICAL]
    standardise = _standardisation(rows[:, numbers])

    def features(x: Tensor) -> Tensor:
        levels = [int(space.entry_spaces[i].levels or 1) for i in coded]
        codes = [_one_hot(x[:, [i]].cpu(), n) / 2**0.5 for i, n in zip(coded, levels, strict=True)]
        return torch.cat([standardise(x[:, numbers]), *codes], 1)

    return Features("standardised, one-hot", features)


def _standardisation(rows: Float[Tensor, "n d"]) -> Callable[[Tensor], Tensor]:
    """Give the map to mean 0 and deviation 1 of what is known of rows."""
    flat = rows.cpu().double()
    loc = flat.nanmean(0)
    scale = (flat - loc).square().nanmean(0).sqrt()
    scale = torch.where(scale > 0, scale, 1.0)
    return lambda x: (x.cpu().double() - loc) / scale


def _one_hot(x: Tensor, levels: int) -> Tensor:
    """Give indicators of levels; all of a missing one are NaN."""
    codes = x[..., None]
    hot = (codes == torch.arange(levels, device=x.device)).float()
    absent = (codes != codes) | (codes < 0)
    return hot.masked_fill(absent, torch.nan).flatten(1)


def _chunks(x: Tensor | Ragged) -> list[Tensor | Ragged]:
    if isinstance(x, Tensor):
        return list(x.split(_CHUNK))
    starts = range(0, len(x), _CHUNK)
    return [x[s : s + _CHUNK] for s in starts]  # pyright: ignore[reportReturnType]
