"""Moments: weights, means and squared deviations of known entries, a class and entry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo_plugin_classical.threads import in_threads, spans

_NUMBERS = 2**17
"""Numbers that plain operations work on at once."""


@final
@dataclass(frozen=True)
class Moments:
    """Σ w, Σ w x / Σ w and Σ w (x − mean)² of each class and entry, `[K, d]`, and Σ w a class.

    All are float64. Two sets of rows are put together without a loss of digits, wherever their
    means are (Chan et al. 1983, eq. 2.1).
    """

    rows: Float[Tensor, " k"]
    known: Float[Tensor, "k d"]
    mean: Float[Tensor, "k d"]
    scatter: Float[Tensor, "k d"]

    @staticmethod
    def none(k: int, size: int, device: torch.device) -> Moments:
        """Give those of no rows."""
        zeros = torch.zeros(3, k, size, dtype=torch.float64, device=device)
        return Moments(zeros[0].sum(1), *zeros)

    def __add__(self, other: Moments) -> Moments:
        known = self.known + other.known
        share = other.known / known.where(known > 0, 1.0)
        gap = other.mean - self.mean
        mean = self.mean + gap * share
        scatter = self.scatter + other.scatter + gap.square() * self.known * share
        return Moments(self.rows + other.rows, known, mean, scatter)

    def pooled(self) -> Moments:
        """Give those of all classes together."""
        parts = zip(self.rows, self.known, self.mean, self.scatter, strict=True)
        whole = Moments.none(1, self.known.shape[1], self.known.device)
        for rows, *own in parts:
            whole = whole + Moments(rows[None], *(tensor[None] for tensor in own))
        return whole

    def variance(self) -> Float[Tensor, "k d"]:
        """Give the squared deviations' means; 0 where nothing is known."""
        return self.scatter / self.known.where(self.known > 0, 1.0)


def moments_of(
    x: Float[Tensor, "n d"],
    y: Int64[Tensor, " n"],
    weight: Float[Tensor, " n"] | None,
    k: int,
    *,
    missing: bool,
) -> Moments:
    """Give the moments of rows of known classes 0 … k−1, in one pass.

    Entries may be NaN where `missing`; they are left out.
    """
    if weight is None:
        weight = torch.ones(1, dtype=torch.float64, device=x.device)
    if x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64):
        return _compiled(x, y, weight.double(), k, missing)
    return _plain(x, y, weight.double().expand(len(x)), k)


def _compiled(x: Tensor, y: Tensor, weight: Tensor, k: int, missing: bool) -> Moments:
    from zoo_plugin_classical import normal_kernels as kernels

    z, label, w = (tensor.detach().contiguous().numpy() for tensor in (x, y, weight))

    def work(first: int, last: int) -> Moments:
        found = Moments.none(k, x.shape[1], x.device)
        rows, known, mean, scatter = (
            tensor.numpy() for tensor in (found.rows, found.known, found.mean, found.scatter)
        )
        lacking = torch.ones(mean.shape, dtype=torch.bool).numpy()
        kernels.first_values(z, label, w, first, last, lacking, mean)
        if missing:
            kernels.known_moments(z, label, w, first, last, rows, known, mean, scatter)
        else:
            kernels.moments(z, label, w, first, last, rows, mean, scatter)
            known[:] = rows[:, None]
        return found

    first, *others = in_threads(work, spans(len(x)))
    return sum(others, start=first)


def _plain(x: Tensor, y: Tensor, weight: Tensor, k: int) -> Moments:
    """Add up part by part, each around its own means."""
    size = max(1, _NUMBERS // x.shape[1]) if x.device.type == "cpu" else len(x)
    total = Moments.none(k, x.shape[1], x.device)
    parts = zip(x.split(size), y.split(size), weight.split(size), strict=True)
    for z, label, w in parts:
        total = total + _part(z.double(), label, w, k)
    return total


def _part(x: Tensor, y: Tensor, weight: Tensor, k: int) -> Moments:
    counted = weight[:, None] * (~x.isnan()).double()
    zeros = x.new_zeros(k, x.shape[1])
    known = zeros.index_add(0, y, counted)
    filled = x.nan_to_num()
    mean = zeros.index_add(0, y, counted * filled) / known.where(known > 0, 1.0)
    scatter = zeros.index_add(0, y, counted * (filled - mean[y]).square())
    return Moments(x.new_zeros(k).index_add(0, y, weight), known, mean, scatter)
