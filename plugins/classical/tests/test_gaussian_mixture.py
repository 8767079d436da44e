"""Mixtures of normal distributions: agreement with scikit-learn, EM's promise, hard cases."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_breast_cancer, load_digits, load_iris
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture as Theirs
from sklearn.model_selection import train_test_split

import zoo_core as zoo
from zoo_core.errors import DataError, OptionError
from zoo_plugin_classical.covariance import Covariance
from zoo_plugin_classical.expectation_pass import StackPass
from zoo_plugin_classical.gaussian_mixture import GaussianMixture
from zoo_plugin_classical.quadratic_pass import QuadraticPass, gaussian_pass

IRIS = torch.tensor(np.asarray(load_iris(return_X_y=True)[0]))
SHORT = {"full": "full", "tied": "tied", "diagonal": "diag", "spherical": "spherical"}
EACH = pytest.mark.parametrize("covariance", list(Covariance))


def mixture(x: torch.Tensor, k: int, covariance: str = "full", **fields: Any) -> GaussianMixture:
    return GaussianMixture.for_data(x, n_components=k, covariance=covariance, **fields).double()


def rows(n: int, d: int, seed: int) -> torch.Tensor:
    """Draw rows of four clusters, correlated and of unequal sizes."""
    g = zoo.rng(seed)
    centres = 3 * torch.randn(4, d, generator=g, dtype=torch.float64)
    shapes = torch.eye(d).double() + 0.5 * torch.randn(4, d, d, generator=g, dtype=torch.float64)
    which = torch.tensor([0.4, 0.3, 0.2, 0.1]).multinomial(n, True, generator=g)
    noise = torch.randn(n, d, 1, generator=g, dtype=torch.float64)
    return centres[which] + (shapes[which] @ noise)[..., 0]


def begin(model: GaussianMixture, x: torch.Tensor) -> dict[str, Any]:
    """Start a mixture at rows of the data, and say the same in scikit-learn's words."""
    k, d = model.config.n_components, x.shape[1]
    weights, means = torch.full((k,), 1 / k, dtype=x.dtype), x[:: len(x) // k][:k]
    variance = float(x.var())
    model.set_components(
        weights=weights, means=means, covariances=variance * torch.eye(d).double().expand(k, d, d)
    )
    precisions = {
        "full": np.tile(np.eye(d), (k, 1, 1)) / variance,
        "tied": np.eye(d) / variance,
        "diagonal": np.full((k, d), 1 / variance),
        "spherical": np.full(k, 1 / variance),
    }[model.config.covariance]
    return {
        "weights_init": weights.numpy(),
        "means_init": means.numpy(),
        "precisions_init": precisions,
    }


@EACH
@pytest.mark.parametrize(("k", "weighted"), [(1, False), (2, True), (4, False), (5, True)])
def test_agrees_with_scikit_learn(covariance: str, k: int, weighted: bool) -> None:
    x = rows(300, 3, seed=k)
    times = torch.arange(300) % 3 if weighted else torch.ones(300, dtype=torch.int64)
    model = mixture(x, k, covariance, covariance_floor=1e-12)
    same = begin(model, x)
    theirs = Theirs(
        k, covariance_type=SHORT[covariance], reg_covar=0, tol=0, max_iter=12,
        init_params="random_from_data", **same,
    )  # fmt: skip
    repeated = x.repeat_interleave(times, 0).numpy()
    with pytest.warns(UserWarning):
        theirs.fit(repeated)
    report = model.fit(
        x, weight=times.double(), start="present", iterations=12, tolerance=0.0, rng=zoo.rng(0)
    )
    assert report.history[-2]["loss"] == pytest.approx(-theirs.lower_bound_, abs=1e-9)
    torch.testing.assert_close(model.means, torch.tensor(theirs.means_), rtol=0, atol=1e-8)
    torch.testing.assert_close(model.weights.detach(), torch.tensor(theirs.weights_))
    scores = torch.tensor(theirs.score_samples(x.numpy()))
    torch.testing.assert_close(model.log_prob(x).detach(), scores, rtol=0, atol=1e-7)
    shares = torch.tensor(theirs.predict_proba(x.numpy()))
    torch.testing.assert_close(model.responsibilities(x), shares, rtol=0, atol=1e-7)
    assert torch.equal(model.clusters(x), torch.tensor(theirs.predict(x.numpy())))
    assert model.bic(x, weight=times) == pytest.approx(theirs.bic(repeated))
    assert model.aic(x, weight=times) == pytest.approx(theirs.aic(repeated))


@pytest.mark.parametrize(
    ("k", "covariance", "known"),
    [
        (3, "full", -180.185),
        (3, "tied", -256.354),
        (3, "diagonal", -307.178),
        (3, "spherical", -384.314),
        (1, "full", -379.915),
    ],
)
def test_reaches_the_known_likelihoods_of_iris(k: int, covariance: str, known: float) -> None:
    model = mixture(IRIS, k, covariance)
    report = model.fit(IRIS, rng=zoo.rng(0), restarts=8, iterations=200, tolerance=1e-6)
    assert float(model.log_prob(IRIS).sum().detach()) > known - 2e-3
    assert report.restarts == 8
    if (k, covariance) == (3, "full"):
        assert model.bic(IRIS) == pytest.approx(580.84, abs=0.01)


@EACH
@pytest.mark.parametrize("start", ["k-means++", "random", "present"])
def test_the_objective_never_falls(covariance: str, start: str) -> None:
    for lacking, weighted in itertools.product((False, True), repeat=2):
        x, g = rows(60, 3, seed=1), zoo.rng(2)
        if lacking:
            x[torch.rand(x.shape, generator=g) < 0.3] = torch.nan
        weight = torch.rand(60, generator=g).double() if weighted else None
        model = mixture(x, 3, covariance)
        report = model.fit(
            x, weight=weight, start=start, rng=g, restarts=2, iterations=8, tolerance=0.0
        )
        losses = [entry["loss"] for entry in report.history]
        assert all(after <= before + 1e-10 for before, after in itertools.pairwise(losses))
        assert losses[-1] < losses[0]
        assert report.best == report.history[-1]


@EACH
def test_a_prior_counts_as_more_rows(covariance: str) -> None:
    """One component has a closed form; with several the penalised objective never falls."""
    x, prior = rows(50, 3, seed=5), {"prior_rows": 7.0, "prior_variance": 0.4}
    one = mixture(x, 1, covariance, **prior)
    one.fit(x, rng=zoo.rng(0), iterations=2)
    expected = (50 * x.T.cov(correction=0) + 7 * 0.4 * torch.eye(3).double()) / 57
    if covariance == "spherical":
        expected = expected.trace() / 3 * torch.eye(3).double()
    elif covariance == "diagonal":
        expected = expected.diag().diag()
    torch.testing.assert_close(one.covariances[0], expected, rtol=0, atol=1e-10)
    one.log_prior().backward()
    gradients = [p.grad for p in one.stack.spread.parameters()]
    assert all(bool(g.isfinite().all()) and bool(g.any()) for g in gradients)
    report = mixture(x, 4, covariance, **prior).fit(x, rng=zoo.rng(1), tolerance=0.0, iterations=20)
    losses = [entry["loss"] for entry in report.history]
    assert all(after <= before + 1e-10 for before, after in itertools.pairwise(losses))


def test_digits_dequantised_beforehand() -> None:
    """Bits a dimension, −log2 p / 64 + log2 17, of a quarter of the pictures.

    Ten full covariances of 135 rows each need a prior; the known figure had a ridge.
    """
    grey, target = map(np.asarray, load_digits(return_X_y=True))
    x = (torch.tensor(grey) + torch.rand(grey.shape, generator=zoo.rng(1)).double()) / 17
    train, test = train_test_split(x, test_size=0.25, stratify=target, random_state=0)
    model = mixture(x, 10, prior_rows=2.0, prior_variance=0.03)
    model.fit(train, rng=zoo.rng(0))
    nats = -float(model.log_prob(test).mean().detach())
    assert nats / 64 / math.log(2) + math.log2(17) == pytest.approx(2.69, abs=0.05)


@pytest.mark.parametrize(("k", "known"), [(1, 0.973), (5, 0.968)])
def test_anomalies_of_breast_cancer(k: int, known: float) -> None:
    """AUC where the benign rows were fitted, the mean over five parts, which differ by a hundredth."""
    cells, benign = map(np.asarray, load_breast_cancer(return_X_y=True))
    x = torch.tensor((cells - cells.mean(0)) / cells.std(0))
    areas = []
    for seed in range(5):
        train, test = train_test_split(x[benign == 1], test_size=0.2, random_state=seed)
        model = mixture(x, k)
        model.fit(train, rng=zoo.rng(seed))
        scores = -model.log_prob(torch.cat([test, x[benign == 0]])).detach().numpy()
        areas.append(roc_auc_score(np.arange(len(scores)) >= len(test), scores))
    assert np.mean(areas) == pytest.approx(known, abs=0.015), areas


@EACH
def test_missing_values_are_fitted_at_a_maximum(covariance: str) -> None:
    """At the end, the gradient of the likelihood of what is known vanishes."""
    x, g = rows(200, 3, seed=3), zoo.rng(4)
    x[torch.rand(x.shape, generator=g) < 0.3] = torch.nan
    x[0] = torch.nan
    model = mixture(x, 2, covariance)
    model.fit(x, rng=g, iterations=2000, tolerance=1e-13)
    model.log_prob(x).sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        assert float(parameter.grad.abs().max()) < 1e-2, name


def test_told_entries_condition_the_rest() -> None:
    """log p(rest | known) and E[rest | known] against quadrature over the rest."""
    x = rows(400, 2, seed=5)
    model = mixture(x, 3, preprocessing=[{"step": "standardize"}])
    model.fit(x, rng=zoo.rng(0))
    grid = torch.linspace(-40, 40, 40001).double()
    for known in (-2.0, 0.5, 4.0):
        line = torch.stack([torch.full_like(grid, known), grid], 1)
        with torch.no_grad():
            joint = model.log_prob(line).exp()
        mass = torch.trapezoid(joint, grid)
        told = torch.tensor([True, False])
        given = model.log_prob(line[20000:20001], observed=told)
        assert float(given.exp().detach()) == pytest.approx(float(joint[20000] / mass), rel=1e-6)
        mean = model.conditional_mean(zoo.Observed(torch.tensor([[known, torch.nan]]), told))
        wanted = float(torch.trapezoid(joint * grid, grid) / mass)
        assert float(mean[0, 1]) == pytest.approx(wanted, abs=1e-6)


def test_duplicates_constants_and_too_few_rows_fit() -> None:
    distinct = torch.tensor([[0.0, 1.0], [1.0, 1.0], [5.0, 1.0]]).double()
    x = distinct.repeat(20, 1)
    for covariance, start in itertools.product(Covariance, ("k-means++", "random")):
        model = mixture(x, 6, covariance)
        model.fit(x, rng=zoo.rng(0), start=start, iterations=20)
        assert bool(model.log_prob(x).isfinite().all())
        assert bool(model.covariances.isfinite().all())
        assert float(model.weights.sum().detach()) == pytest.approx(1)
    one = mixture(x[:1], 2)
    one.fit(x[:1], rng=zoo.rng(0))
    assert bool(one.log_prob(x[:1]).isfinite().all())


@EACH
def test_a_row_of_weight_zero_is_absent(covariance: str) -> None:
    x = rows(100, 2, seed=6)
    weight = torch.ones(101).double()
    weight[-1] = 0
    far = torch.cat([x, torch.full((1, 2), 1e6).double()])
    fitted = []
    for data, count in ((x, None), (far, weight)):
        model = mixture(x, 2, covariance)
        begin(model, x)
        model.fit(data, weight=count, start="present", iterations=5, tolerance=0.0)
        fitted.append(model.log_prob(x))
    torch.testing.assert_close(*fitted)


def test_batches_are_fitted_as_all_rows_at_once() -> None:
    x = rows(500, 3, seed=7)
    whole, parts = mixture(x, 3), mixture(x, 3)
    for model, data in ((whole, x), (parts, [zoo.Batch(part) for part in x.split(77)])):
        begin(model, x)
        model.fit(data, start="present", iterations=10, tolerance=0.0)
    torch.testing.assert_close(whole.log_prob(x), parts.log_prob(x))


@EACH
def test_mini_batches_climb_no_slower_than_whole_passes(covariance: str) -> None:
    x = rows(1500, 2, seed=8)
    exact, stepwise = mixture(x, 3, covariance), mixture(x, 3, covariance)
    exact.fit(x, rng=zoo.rng(0), iterations=6, tolerance=0.0)
    report = stepwise.fit(x, rng=zoo.rng(0), batch_size=100, iterations=6, tolerance=0.0)
    assert len(report.history) == 6
    gap = exact.log_prob(x).mean() - stepwise.log_prob(x).mean()
    assert float(gap.detach()) < 5e-3
    with pytest.raises(OptionError, match="one start"):
        stepwise.fit(x, batch_size=200, restarts=2)


def test_a_component_without_rows_is_put_elsewhere() -> None:
    x = rows(800, 2, seed=9)
    model = mixture(x, 3)
    means = torch.zeros(3, 2).double()
    means[1:] = 1e3
    model.set_components(
        weights=torch.tensor([1.0, 1e-9, 1e-9]), means=means, covariances=10 * torch.eye(2).expand(3, 2, 2)
    )  # fmt: skip
    report = model.fit(x, start="present", rng=zoo.rng(0), iterations=100)
    assert float(model.weights.min().detach()) > 0.02
    losses = [entry["loss"] for entry in report.history]
    assert all(after <= before + 1e-10 for before, after in itertools.pairwise(losses))


@EACH
@pytest.mark.parametrize("shift", [0.0, 1e7])
def test_the_shorter_pass_gives_the_same_and_steps_aside_where_it_would_not(
    covariance: str, shift: float
) -> None:
    """Components far apart for their width lose digits by products around one origin."""
    x = rows(300, 3, seed=10)
    model = mixture(x, 2, covariance)
    with torch.no_grad():
        model.stack.mean[1] += shift
    x[150:] += shift
    chosen, plain = gaussian_pass(model.stack), StackPass(model.stack)
    assert isinstance(chosen, QuadraticPass) == (shift == 0)
    found = []
    for each in (chosen, plain):
        each.take(x)
        scores = each.score().detach()
        each.count(torch.tensor([0.3, 0.7]).double().expand(300, 2))
        found.append((scores, dict(each.sums())))
    torch.testing.assert_close(*[scores for scores, _ in found], rtol=1e-12, atol=1e-10)
    for name, tensor in found[0][1].items():
        torch.testing.assert_close(tensor, found[1][1][name], rtol=1e-10, atol=1e-9)


def test_fitting_leaves_the_data_as_they_are() -> None:
    x = rows(50, 1, seed=11)
    before = x.clone()
    mixture(x, 2).fit(x, rng=zoo.rng(0))
    assert torch.equal(x, before)


def test_what_is_read_of_a_mixture_stays_when_it_learns() -> None:
    model = mixture(rows(40, 2, seed=6), 2)
    means = model.means
    before = means.clone()
    model.fit(rows(40, 2, seed=7), rng=zoo.rng(0), iterations=2)
    assert torch.equal(means, before)


def test_bad_input_is_refused_and_loses_nothing() -> None:
    model = mixture(IRIS, 2)
    model.fit(IRIS, rng=zoo.rng(0))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(OptionError, match="k-means"):
        model.fit(IRIS, start="kmeans")
    with pytest.raises(OptionError):
        model.fit(IRIS, steps=3)
    with pytest.raises(DataError):
        model.fit(torch.full((3, 4), torch.inf))
    with pytest.raises(DataError, match="finite likelihood"):
        model.fit(torch.tensor([[1e200] * 4, [-1e200] * 4], dtype=torch.float64))
    with pytest.raises(DataError, match="positive definite"):
        model.set_components(covariances=torch.zeros(2, 4, 4))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])
