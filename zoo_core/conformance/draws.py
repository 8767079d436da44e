"""Draws: rows of any space that no model made, to score, to fit and to condition on."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.interfaces.model import Model
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Kind, Space

LENGTH = 3
"""How many steps a sequence has where a check chooses."""


def condition_space(model: Model) -> Space | None:
    """Give the space of a model's raw conditions; None of one that takes none."""
    if not model.is_conditional or model.is_given:
        return None
    conditioner: Any = model.get_submodule("conditioner")
    return conditioner.space


def draw(space: Space, n: int, rng: torch.Generator) -> Tensor | Ragged:
    """Draw n rows of a space: sequences of LENGTH steps where it is ragged.

    They are far from what an untrained model makes, and no entry is like another: real numbers
    are of two unequal clusters, each entry with a location and a scale of its own, and depend on
    each other; codes are unequally frequent, high ones and low ones in turn. So a model that was
    trained on them and mixes its entries up gives itself away. The columns of a mixed table are
    each of their own kind. None is missing.
    """
    if space.ragged:
        steps = _rows(space, n * LENGTH, rng)
        return Ragged(steps, torch.full((n,), LENGTH))
    return _rows(space, n, rng)


def draw_told(space: Space, n: int, rng: torch.Generator) -> Tensor | Ragged:
    """Draw n raw conditions: rows, of which sequences have one to four steps."""
    if not space.ragged:
        return draw(space, n, rng)
    lengths = 1 + torch.arange(n) * 3 % 4
    return Ragged(_rows(space, int(lengths.sum()), rng), lengths)


def _rows(space: Space, n: int, rng: torch.Generator) -> Tensor:
    if space.entries is not None:
        return _table(space, space.entries, n, rng)
    shape, place = (n, *space.shape), _places(space)
    if space.n_levels is not None:
        # The larger, or the smaller, of two.
        pair = torch.randint(space.n_levels, (2, *shape), generator=rng)
        even = (torch.arange(space.size) % 2 == 0).reshape(space.shape)
        return torch.where(even, pair.amax(0), pair.amin(0))
    if space.kind is Kind.COUNT:
        return _counts(shape, place, rng)
    if space.kind is Kind.UNIT:
        return 0.02 + 0.96 * torch.rand(shape, generator=rng) ** (1.5 + place)
    cluster = torch.rand(n, generator=rng) < 0.3
    shared = 0.3 * torch.randn(n, generator=rng)
    common = (torch.where(cluster, -1.5, 0.5) + shared).reshape(n, *[1] * len(space.shape))
    x = common + 0.4 * torch.randn(shape, generator=rng)
    x = (1 + 0.4 * place) * x + 0.8 * place
    return (0.6 * x).clamp(-3.1, 3.1) if space.kind is Kind.ANGLE else x


def _counts(shape: tuple[int, ...], place: Tensor, rng: torch.Generator) -> Tensor:
    """Draw counts of two unequal clusters, of rows with many and rows with few."""
    many = torch.rand(shape[0], generator=rng) < 0.3
    rate = torch.where(many, 7.0, 2.0).reshape(-1, *[1] * (len(shape) - 1))
    rate = rate * (1.2 + place) * torch.ones(shape)
    return torch.poisson(rate, generator=rng).to(torch.int64)


def _table(space: Space, entries: tuple[Space, ...], n: int, rng: torch.Generator) -> Tensor:
    """Draw the columns of each kind together, so that no two of a kind are alike."""
    found = torch.zeros(n, *space.shape)
    for kind in dict.fromkeys((entry.kind, entry.levels) for entry in entries):
        places = [i for i, entry in enumerate(entries) if (entry.kind, entry.levels) == kind]
        block = Space(kind=kind[0], levels=kind[1], shape=(len(places),))
        found[:, places] = _rows(block, n, rng).to(found.dtype)
    return found


def _places(space: Space) -> Tensor:
    """Give each entry a number of its own between −1 and 1; zero where there is one entry."""
    places = torch.linspace(-1, 1, space.size) if space.size > 1 else torch.zeros(space.size)
    return places.reshape(space.shape)
