"""Kernel density equals scikit-learn's, integrates to one, and finds its bandwidth."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KernelDensity as Peer

import zoo_core as zoo
from zoo_core.conformance import check_density
from zoo_core.conformance.result import Status
from zoo_core.errors import ConfigError, DataError, OptionError
from zoo_plugin_classical.kernel_density import KernelDensity
from zoo_plugin_classical.kernels import Kernel

KERNELS = list(Kernel)


def normal(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=zoo.rng(seed), dtype=torch.float64)


NODES, WEIGHTS = np.polynomial.legendre.leggauss(250)


def quadrature(longest: float) -> tuple[np.ndarray, np.ndarray]:
    """Give nodes and weights of integrals from 0 to a number."""
    return (NODES + 1) / 2 * longest, WEIGHTS / 2 * longest


def fitted(x: Any, weight: Any = None, **fields: Any) -> KernelDensity:
    model = KernelDensity.for_data(x, **fields).double()
    model.fit(x, weight=weight)
    return model


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("d", [1, 2, 11])
@pytest.mark.parametrize("weighted", [False, True])
def test_densities_are_those_of_scikit_learn(kernel: Kernel, d: int, weighted: bool) -> None:
    x, points = normal(300, d), normal(64, d, 1)
    weight = torch.arange(300) % 4 / 2 if weighted else None
    there = torch.ones(300, dtype=torch.bool) if weight is None else weight > 0
    bandwidth = (2.0 if kernel.bounded else 0.7) * math.sqrt(d)
    peer = Peer(kernel=str(kernel), bandwidth=bandwidth).fit(
        x[there].numpy(), sample_weight=None if weight is None else weight[there].numpy()
    )
    expected = torch.tensor(peer.score_samples(points.numpy()))
    if kernel is Kernel.COSINE:  # its normalisation there is right in one dimension only
        expected += cosine_of_scikit_learn(d) - kernel.log_integral(d)
    found = fitted(x, weight, kernel=kernel, bandwidth=bandwidth).log_prob(points)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-9)


def cosine_of_scikit_learn(d: int) -> float:
    """The log of the integral that its kernel is divided by, found from its value at the centre."""
    one = Peer(kernel="cosine", bandwidth=1.0).fit(np.zeros((1, d)))
    return -float(one.score_samples(np.zeros((1, d)))[0])


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("d", [1, 2, 3, 8, 40])
def test_kernels_integrate_to_one(kernel: Kernel, d: int) -> None:
    """By quadrature over the distance, with the surface of the sphere."""
    u, w = quadrature(1.0 if kernel.bounded else 60.0 + 4 * d)
    log_surface = math.log(2) + d / 2 * math.log(math.pi) - math.lgamma(d / 2)
    values = kernel.log_values(torch.tensor(u**2)).numpy()
    logs = values + log_surface + (d - 1) * np.log(u) - kernel.log_integral(d)
    assert w @ np.exp(logs) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("d", [1, 5])
def test_draws_have_the_distances_of_the_kernel(kernel: Kernel, d: int) -> None:
    """The mean of the squared distance against quadrature, within five standard errors."""
    draws = kernel.draw(40_000, d, zoo.rng(0), torch.zeros((), dtype=torch.float64))
    u, w = quadrature(1.0 if kernel.bounded else 80.0)
    law = w * np.exp(kernel.log_values(torch.tensor(u**2)).numpy()) * u ** (d - 1)
    squares = draws.square().sum(1)
    expected = law @ u**2 / law.sum()
    error = float(squares.std()) / math.sqrt(len(squares))
    assert float(squares.mean()) == pytest.approx(expected, abs=5 * error)
    assert draws.mean(0).abs().max() < 5 * float(draws.std()) / 200


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_keeps_the_kits_promises(kernel: Kernel) -> None:
    model = fitted(normal(40, 2), kernel=kernel, bandwidth=(1.5, 2.5))
    results = check_density(
        model.log_prob, lambda n: model.sample(n, rng=zoo.rng(5)), model.space, rng=zoo.rng(0)
    )
    assert not [str(result) for result in results if result.status is Status.FAILED]


def test_points_with_missing_values_have_the_marginal() -> None:
    x, points = normal(200, 3), normal(50, 3, 1)
    space = zoo.Space.real(3, missing=True)
    whole = fitted(x, space=space, bandwidth=(0.3, 0.5, 0.9))
    for lost in ([0], [1, 2], [0, 1, 2]):
        kept = [k for k in range(3) if k not in lost]
        gone = points.clone()
        gone[:, lost] = torch.nan
        found = whole.log_prob(gone)
        if kept:
            bandwidth = tuple((0.3, 0.5, 0.9)[k] for k in kept)
            expected = fitted(x[:, kept], bandwidth=bandwidth).log_prob(points[:, kept])
        else:
            expected = torch.zeros(50, dtype=torch.float64)
        torch.testing.assert_close(found, expected)
        with torch.enable_grad():
            slow = whole.log_prob(gone.requires_grad_()).detach()
        torch.testing.assert_close(slow, expected)


def test_missing_values_are_refused_where_they_have_no_marginal() -> None:
    space = zoo.Space.real(2, missing=True)
    with pytest.raises(ConfigError, match="only the gaussian kernel"):
        KernelDensity.create(space=space, rows=3, kernel="tophat")
    x = normal(5, 2)
    x[1, 0] = torch.nan
    model = KernelDensity.create(space=space, rows=5).double()
    with pytest.raises(DataError, match="are whole"):
        model.fit(x)
    assert model.weight.sum() == 1


@pytest.mark.parametrize("kernel", KERNELS)
def test_gradients_are_those_of_the_compiled_value(kernel: Kernel) -> None:
    model = fitted(normal(70, 3), kernel=kernel, bandwidth=2.5)
    points = normal(9, 3, 1).requires_grad_()
    value = model.log_prob(points)
    torch.testing.assert_close(value, model.log_prob(points.detach()))
    (slope,) = torch.autograd.grad(value.sum(), points)
    step = 1e-6
    for k in range(3):
        moved = step * torch.eye(3, dtype=torch.float64)[k]
        with torch.no_grad():
            rise = model.log_prob(points + moved) - model.log_prob(points - moved)
        torch.testing.assert_close(slope[:, k], rise / (2 * step), atol=1e-5, rtol=1e-4)


def test_far_points_keep_their_digits_and_bounded_kernels_give_no_nan() -> None:
    x = normal(300, 2)
    far = torch.tensor([[1e4, -1e4], [0.0, 300.0]], dtype=torch.float64)
    found = fitted(x, bandwidth=0.1).log_prob(far)
    squares = torch.cdist(far, x).square() / 0.01
    expected = (-squares / 2).logsumexp(1) - math.log(300) - math.log(2 * math.pi * 0.01)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    points = far.clone().requires_grad_()
    value = fitted(x, bandwidth=0.1, kernel="epanechnikov").log_prob(points)
    assert value.isneginf().all()


@pytest.mark.parametrize("d", [2, 16])
def test_single_precision_is_within_1e_5(d: int) -> None:
    x, points = normal(1000, d).float(), normal(200, d, 1).float()
    single = KernelDensity.for_data(x, bandwidth=0.3 * math.sqrt(d))
    single.fit(x)
    double = fitted(x.double(), bandwidth=0.3 * math.sqrt(d)).log_prob(points.double())
    torch.testing.assert_close(single.log_prob(points).double(), double, atol=1e-5, rtol=1e-6)


@pytest.mark.parametrize("rule", ["scott", "silverman"])
def test_rules_of_thumb(rule: str) -> None:
    x = normal(500, 3) * torch.tensor([1.0, 10.0, 0.1])
    factor = 500 ** (-1 / 7) * (1.0 if rule == "scott" else (4 / 5) ** (1 / 7))
    model = fitted(x, bandwidth=rule)
    torch.testing.assert_close(model.bandwidth, factor * x.std(0, correction=0))
    twice = fitted(x, torch.full((500,), 2.0), bandwidth=rule)
    torch.testing.assert_close(twice.bandwidth, model.bandwidth * 2 ** (-1 / 7))


@pytest.mark.parametrize("kernel", [Kernel.GAUSSIAN, Kernel.EPANECHNIKOV])
def test_the_bandwidth_found_is_the_best_at_rows_left_out(kernel: Kernel) -> None:
    x = torch.cat([normal(60, 2), 0.3 * normal(60, 2, 1) + 4])
    model = KernelDensity.for_data(x, kernel=kernel, bandwidth="cross-validation").double()
    report = model.fit(x)

    def score(factor: float) -> float:
        bandwidth = tuple((factor * model.bandwidth).tolist())
        return float(fitted(x, kernel=kernel, bandwidth=bandwidth).leave_one_out().mean())

    assert report.best is not None
    assert score(1.0) == pytest.approx(-report.best["loss"])
    assert all(score(1.0) >= score(factor) - 1e-3 for factor in (0.2, 0.5, 0.8, 0.95, 1.05, 1.3, 3))


def test_leaving_a_row_out_is_fitting_without_it() -> None:
    x, weight = normal(12, 2), torch.arange(1.0, 13.0)
    held = fitted(x, weight, bandwidth=0.8).leave_one_out()
    for i in range(12):
        rest = torch.arange(12) != i
        alone = fitted(x[rest], weight[rest], bandwidth=0.8).log_prob(x[i : i + 1])
        torch.testing.assert_close(held[i : i + 1], alone)


def test_copies_of_rows_do_not_draw_the_bandwidth_to_zero() -> None:
    x = normal(60, 1)
    once = fitted(x, torch.full((60,), 2.0), bandwidth="cross-validation")
    twice = fitted(torch.cat([x, x]), bandwidth="cross-validation")
    torch.testing.assert_close(once.bandwidth, twice.bandwidth)
    assert twice.bandwidth > 0.1


def test_rows_without_weight_are_as_if_they_had_never_been_there() -> None:
    x, weight = normal(50, 2), (torch.arange(50) % 2).double()
    few, half = fitted(x[1::2]), KernelDensity.create(space=zoo.Space.real(2), rows=25).double()
    half.fit(x, weight=weight)
    torch.testing.assert_close(half.state_dict(), few.state_dict())


def test_more_rows_than_there_is_room_for_are_refused() -> None:
    model = KernelDensity.create(space=zoo.Space.real(2), rows=10).double()
    model.fit(normal(4, 2))
    before = model.rows.clone()
    with pytest.raises(DataError, match="10 rows at most"):
        model.fit([zoo.Batch(normal(6, 2)), zoo.Batch(normal(6, 2))])
    assert model.rows.equal(before)
    with pytest.raises(OptionError):
        model.fit(normal(4, 2), iterations=3)


def test_a_constant_feature_has_no_rule_but_takes_a_number() -> None:
    x = torch.cat([normal(20, 1), torch.ones(20, 1)], 1)
    with pytest.raises(DataError, match="feature 1"):
        fitted(x)
    assert fitted(x, bandwidth=0.5).log_prob(x).isfinite().all()


def test_one_row_and_copies_of_one_row() -> None:
    model = fitted(torch.zeros(5, 2), bandwidth=1.0)
    at = model.log_prob(torch.zeros(1, 2))
    assert float(at) == pytest.approx(-math.log(2 * math.pi))
    with pytest.raises(DataError, match="one row"):
        fitted(torch.zeros(1, 2), bandwidth=1.0).leave_one_out()


def test_samples_come_from_rows_by_their_weights() -> None:
    x = torch.tensor([[0.0], [10.0], [20.0]])
    model = fitted(x, torch.tensor([1.0, 0.0, 3.0]), bandwidth=0.1, kernel="tophat")
    drawn: Any = model.sample(4000, rng=zoo.rng(0))
    nearest = (drawn / 10).round().flatten()
    assert sorted(set(nearest.tolist())) == [0.0, 2.0]
    assert float((nearest == 2).double().mean()) == pytest.approx(0.75, abs=0.03)


def test_digits_dequantised_beforehand() -> None:
    """Bits a dimension: −log2 p / 64 + log2 17, of a quarter of the pictures.

    A bandwidth for each feature does better than one for all, at its best.
    """
    x = torch.tensor(load_digits(return_X_y=True)[0])
    order = torch.randperm(len(x), generator=zoo.rng(0))
    x = (x + torch.rand(x.shape, generator=zoo.rng(1), dtype=x.dtype))[order] / 17
    model = fitted(x[450:], bandwidth="cross-validation")
    bits = -float(model.log_prob(x[:450]).mean()) / math.log(2) / 64
    assert bits + math.log2(17) == pytest.approx(3.03, abs=0.03)


def test_anomalies_of_breast_cancer() -> None:
    """Fitted to half of the benign rows; malignant ones against the other half."""
    x, benign = (torch.tensor(a) for a in load_breast_cancer(return_X_y=True))
    good = x[benign == 1]
    order = torch.randperm(len(good), generator=zoo.rng(0))
    train, test = good[order[::2]], torch.cat([good[order[1::2]], x[benign == 0]])
    model = fitted(train, bandwidth=0.5, preprocessing=({"step": "standardize"},))
    truth = np.arange(len(test)) >= len(order[1::2])
    assert roc_auc_score(truth, -model.log_prob(test).numpy()) == pytest.approx(0.964, abs=0.02)
