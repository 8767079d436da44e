"""What every density promises, tested on a Target, whoever it belongs to."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zoo_core.conformance.check import Skip
from zoo_core.conformance.columns import continuous, is_all_continuous, is_continuous
from zoo_core.conformance.draws import draw
from zoo_core.conformance.evidence import FALSE_ALARM, Evidence
from zoo_core.conformance.statistics.contrast import Contrast
from zoo_core.conformance.statistics.enumeration import enumerable, masses
from zoo_core.conformance.statistics.lattice import Lattice, lattice_of
from zoo_core.conformance.statistics.law import Law
from zoo_core.conformance.statistics.quadrature import LARGEST, Integral, quadrature
from zoo_core.conformance.target import Target
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.space import Kind, Space

SAMPLES = 12_000
_COINS = 16_384
_TOLERANCE, _DOUBT = 5e-3, 0.05
_SURE = 2e-3
"""How sure masses must be for samples to be held against a grid of them."""
_ROWS = 9


def integrates_to_one(
    target: Target, rng: torch.Generator, *, rounding: float = 1e-6
) -> Evidence | None:
    """Test that the density integrates, or the mass sums, to one.

    `rounding` is how far a sum of masses may be off. Raises ConformanceError; Skip where neither
    enumeration nor quadrature nor samples can say.
    """
    if target.space.size == 0:
        raise Skip("a row has no entries")
    total = total_mass(target, rng)
    if total is not None:
        if is_continuous(target.space):
            _require_one(total, "its integral is", _TOLERANCE)
        else:
            _require_one(total, "the masses of all rows sum to", rounding)
        return None
    if target.sample is None:
        raise Skip(f"{target.space.size} dimensions are too many for a grid, and it has no sampler")
    contrast = Contrast.of(target, _COINS, rng)
    return _told(contrast, {"normalisation": contrast.normalisation()}, "by bridge sampling")


def integrates_to_at_most_one(target: Target, rng: torch.Generator) -> None:
    """Test that a lower bound on a density integrates, or sums, to one at most."""
    total = total_mass(target, rng)
    if total is None:
        raise Skip(f"{target.space.size} dimensions are too many for a grid")
    if not total.value - 2 * total.error <= 1 + _TOLERANCE:
        raise ConformanceError(
            "A lower bound integrates to one at most",
            received=f"its integral is {total.value:.6g} ± {total.error:.1g}",
            remedy="Count every log-determinant and constant, in nats.",
        )


def samples_follow(target: Target, rng: torch.Generator, *, samples: int = SAMPLES) -> Evidence:
    """Test that samples are draws from the density. Raises Skip where nothing can be said.

    `samples` is how many are drawn where rows can be listed, or integrated over.
    """
    if target.sample is None:
        raise Skip("it has no sampler")
    if target.space.size == 0:
        raise Skip("a row has no entries")
    law = _law(target, rng)
    if law is None:
        contrast = Contrast.of(target, _COINS, rng)
        seen = f"{_COINS // 2} samples among as many others"
        return _told(contrast, contrast.p_values(), seen)
    x = target.sample(samples, rng)
    return Evidence(law.p_values(x, target.log_prob(x)), received=f"{samples} samples")


def on_a_grid(space: Space) -> bool:
    """Say whether a space is floating, no table, and has few enough dimensions for quadrature."""
    return is_all_continuous(space) and space.entries is None and 0 < space.size <= LARGEST


def total_mass(target: Target, rng: torch.Generator) -> Integral | None:
    """Sum and integrate the density; None where there are too many codes or dimensions."""
    if enumerable(target.space):
        return Integral(float(masses(target).logsumexp(0).exp()), 0.0)
    if on_a_grid(target.space):
        return quadrature(target, rng).integrate([lambda x, log_prob: log_prob.exp()])[0]
    lattice = _lattice(target, rng)
    return None if lattice is None else lattice.total


def shuffled_rows_score_alike(target: Target, x: Tensor, *, rounding: float) -> None:
    """Test that log_prob of rows in another order is in that order."""
    order = torch.arange(len(x)).roll(len(x) // 2).flip(0)
    require_order(target.log_prob(x)[order], target.log_prob(x[order]), rounding)


def require_order(expected: Tensor, seen: Tensor, rounding: float) -> None:
    """Raise ConformanceError where scores of shuffled rows aren't those of the rows, shuffled."""
    same = (expected == seen) | ((expected - seen).abs() <= rounding * (1 + expected.abs()))
    if not bool(same.all()):
        at = int((~same).nonzero()[0])
        raise ConformanceError(
            "The log_prob of a row doesn't depend on where in the batch it stands",
            received=f"{float(seen[at]):.8g} and {float(expected[at]):.8g} for one row",
            remedy="Score each row by itself; keep the batch in the first dimension.",
        )


def scores_are_numbers(target: Target, rng: torch.Generator) -> None:
    """Test that rows far from all data have a log_prob that is a number or −∞, never NaN or ∞."""
    x = far_rows(target.space, rng)
    log_prob = target.log_prob(x)
    wrong = log_prob.isnan() | (log_prob == math.inf)
    if bool(wrong.any()):
        raise ConformanceError(
            "log_prob of every row of the space is a number, or −∞",
            received=f"{float(log_prob[wrong][0])} at {x[wrong][0].flatten().tolist()[:4]}",
            remedy="Take logarithms of what can be zero by logaddexp, logsigmoid and the like.",
        )


def far_rows(space: Space, rng: torch.Generator) -> Tensor:
    """Give rows up to 1e4 away in real spaces; in others rows of the whole range."""
    x = draw(space, 3 * _ROWS, rng)
    if not isinstance(x, Tensor) or space.kind.discrete:
        return x if isinstance(x, Tensor) else x.values
    real = torch.tensor([entry.kind is Kind.REAL for entry in space.entry_spaces])
    size = torch.tensor([1e2, 1e3, 1e4]).double().repeat_interleave(_ROWS)
    size = size.reshape(-1, *[1] * len(space.shape))
    return x.double() * torch.where(real.reshape(space.shape), size, 1.0)


def interesting_rows(space: Space, samples: Tensor, rng: torch.Generator) -> Tensor:
    """Add rows to samples at which formulas go wrong: draws, zeros, and equal entries."""
    drawn = draw(space, len(samples), rng)
    rows = [samples, drawn.to(samples.dtype) if isinstance(drawn, Tensor) else samples]
    if space.kind in (Kind.REAL, Kind.ANGLE):
        rows += [torch.zeros_like(samples[:1]), samples[:1] * 0 + samples[0].flatten()[:1].sum()]
    if space.kind is Kind.MIXED:
        rows.append(torch.where(continuous(space), 0.0, samples[:1]))
    return torch.cat(rows)


def gradient_is_finite(target: Target, x: Tensor) -> None:
    """Test that the gradient of log_prob at rows of positive density is finite.

    Raises Skip where log_prob isn't differentiable: where its graph ends before x.
    """
    x = x[target.log_prob(x).isfinite()]
    if not len(x):
        raise Skip("no row that was tried has a positive density")
    leaf = x.clone().requires_grad_(True)
    with torch.enable_grad():
        total = target.differentiable(leaf).sum()
    if not total.requires_grad:
        raise Skip("log_prob gives tensors without a graph")
    (gradient,) = torch.autograd.grad(total, leaf, allow_unused=True)
    if gradient is not None:
        require_finite(torch.where(continuous(target.space), gradient, 0.0), "x", x)


def require_finite(gradient: Tensor, what: str, x: Tensor | None = None) -> None:
    """Raise ConformanceError where a gradient isn't finite."""
    wrong = ~gradient.isfinite()
    if not bool(wrong.any()):
        return
    at = ""
    if x is not None:
        row = wrong.reshape(len(x), -1).any(1).nonzero()[0, 0]
        at = f" at {x[row].flatten().tolist()[:4]}"
    raise ConformanceError(
        f"The gradient of log_prob with respect to {what} is finite",
        received=f"{float(gradient[wrong][0])}{at}",
        remedy="Where a branch isn't taken, keep its argument in range too: torch.where "
        "differentiates both.",
    )


def _law(target: Target, rng: torch.Generator) -> Law | None:
    """Give the density's law where it can be had accurately; None elsewhere."""
    if enumerable(target.space):
        return Law.of_codes(target)
    if on_a_grid(target.space):
        grid = quadrature(target, rng)
        total = grid.integrate([lambda x, log_prob: log_prob.exp()])[0]
        return Law.of_quadrature(grid, total.error) if _sure(total) else None
    lattice = _lattice(target, rng)
    return lattice.law() if lattice is not None and _sure(lattice.total) else None


def _lattice(target: Target, rng: torch.Generator) -> Lattice | None:
    unlimited = target.space.kind in (Kind.COUNT, Kind.MIXED)
    return lattice_of(target, rng) if unlimited else None


def _sure(total: Integral) -> bool:
    return 0 < total.value < math.inf and total.error <= _SURE * total.value


def _require_one(total: Integral, what: str, tolerance: float) -> None:
    """Raise ConformanceError unless one is within tolerance and error; Skip for a great error."""
    gap = abs(total.value - 1)
    if not gap <= tolerance + 2 * total.error:
        about = f" ± {total.error:.1g}" if total.error else ""
        raise ConformanceError(
            "The density integrates to one",
            received=f"{what} {total.value:.6g}{about}",
            remedy="Count every log-determinant and constant, in nats.",
        )
    if not total.error <= _DOUBT:
        raise Skip(f"the integral is known to ± {total.error:.1g} only")


def _told(contrast: Contrast, p_values: dict[str, float], seen: str) -> Evidence:
    """Give the evidence; Skip where a contrast that can't tell much has told nothing."""
    if not contrast.telling and min(p_values.values()) * len(p_values) > FALSE_ALARM:
        raise Skip("no proposal that was tried is near enough to the density to compare them")
    return Evidence(p_values, received=seen)
