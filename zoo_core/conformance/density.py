"""`check_density`: the promises of a density that is no model of the zoo."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from zoo_core import API_VERSION
from zoo_core.conformance import target_promises as promises
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.columns import is_continuous
from zoo_core.conformance.draws import draw
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.result import CheckResult
from zoo_core.conformance.running import run_checks
from zoo_core.conformance.target import Target
from zoo_core.errors import ConformanceError, DataError
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.space import Space

_ROWS = 16


@final
@dataclass(frozen=True, eq=False)
class Bare:
    """A target, a seed for the draws of its checks, and the rounding of its arithmetic."""

    target: Target
    seed: int
    rounding: float

    def rng(self) -> torch.Generator:
        """Make a generator; every check begins with the same."""
        return torch.Generator().manual_seed(self.seed)

    def rows(self) -> Tensor:
        """Give a few rows: samples where there are any."""
        if self.target.sample is not None:
            return self.target.sample(_ROWS, self.rng())
        drawn = draw(self.target.space, _ROWS, self.rng())
        if not isinstance(drawn, Tensor):
            raise TypeError("a Target's space is never ragged")
        return drawn if self.target.space.kind.discrete else drawn.double()


def check_density(
    log_prob: Callable[[Any], Any],
    sample: Callable[[int], Any] | None,
    space: Space,
    *,
    rng: torch.Generator,
    kind: DensityKind = DensityKind.EXACT,
    dtype: torch.dtype = torch.float64,
    numpy: bool = False,
) -> list[CheckResult]:
    """Check a bare density, of any library, and its sampler; give one result a promise.

    `log_prob` takes rows `[n, *shape]` and gives log-densities `[n]` in nats, as a tensor or
    anything that becomes one; rows are tensors of `dtype` (codes are int64), or with `numpy`
    arrays of it. `sample(n)` gives n rows as a tensor or array; while it runs the global seeds of
    torch, NumPy and `random` follow from `rng`, and are put back afterwards. `None` is no
    sampler. `kind` is what is claimed: an exact density integrates to one and is what samples
    follow, a lower bound integrates to one at most. For sequences choose one length, the first
    number of the shape. Without a sampler a mode that is a hundred times narrower than the whole
    may escape the quadrature, and the integral lacks its mass.

    Whatever the functions raise is a failure of the promise that was tested, not an error here.
    Raises DataError for a space of sequences of any length.
    """
    if space.ragged:
        raise DataError(
            "check_density takes rows of one shape",
            received=space,
            remedy="Score sequences of one length: Space.real(length, *shape).",
        )
    seed = int(torch.randint(2**31, (), generator=rng, device=rng.device))
    target = _target(log_prob, sample, space, kind, dtype, numpy)
    # Sums and differences of a few numbers of this type.
    bare = Bare(target, seed, rounding=max(1e-6, 1e4 * torch.finfo(dtype).eps))
    return list(run_checks(_CHECKS, bare, expected_failures={}, api=API_VERSION))


def _target(
    log_prob: Callable[[Any], Any],
    sample: Callable[[int], Any] | None,
    space: Space,
    kind: DensityKind,
    dtype: torch.dtype,
    numpy: bool,
) -> Target:
    def differentiable(x: Tensor) -> Tensor:
        rows = x if space.kind.discrete else x.to(dtype)
        scores = torch.as_tensor(log_prob(rows.detach().numpy() if numpy else rows))
        if scores.shape != (len(x),):
            raise ConformanceError(
                f"log_prob gives one number a row, [{len(x)}]",
                received=f"shape {list(scores.shape)}",
                remedy="Sum over the entries of a row.",
            )
        return scores

    def scored(x: Tensor) -> Tensor:
        with torch.no_grad():
            return differentiable(x).detach().double()

    drawn = None if sample is None else _sampler(sample, space)
    return Target(scored, differentiable, drawn, space, kind)


def _sampler(
    sample: Callable[[int], Any], space: Space
) -> Callable[[int, torch.Generator], Tensor]:
    def drawn(n: int, rng: torch.Generator) -> Tensor:
        with _seeded(rng), torch.no_grad():
            x = torch.as_tensor(sample(n)).detach()
        x = space.check(space.tensor(x), what="samples")
        if len(x) != n:
            raise ConformanceError(f"sample({n}) gives {n} rows", received=len(x))
        return x if space.kind.discrete else x.double()

    return drawn


@contextmanager
def _seeded(rng: torch.Generator) -> Iterator[None]:
    """Seed the global generators from rng for a while; put back what they were."""
    seed = int(torch.randint(2**31, (), generator=rng, device=rng.device))
    arrays, python = np.random.get_state(), random.getstate()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            np.random.seed(seed)
            random.seed(seed)
            yield
    finally:
        np.random.set_state(arrays)
        random.setstate(python)


def _exact(bare: Bare) -> bool:
    return bare.target.kind is DensityKind.EXACT


def _exact_with_sampler(bare: Bare) -> bool:
    return _exact(bare) and bare.target.sample is not None


def _bound(bare: Bare) -> bool:
    return bare.target.kind is DensityKind.LOWER_BOUND


def _noiseless(bare: Bare) -> bool:
    return bare.target.kind in (DensityKind.EXACT, DensityKind.UNNORMALIZED)


def _floating(bare: Bare) -> bool:
    return is_continuous(bare.target.space)


@check(claimed=_exact)
def the_density_integrates_to_one(bare: Bare) -> Evidence | None:
    """The density integrates, or the mass sums, to one."""
    return promises.integrates_to_one(bare.target, bare.rng(), rounding=bare.rounding)


@check(claimed=_bound)
def the_bound_integrates_to_at_most_one(bare: Bare) -> None:
    """What is everywhere below a density integrates to one at most."""
    promises.integrates_to_at_most_one(bare.target, bare.rng())


@check(claimed=_exact_with_sampler)
def samples_follow_the_density(bare: Bare) -> Evidence:
    """Samples follow the density."""
    return promises.samples_follow(bare.target, bare.rng())


@check(claimed=_noiseless)
def log_prob_of_shuffled_rows_is_shuffled(bare: Bare) -> None:
    """The log_prob of rows in another order is that of the rows, in that order."""
    promises.shuffled_rows_score_alike(bare.target, bare.rows(), rounding=bare.rounding)


@check(claimed=_noiseless)
def the_same_rows_score_the_same(bare: Bare) -> None:
    """The log_prob of the same rows is the same again, to the bit."""
    x = bare.rows()
    first, second = bare.target.log_prob(x), bare.target.log_prob(x.clone())
    if not torch.equal(first.nan_to_num(), second.nan_to_num()):
        raise ConformanceError(
            "log_prob is a function of the rows",
            received=f"differences up to {float((first - second).abs().max()):.3g}",
            remedy="Put the model into evaluation mode, or claim another kind.",
        )


@check(claimed=_floating)
def log_prob_of_far_rows_is_a_number(bare: Bare) -> None:
    """The log_prob of rows up to 1e4 away is a number or −∞, never NaN."""
    promises.scores_are_numbers(bare.target, bare.rng())


@check(claimed=_floating)
def the_gradient_is_finite(bare: Bare) -> None:
    """The gradient of log_prob with respect to x is finite where the density is positive."""
    x = promises.interesting_rows(bare.target.space, bare.rows(), bare.rng())
    try:
        promises.gradient_is_finite(bare.target, x)
    except RuntimeError as error:  # NumPy refuses tensors that want a gradient
        raise Skip(f"log_prob isn't differentiable: {error}") from None


_CHECKS = (
    the_density_integrates_to_one,
    the_bound_integrates_to_at_most_one,
    samples_follow_the_density,
    log_prob_of_shuffled_rows_is_shuffled,
    the_same_rows_score_the_same,
    log_prob_of_far_rows_is_a_number,
    the_gradient_is_finite,
)
