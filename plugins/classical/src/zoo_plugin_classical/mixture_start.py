"""Where mixtures start: groups of rows that lie near one another."""

from __future__ import annotations

import math
from collections.abc import Iterable
from enum import StrEnum
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo_core.errors import OptionError
from zoo_plugin_classical.stack import missing

ROWS = 2**14
"""How many rows a start looks at, at most, drawn from all of them."""
_ROUNDS = 25
_RUNS = 4
"""How many k-means are run, of which the best one counts."""


@final
class Start(StrEnum):
    """Where a fit starts.

    `k-means++`: from groups around centres far from one another (Arthur & Vassilvitskii 2007),
    after some steps of Lloyd's, the best of four runs. `random`: from the rows nearest to each of
    K rows drawn.
    `present`: from the parameters that the model has.
    """

    K_MEANS = "k-means++"
    RANDOM = "random"
    PRESENT = "present"

    @classmethod
    def of(cls, start: object) -> Start:
        """Read what `fit` was given; k-means++ where nothing was. Raises OptionError."""
        try:
            return cls.K_MEANS if start is None else cls(str(start))
        except ValueError:
            raise OptionError(
                f"A fit starts from one of {', '.join(cls)}", received=f"start={start!r}"
            ) from None


def drawn_rows(
    parts: Iterable[tuple[Tensor, Tensor]], rng: torch.Generator
) -> tuple[Tensor, Float[Tensor, " m"]]:
    """Draw some of many rows with chances as their weights, without repeats; few are all taken.

    `parts` are rows and weights; one pass is taken (Efraimidis & Spirakis 2006, algorithm A-Res).
    Give rows and weights, which are 1 where rows were drawn.
    """
    kept, weights, keys, drawn = [], [], [], False
    for z, weight in parts:
        noise = torch.rand(len(z), generator=rng, device=z.device, dtype=torch.float64)
        there = weight > 0
        key = torch.where(there, noise.clamp_min(1e-300).log() / weight, -torch.inf)
        count = int(there.sum())
        # Chosen before rows are taken, so that not all are copied.
        best = key.topk(min(count, ROWS)).indices.sort().values
        drawn |= count > ROWS
        kept.append(z[best])
        weights.append(weight[best])
        keys.append(key[best])
        if sum(map(len, kept)) > ROWS:
            drawn, all_keys = True, torch.cat(keys)
            best = all_keys.topk(ROWS).indices.sort().values
            kept, weights = [torch.cat(kept)[best]], [torch.cat(weights)[best]]
            keys = [all_keys[best]]
    weight = torch.cat(weights)
    return torch.cat(kept), torch.ones_like(weight) if drawn else weight


def comparable(rows: Tensor, weight: Float[Tensor, " m"]) -> Float[Tensor, "m d"]:
    """Standardise entries, whatever their units, and put their mean where one is missing.

    Codes are taken for the numbers that they are.
    """
    known = ~missing(rows).reshape(len(rows), -1)
    rows = rows.reshape(len(rows), -1).double()
    count = (weight @ known.double()).clamp_min(torch.finfo(torch.float64).tiny)
    mean = weight @ torch.where(known, rows, 0.0) / count
    away = torch.where(known, rows - mean, 0.0)
    scale = (weight @ away.square() / count).sqrt()
    return away / scale.where(scale > 0, 1.0)


def groups(
    rows: Float[Tensor, "m d"],
    weight: Float[Tensor, " m"],
    k: int,
    start: Start,
    rng: torch.Generator,
) -> Int64[Tensor, " m"]:
    """Put rows into k groups, some of which are empty where fewer rows differ."""
    if start is Start.RANDOM:
        return _nearest(rows, rows[_drawn(weight, k, rng)])[0]
    runs = [_lloyd(rows, weight, k, rng) for _ in range(_RUNS if k > 1 else 1)]
    return min(runs, key=lambda run: run[1])[0]


def _lloyd(rows: Tensor, weight: Tensor, k: int, rng: torch.Generator) -> tuple[Tensor, float]:
    """Take Lloyd's steps from spread centres; give groups, and how far rows are from their centres.

    Far means the weighted sum of squared distances.
    """
    centres = _spread_centres(rows, weight, k, rng)
    group, far = _nearest(rows, centres)
    for _ in range(_ROUNDS):
        centres = _means(rows, weight, group, centres)
        before = group
        group, far = _nearest(rows, centres)
        if torch.equal(before, group):
            break
    return group, float(weight @ far)


def _spread_centres(rows: Tensor, weight: Tensor, k: int, rng: torch.Generator) -> Tensor:
    """Draw each centre with a chance as its squared distance to the nearest one before.

    Of several that are drawn, the one that leaves rows nearest to their centres is taken (Arthur &
    Vassilvitskii 2007, section 2.2 and conclusion).
    """
    chosen = [rows[_drawn_some(weight, 1, rng)[0]]]
    far = (rows - chosen[0]).square().sum(1)
    for _ in range(k - 1):
        chances = weight * far
        chances = chances if bool(chances.sum() > 0) else weight
        tried = rows[_drawn_some(chances, 2 + int(math.log(k)), rng)]
        left = torch.minimum(far[:, None], torch.cdist(rows, tried).square())
        best = (weight @ left).argmin()
        chosen.append(tried[best])
        far = left[:, best]
    return torch.stack(chosen)


def _drawn_some(chances: Tensor, count: int, rng: torch.Generator) -> Tensor:
    """Draw rows by their chances: the same ones whether one weighs twice or stands there twice."""
    levels = chances.double().cumsum(0)
    noise = torch.rand(count, generator=rng, device=levels.device, dtype=torch.float64)
    return torch.searchsorted(levels, noise * levels[-1], right=True).clamp_max(len(levels) - 1)


def _drawn(chances: Tensor, k: int, rng: torch.Generator) -> Tensor:
    """Draw rows by their chances; no row twice unless there are too few."""
    enough = int((chances > 0).sum()) >= k
    return chances.multinomial(k, replacement=not enough, generator=rng)


def _nearest(rows: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Give the nearest centre of each row, and the squared distance to it."""
    distance = centres.square().sum(1) - 2 * rows @ centres.T
    least, group = distance.min(1)
    return group, (least + rows.square().sum(1)).clamp_min(0)


def _means(rows: Tensor, weight: Tensor, group: Tensor, centres: Tensor) -> Tensor:
    """Give the mean of each group; an empty one keeps its centre."""
    share = torch.nn.functional.one_hot(group, len(centres)).to(rows) * weight[:, None]
    count = share.sum(0)[:, None]
    return torch.where(count > 0, share.T @ rows / count.where(count > 0, 1.0), centres)
