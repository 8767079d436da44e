"""Lattice: every combination of the codes and counts of a row, times nodes for its real numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import final

import torch
from torch import Tensor

from zoo_core.conformance.columns import continuous
from zoo_core.conformance.statistics.axis import coordinates, log_slope, rows
from zoo_core.conformance.statistics.law import Law
from zoo_core.conformance.statistics.listing import Listing
from zoo_core.conformance.statistics.quadrature import LARGEST, Integral, Quadrature, quadrature
from zoo_core.conformance.target import Target
from zoo_core.interfaces.space import Space

_MOST = {0: 100_000, 1: 800, 2: 24}
"""How many rows of codes are listed at most, beside so many real numbers."""
_SCORED, _CHUNK = 300_000, 20_000
_REST = {0: 1e-9, 1: 1e-5, 2: 1e-5}
"""The mass that doubling the counts may still add, beside so many real numbers."""
_SAMPLES, _COUNTS = 256, 16
_TOO_MUCH = 1.1


@final
@dataclass(frozen=True, eq=False)
class Mixture:
    """A target whose rows are put together from real numbers `[m, f]` and codes `[k, d]`."""

    target: Target
    real: Tensor
    coded: Tensor

    @staticmethod
    def of(target: Target) -> Mixture:
        """Part the entries of a row."""
        real = continuous(target.space).flatten()
        return Mixture(target, real.nonzero()[:, 0], (~real).nonzero()[:, 0])

    def log_prob(self, values: Tensor, codes: Tensor) -> Tensor:
        """Score every combination, `[m, k]`."""
        at_once = max(1, _CHUNK // len(codes))
        return torch.cat([self._scored(part, codes) for part in values.split(at_once)])

    def _scored(self, values: Tensor, codes: Tensor) -> Tensor:
        space, shape = self.target.space, (len(values), len(codes))
        x = torch.zeros(*shape, space.size, dtype=torch.float64)
        x[..., self.real] = values[:, None]
        x[..., self.coded] = codes.double()
        x = x.long() if space.kind.discrete else x
        return self.target.log_prob(x.reshape(-1, *space.shape)).reshape(shape)

    def summed(self, codes: Tensor) -> Target:
        """Give the density of the real numbers alone, summed over these codes."""
        entries = self.target.space.entry_spaces
        space = Space.mixed({str(i): entries[i] for i in self.real.tolist()})

        def log_prob(values: Tensor) -> Tensor:
            return self.log_prob(values, codes).logsumexp(1)

        return Target(log_prob, log_prob, self._drawn(), space)

    def _drawn(self) -> Callable[[int, torch.Generator], Tensor] | None:
        sample = self.target.sample
        if sample is None:
            return None
        return lambda n, rng: sample(n, rng).reshape(n, -1)[:, self.real]

    def listing(self, rng: torch.Generator) -> Listing:
        """List the codes; of counts twice as many as samples reach."""
        entries, sample = self.target.space.entry_spaces, self.target.sample
        highest = torch.zeros(len(entries))
        if sample is not None and any(entries[i].n_levels is None for i in self.coded.tolist()):
            highest = sample(_SAMPLES, rng).reshape(_SAMPLES, -1).nan_to_num().amax(0)
        return Listing(
            tuple(
                entries[i].n_levels or max(_COUNTS, 2 * int(highest[i]) + 2)
                for i in self.coded.tolist()
            )
        )

    @property
    def counted(self) -> list[int]:
        """Which of the coded entries are counts."""
        entries = self.target.space.entry_spaces
        return [j for j, i in enumerate(self.coded.tolist()) if entries[i].n_levels is None]


@final
@dataclass(frozen=True, eq=False)
class Lattice:
    """A density at every combination of listed codes and of nodes, `log_prob [m, k]`.

    Without real numbers there is one node and no grid.
    """

    mixture: Mixture
    listing: Listing
    grid: Quadrature | None
    log_prob: Tensor
    beyond: float = 0.0
    """About how much mass counts that aren't listed may have."""

    @staticmethod
    def of(mixture: Mixture, listing: Listing, rng: torch.Generator) -> Lattice:
        """Choose nodes for the sum over all listed codes."""
        codes = listing.rows
        if not len(mixture.real):
            nothing = torch.zeros(1, 0, dtype=torch.float64)
            return Lattice(mixture, listing, None, mixture.log_prob(nothing, codes))
        grid = quadrature(mixture.summed(codes), rng, budget=min(30_000, _SCORED // len(codes)))
        return Lattice(mixture, listing, grid, mixture.log_prob(_values(grid), codes))

    @property
    def total(self) -> Integral:
        """Give the total mass."""
        seen = Integral(float(self.log_prob[0].logsumexp(0).exp()), 0.0)
        if self.grid is not None:
            seen = self.grid.integrate([lambda x, log_prob: log_prob.exp()])[0]
        # What isn't listed only adds to a mass that is too large already.
        left_out = 0.0 if seen.value > _TOO_MUCH else 2 * self.beyond
        return Integral(seen.value, seen.error + left_out)

    def mass_beyond(self, entry: int) -> float:
        """Give about how much mass there is beyond the listed levels of one entry.

        Twice as many levels are looked at; beyond these masses go on to fall as from the last
        half of the listed levels to there.
        """
        log_prob = self.mixture.log_prob(self._nodes, self.listing.beyond(entry))
        more = float((log_prob.exp() * self._weight[:, None]).sum())
        upper = self.listing.rows[:, entry] >= self.listing.levels[entry] // 2
        half = float((self.log_prob[:, upper].exp() * self._weight[:, None]).sum())
        if more <= _REST[len(self.mixture.real)]:
            return more
        return more / (1 - more / half) if more < half else math.inf

    def law(self) -> Law:
        """Take every combination for a point; masses are normalised."""
        mass = self.log_prob.exp() * self._weight[:, None]
        mass, listed = mass / mass.sum(), len(self.listing)
        levels = _Levels.of(self.listing, mass.sum(0))
        t = torch.cat(
            [
                self._t.repeat_interleave(listed, 0),
                levels.t_of(self.listing.rows).repeat(len(self._t), 1),
            ],
            1,
        )
        cell = (self._cell[:, None] * listed + torch.arange(listed)).flatten()
        return Law(
            t, self.log_prob.flatten(), mass.flatten(), cell,
            self._cell_of, lambda x: self._t_of(x, levels), self.total.error,
        )  # fmt: skip

    def _cell_of(self, x: Tensor) -> Tensor:
        flat = x.reshape(len(x), -1)
        number = self.listing.number_of(flat[:, self.mixture.coded])
        if self.grid is None:
            return number
        return self.grid.cell_of(flat[:, self.mixture.real]) * len(self.listing) + number

    def _t_of(self, x: Tensor, levels: _Levels) -> Tensor:
        flat = x.reshape(len(x), -1)
        t = levels.t_of(flat[:, self.mixture.coded].long())
        if self.grid is None:
            return t
        return torch.cat([coordinates(flat[:, self.mixture.real], self.grid.axes), t], 1)

    @cached_property
    def _nodes(self) -> Tensor:
        one = torch.zeros(1, 0, dtype=torch.float64)
        return one if self.grid is None else _values(self.grid)

    @property
    def _t(self) -> Tensor:
        return self._nodes if self.grid is None else self.grid.panels.t.flatten(0, 1)

    @cached_property
    def _weight(self) -> Tensor:
        """What a node counts for, `[m]`."""
        if self.grid is None:
            return torch.ones(1, dtype=torch.float64)
        slope = log_slope(self._t, self.grid.axes).exp()
        return (self.grid.panels.weight.flatten() * slope).nan_to_num(0.0)

    @property
    def _cell(self) -> Tensor:
        if self.grid is None:
            return torch.zeros(1, dtype=torch.int64)
        panels = self.grid.panels
        return panels.cell.repeat_interleave(panels.log_density.shape[1])


@final
@dataclass(frozen=True, eq=False)
class _Levels:
    """Where each level of each entry lies between −1 and 1: in the middle of its rank."""

    places: tuple[Tensor, ...]

    @staticmethod
    def of(listing: Listing, mass: Tensor) -> _Levels:
        """Rank the levels by the masses `[k]` of the listed rows."""
        rows, found = listing.rows, []
        for entry, levels in enumerate(listing.levels):
            own = mass.new_zeros(levels).index_add_(0, rows[:, entry], mass)
            found.append(2 * own.cumsum(0) - own - 1)
        return _Levels(tuple(found))

    def t_of(self, codes: Tensor) -> Tensor:
        """Give the places of codes `[n, d]`; codes beyond count as the last ones."""
        columns = zip(self.places, codes.T, strict=True)
        found = [places[column.clamp(0, len(places) - 1)] for places, column in columns]
        return torch.stack(found, 1) if found else torch.zeros(len(codes), 0).double()


def lattice_of(target: Target, rng: torch.Generator) -> Lattice | None:
    """Make the lattice of a space of counts, or of a mixed table; None where it is too large.

    As many counts are listed as have mass: the levels of the entry with most beyond are doubled
    until hardly any is left.
    """
    mixture = Mixture.of(target)
    real = len(mixture.real)
    if real > LARGEST:
        return None
    listing = mixture.listing(rng)
    if len(listing) > _MOST[real]:
        return None
    while True:
        found = Lattice.of(mixture, listing, rng)
        masses = {entry: found.mass_beyond(entry) for entry in mixture.counted}
        beyond = sum(masses.values())
        grown = listing.doubled(max(masses, key=masses.__getitem__)) if masses else listing
        if not beyond > _REST[real] or len(grown) > _MOST[real]:
            return replace(found, beyond=beyond)
        listing = grown


def _values(grid: Quadrature) -> Tensor:
    return rows(grid.panels.t.flatten(0, 1), grid.axes, grid.space)
