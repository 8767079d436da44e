"""`check_density`, on functions of torch, NumPy and scipy."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch import distributions as laws

import zoo_core as zoo
from zoo_core.conformance.density import check_density
from zoo_core.conformance.result import CheckResult, Status
from zoo_core.errors import DataError
from zoo_core.interfaces.density import DensityKind

PLANE = zoo.Space.real(2)


def normal(dtype: torch.dtype = torch.float64) -> laws.Distribution:
    covariance = torch.tensor([[1.0, 0.5], [0.5, 2.0]], dtype=dtype)
    return laws.MultivariateNormal(torch.zeros(2, dtype=dtype), covariance)


def checked(log_prob: Any, sample: Any, space: zoo.Space, **told: Any) -> dict[str, CheckResult]:
    results = check_density(log_prob, sample, space, rng=zoo.rng(0), **told)
    return {result.name: result for result in results}


def failed(results: dict[str, CheckResult]) -> set[str]:
    return {name for name, result in results.items() if result.status is Status.FAILED}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_right_density_passes_everything(dtype: torch.dtype) -> None:
    law = normal(dtype)
    results = checked(law.log_prob, lambda n: law.sample((n,)), PLANE, dtype=dtype)
    assert {result.status for result in results.values()} == {Status.PASSED}
    assert set(results) == {
        "the-density-integrates-to-one",
        "samples-follow-the-density",
        "log-prob-of-shuffled-rows-is-shuffled",
        "the-same-rows-score-the-same",
        "log-prob-of-far-rows-is-a-number",
        "the-gradient-is-finite",
    }


def test_functions_of_arrays_are_checked() -> None:
    law = stats.gamma(2.5, scale=3.0)

    def log_prob(x: np.ndarray) -> np.ndarray:
        assert isinstance(x, np.ndarray)
        return law.logpdf(x)[:, 0]

    results = checked(log_prob, lambda n: law.rvs((n, 1)), zoo.Space.real(1), numpy=True)
    assert failed(results) == set()
    assert results["the-gradient-is-finite"].status is Status.SKIPPED
    assert results["samples-follow-the-density"].status is Status.PASSED


def test_codes_are_checked() -> None:
    law = laws.Categorical(torch.tensor([0.5, 0.3, 0.2]))
    results = checked(
        lambda x: law.log_prob(x).sum(1),
        lambda n: law.sample((n, 4)),
        zoo.Space.categorical(3, 4),
        dtype=torch.float32,
    )
    assert failed(results) == set()
    assert results["samples-follow-the-density"].status is Status.PASSED


BROKEN: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[int], Tensor], str]] = {
    "bits": (
        lambda x: normal().log_prob(x) / math.log(2),
        lambda n: normal().sample((n,)),
        "the-density-integrates-to-one",
    ),
    "scale": (
        normal().log_prob,
        lambda n: 1.05 * normal().sample((n,)),
        "samples-follow-the-density",
    ),
    "training mode": (
        lambda x: normal().log_prob(x) + 1e-3 * torch.randn(len(x)),
        lambda n: normal().sample((n,)),
        "the-same-rows-score-the-same",
    ),
    "statistics of the batch": (
        lambda x: normal().log_prob(x) + 1e-3 * torch.arange(len(x)),
        lambda n: normal().sample((n,)),
        "log-prob-of-shuffled-rows-is-shuffled",
    ),
    "infinity less infinity": (
        lambda x: (x.exp() / (1 + x.exp()) ** 2).log().sum(1),
        lambda n: torch.rand(n, 2).logit(),
        "log-prob-of-far-rows-is-a-number",
    ),
    "a number an entry": (
        lambda x: laws.Normal(0.0, 1.0).log_prob(x),
        lambda n: torch.randn(n, 2),
        "the-density-integrates-to-one",
    ),
    "too few samples": (
        normal().log_prob,
        lambda n: normal().sample((n // 2,)),
        "samples-follow-the-density",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_density_is_caught(name: str) -> None:
    log_prob, sample, check = BROKEN[name]
    assert check in failed(checked(log_prob, sample, PLANE))


def test_a_density_without_a_sampler_is_integrated() -> None:
    results = checked(normal().log_prob, None, PLANE)
    assert "samples-follow-the-density" not in results
    assert results["the-density-integrates-to-one"].status is Status.PASSED
    wrong = checked(lambda x: normal().log_prob(x) + 0.01, None, PLANE)
    assert failed(wrong) == {"the-density-integrates-to-one"}


def test_many_dimensions_need_a_sampler() -> None:
    law = laws.Independent(laws.Normal(torch.zeros(8).double(), 1.0), 1)
    results = checked(law.log_prob, None, zoo.Space.real(8))
    assert results["the-density-integrates-to-one"].status is Status.SKIPPED
    results = checked(law.log_prob, lambda n: law.sample((n,)), zoo.Space.real(8))
    assert results["the-density-integrates-to-one"].status is Status.PASSED


@pytest.mark.parametrize(("above", "status"), [(-0.1, Status.PASSED), (0.1, Status.FAILED)])
def test_a_bound_integrates_to_one_at_most(above: float, status: Status) -> None:
    results = checked(
        lambda x: normal().log_prob(x) + above, None, PLANE, kind=DensityKind.LOWER_BOUND
    )
    assert results["the-bound-integrates-to-at-most-one"].status is status
    assert "the-density-integrates-to-one" not in results


def test_global_seeds_are_put_back() -> None:
    def sample(n: int) -> Tensor:
        noise = np.random.normal(size=(n, 2)) + 0 * random.random()
        return torch.randn(n, 2) * 0 + torch.from_numpy(noise)

    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    first = checked(laws.Independent(laws.Normal(torch.zeros(2), 1.0), 1).log_prob, sample, PLANE)
    second = checked(laws.Independent(laws.Normal(torch.zeros(2), 1.0), 1).log_prob, sample, PLANE)
    after = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    p_values = [dict(one["samples-follow-the-density"].p_values) for one in (first, second)]
    assert p_values[0] == p_values[1]
    assert failed(first) == set()


def test_sequences_of_any_length_are_refused() -> None:
    with pytest.raises(DataError, match="one shape"):
        check_density(normal().log_prob, None, zoo.Space.real(2, ragged=True), rng=zoo.rng(0))


@pytest.mark.parametrize("failure", [False, True])
def test_counts_without_a_largest_one_are_summed(failure: bool) -> None:
    law, rng = stats.nbinom(1.5, 0.2), np.random.default_rng(0)

    def log_prob(x: np.ndarray) -> np.ndarray:
        return law.logpmf(x)[:, 0] + 1e-5 * failure

    results = checked(log_prob, lambda n: law.rvs((n, 1), rng), zoo.Space.count(1), numpy=True)
    assert failed(results) == ({"the-density-integrates-to-one"} if failure else set())
    alone = checked(log_prob, None, zoo.Space.count(1), numpy=True)
    assert failed(alone) == failed(results)


def test_a_tail_of_counts_that_ends_nowhere_is_doubtful_or_wrong() -> None:
    def zipf(x: Tensor) -> Tensor:
        return -1.05 * (x[:, 0] + 1.0).double().log() - math.log(20.58)

    assert checked(zipf, None, zoo.Space.count(1))["the-density-integrates-to-one"].status is (
        Status.SKIPPED
    )
    assert failed(checked(lambda x: zipf(x) + 3, None, zoo.Space.count(1)))


@pytest.mark.parametrize(
    ("gap", "broken"), [(0.0, None), (0.02, "the-density-integrates-to-one"), (None, "sampler")]
)
def test_a_mixed_table_is_summed_and_integrated(gap: float | None, broken: str | None) -> None:
    """An angle and a share between 0 and 1, given a count."""
    columns = {"angle": zoo.Space.angle(), "visits": zoo.Space.count(), "share": zoo.Space.unit()}
    rng = zoo.rng(1)

    def log_prob(x: Tensor) -> Tensor:
        angle, visits, share = x.T
        turned = torch.log1p(0.8 * (angle - visits).cos()) - math.log(2 * math.pi)
        split = (2 * torch.where(visits % 2 == 0, share, 1 - share)).log()
        return laws.Poisson(2.0).log_prob(visits) + turned + split + (gap or 0.0)

    def sample(n: int) -> Tensor:
        visits = torch.poisson(torch.full((n,), 2.0), generator=rng)
        told = visits.roll(1) if broken == "sampler" else visits
        angle, coin, share = torch.rand(3, n, generator=rng)
        angle = 2 * math.pi * angle
        turned = coin > (1 + 0.8 * (angle - told).cos()) / 2
        angle = torch.remainder(angle + math.pi * (1 + turned.float()), 2 * math.pi) - math.pi
        share = torch.where(visits % 2 == 0, share.sqrt(), 1 - share.sqrt())
        return torch.stack([angle, visits, share], 1)

    found = failed(checked(log_prob, sample, zoo.Space.mixed(columns)))
    assert found == {None: set(), "sampler": {"samples-follow-the-density"}}.get(broken, {broken})
