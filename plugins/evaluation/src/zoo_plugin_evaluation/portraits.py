"""Samples as people look at them: pictures, points in the plane, lines of text."""

from __future__ import annotations

from typing import final

import torch
from PIL import Image
from torch import Tensor

from zoo_core.exchange import columns, grid, is_picture, scatter, to_images
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_evaluation.features import default_features

_TILES, _POINTS, _LINES, _LONGEST = 64, 2000, 8, 400


@final
class Portraits:
    """Shows rows of one space, all in the same way, so that one can be held beside another.

    Pictures become a grid, points in the plane a scatter plot with the axes of `rows`, text with
    an alphabet lines, sequences of numbers lines of these, single numbers the share below each,
    and tables their first two principal components, those of the complete rows of `rows`.
    """

    def __init__(self, space: Space, rows: Tensor | Ragged, alphabet: tuple[str, ...] = ()) -> None:
        self.space, self.rows, self.alphabet = space, rows, alphabet

    def show(self, x: Tensor | Ragged) -> Image.Image | tuple[str, ...] | None:
        """Show some rows; None where there is no agreed way."""
        if self.alphabet:
            return tuple(self._line(row) for row, _ in zip(x, range(_LINES), strict=False))
        if isinstance(x, Ragged) or isinstance(self.rows, Ragged):
            return _numbers(x) if isinstance(x, Ragged) and self.space.size == 1 else None
        if is_picture(self.space):
            return grid(to_images(self.space, x[:_TILES]))
        x, rows = self._complete(x), self._complete(self.rows)
        if not self.space.size or min(len(x), len(rows)) < 2:
            return None
        return self._points(x[:_POINTS], rows)

    def _complete(self, x: Tensor) -> Tensor:
        """Give the rows without a missing value."""
        return x[~self.space.is_missing(x).flatten(1).any(1)]

    def _line(self, codes: Tensor) -> str:
        text = "".join(self.alphabet[code] for code in codes.flatten()[:_LONGEST].tolist())
        return text.replace("\n", "⏎")

    def _points(self, x: Tensor, rows: Tensor) -> Image.Image:
        if self.space.size == 1:
            names = (columns(self.space)[0], "share below")
            return scatter(_distribution(x), names=names, frame=_distribution(rows))
        if self.space.shape == (2,):
            first, second = columns(self.space)
            return scatter(x.cpu(), names=(first, second), frame=rows.cpu())
        if self.space.kind is Kind.MIXED:
            features = default_features(self.space, rows)
            rows, x = features(rows), features(x)
        loc, axes = _principal_axes(rows)
        names = ("first principal component", "second")
        frame, points = ((side.flatten(1).cpu().double() - loc) @ axes for side in (rows, x))
        return scatter(points, names=names, frame=frame)


def _distribution(x: Tensor) -> Tensor:
    """Give the points of the empirical distribution function of single numbers, [n, 2]."""
    below = (torch.arange(len(x)) + 0.5) / len(x)
    return torch.stack([x.flatten().cpu().float().sort().values, below], 1)


def _numbers(x: Ragged) -> tuple[str, ...]:
    """Write sequences of numbers, a line each."""
    rows = [row.flatten()[:_LONGEST].tolist() for row, _ in zip(x, range(_LINES), strict=False)]
    return tuple(" ".join(f"{number:.4g}" for number in row) for row in rows)


def _principal_axes(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Give mean and the two principal axes of standardised rows, [d, 2], scale included."""
    flat = rows.flatten(1).cpu().double()
    loc, scale = flat.mean(0), flat.std(0)
    scale = torch.where(scale > 0, scale, 1.0)
    _, _, right = torch.linalg.svd((flat - loc) / scale, full_matrices=False)
    axes = right[:2].T
    # The sign is anybody's: the largest entry is made positive, so that pages agree.
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
    return loc, axes * largest.sign() / scale[:, None]
