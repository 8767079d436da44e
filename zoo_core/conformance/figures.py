"""Figures: what log_prob gives under other options, and rows to hold it against."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.conformance.check import Skip
from zoo_core.conformance.claims import Claim
from zoo_core.conformance.statistics.axis import log_slope, rows
from zoo_core.conformance.statistics.enumeration import enumerable, every_row, masses
from zoo_core.conformance.statistics.lattice import Lattice, lattice_of
from zoo_core.conformance.statistics.panels import Panels
from zoo_core.conformance.statistics.proposal import fitted
from zoo_core.conformance.statistics.scan import axes_of
from zoo_core.conformance.subject import Subject
from zoo_core.conformance.target import Target, target_of
from zoo_core.conformance.target_promises import on_a_grid
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.density import Density, DensityKind, DensityModel
from zoo_core.interfaces.model import provided
from zoo_core.interfaces.space import Kind

_BREAKS = {1: 48, 2: 12}
"""How many boxes a grid has in each direction."""
_REPEATS = 4

Options = Mapping[str, Any]


def figures_of(kind: DensityKind) -> Claim:
    """Claim a log_prob of this kind under some options."""
    return lambda subject: bool(options_of(subject, kind))


def options_of(subject: Subject, kind: DensityKind) -> list[Options]:
    """List options under which log_prob is of this kind: each kind and `how` once.

    Tried are the defaults, and every choice of every option that is one of an enumeration.
    """
    model = subject.model
    if not provided(model, DensityModel):
        return []
    found: dict[Density, Options] = {}
    for options in _choices(model):
        found.setdefault(model.density_of(**options), options)
    return [options for density, options in found.items() if density.kind is kind]


def _choices(model: DensityModel) -> Iterator[Options]:
    yield {}
    for name, field in type(model).LogProbOptions.model_fields.items():
        named = (field.annotation, *typing.get_args(field.annotation))
        for choices in (one for one in named if isinstance(one, type) and issubclass(one, Enum)):
            yield from ({name: choice} for choice in choices)


def figures(subject: Subject, x: Tensor, options: Options, purpose: str) -> Tensor:
    """Score rows under one condition and these options, with the noise of this purpose, `[n]`."""
    model: Any = subject.exact
    rng = subject.rng(f"noise {purpose}")
    with torch.no_grad():
        return model.log_prob(x, condition=subject.condition(), rng=rng, **options).double()


def named(options: Options) -> str:
    """Say which options."""
    return ", ".join(f"{name}={value}" for name, value in options.items()) or "default options"


@final
@dataclass(frozen=True, eq=False)
class Reference:
    """What figures are held against: a normalised log-density r, and rows that are draws of it.

    `draw(n, rng)` gives rows `[n, *shape]` and log r of them. `error` is how far, in nats, what
    r is normalised by may be from the integral of r.
    """

    draw: Callable[[int, torch.Generator], tuple[Tensor, Tensor]]
    error: float = 0.0


def reference(subject: Subject, options: Options, *, loose: bool = False) -> Reference:
    """Choose what to hold figures against, as near to them as can be had.

    Where other options give the exact density, that; then what is said of r is true of every
    row. Else the figures themselves, as means of four, divided by their sum over all codes or
    their integral over one or two dimensions. Beyond, a law fitted to samples if `loose`. Raises
    Skip for sequences, and for too many codes or dimensions.
    """
    if subject.model.space.ragged:
        raise Skip("the noise of a sequence's figures isn't looked at")
    exact = options_of(subject, DensityKind.EXACT)
    if exact:
        return _exact(subject, target_of(subject, **exact[0]))
    target = replace(target_of(subject, **options), log_prob=_mean(subject, options))
    if enumerable(target.space):
        return _enumerated(target)
    if on_a_grid(target.space):
        return _integrated(target, subject.rng("grid"))
    listed = lattice_of(target, subject.rng("grid")) if target.space.kind is Kind.COUNT else None
    if listed is not None:
        return _listed(target, listed)
    if not loose:
        raise Skip("there are too many codes or dimensions to normalise figures")
    return _fitted(subject, target)


def _mean(subject: Subject, options: Options) -> Callable[[Tensor], Tensor]:
    def log_prob(x: Tensor) -> Tensor:
        each = [figures(subject, x, options, f"of reference {i}") for i in range(_REPEATS)]
        return torch.stack(each).mean(0)

    return log_prob


def _exact(subject: Subject, target: Target) -> Reference:
    x: Any = subject.foreign_rows(64, "reference")
    return _points(x, target.log_prob(x), torch.ones(len(x)))


def _enumerated(target: Target) -> Reference:
    log_density = masses(target).log_softmax(0)
    return _points(every_row(target.space), log_density, log_density.exp())


def _listed(target: Target, lattice: Lattice) -> Reference:
    """Take the counts that have mass."""
    log_density = lattice.log_prob[0].log_softmax(0)
    x = lattice.listing.rows.reshape(-1, *target.space.shape)
    return _points(x, log_density, log_density.exp(), 2 * lattice.beyond)


def _integrated(target: Target, rng: torch.Generator) -> Reference:
    """Integrate on a fixed grid: noise is no reason to halve its boxes."""
    space = target.space
    made = torch.zeros(0, space.size) if target.sample is None else target.sample(256, rng)
    axes = axes_of(target, made.reshape(len(made), space.size).double(), rng)

    def score(t: Tensor) -> Tensor:
        return target.log_prob(rows(t, axes, space)) + log_slope(t, axes)

    panels = Panels.tiling(_BREAKS[space.size], space.size, score)
    t, logs = panels.t.flatten(0, 1), panels.log_density.flatten()
    mass = logs.exp() * panels.weight.flatten()
    # With their signs, so that noise cancels out and a box that is too wide doesn't.
    doubt = (panels.log_density.exp() * panels.doubt).sum((1, 2)).abs().amax() / mass.sum()
    log_density = logs - log_slope(t, axes) - mass.sum().log()
    return _points(rows(t, axes, space), log_density, mass, float(doubt))


def _fitted(subject: Subject, target: Target) -> Reference:
    made: Any = subject.foreign_rows(512) if target.sample is None else None
    made = made if target.sample is None else target.sample(512, subject.rng("samples"))
    law = fitted(made, target.space)

    def draw(n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        x = law.sample(n, rng)
        return x, law.log_prob(x)

    return Reference(draw)


def _points(x: Tensor, log_density: Tensor, mass: Tensor, error: float = 0.0) -> Reference:
    """Draw rows by their masses. Raises ConformanceError where these add up to no number."""
    total = mass.sum()
    if not bool(total.isfinite() & (total > 0)):
        raise ConformanceError(
            "The exponentials of log_prob have a finite integral (sum), which isn't 0",
            received=f"{float(total):.3g}",
            remedy="Look at the signs of its terms.",
        )

    def draw(n: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        chosen = torch.multinomial(mass, n, replacement=True, generator=rng)
        return x[chosen], log_density[chosen]

    return Reference(draw, error)
