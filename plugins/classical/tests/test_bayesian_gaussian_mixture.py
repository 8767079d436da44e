"""The variational mixture: scikit-learn's steps, and a density that integrates to one."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.mixture import BayesianGaussianMixture as Theirs

import zoo_core as zoo
from zoo_plugin_classical.bayesian_gaussian_mixture import BayesianGaussianMixture
from zoo_plugin_classical.expectation_maximization import NetworkRows

IRIS = np.asarray(load_iris(return_X_y=True)[0])
K = 4
SHARES = np.random.default_rng(0).dirichlet(np.ones(K), size=len(IRIS))


class Started(Theirs):
    """Scikit-learn's mixture, begun from given shares of rows."""

    def _initialize_parameters(self, X: Any, random_state: Any, xp: Any = None) -> None:
        self._initialize(X, SHARES)


@pytest.mark.parametrize("prior", ["dirichlet", "dirichlet-process"])
@pytest.mark.parametrize(
    ("covariance", "theirs"),
    [("full", "full"), ("tied", "tied"), ("diagonal", "diag"), ("spherical", "spherical")],
)
def test_agrees_with_scikit_learn(prior: str, covariance: str, theirs: str) -> None:
    kind = "dirichlet_process" if prior == "dirichlet-process" else "dirichlet_distribution"
    peer = Started(
        n_components=K, covariance_type=theirs, weight_concentration_prior_type=kind,
        reg_covar=0, max_iter=30, tol=0,
    )  # fmt: skip
    with pytest.warns(UserWarning):
        peer.fit(IRIS)
    x = torch.tensor(IRIS)
    model = BayesianGaussianMixture.for_data(
        x, n_components=K, covariance=covariance, weight_prior=prior, covariance_floor=1e-12
    ).double()
    model._set_prior(NetworkRows(model, zoo.Batch(x), zoo.rng(0)))
    model._start_from(x, torch.tensor(SHARES))
    report = model.fit(x, start="present", iterations=30, tolerance=0.0)
    bound = -report.history[-1]["loss"] * len(x)
    assert bound == pytest.approx(float(np.squeeze(peer.lower_bound_)), abs=1e-6)
    means = torch.tensor(peer.means_)
    torch.testing.assert_close(model.stack.mean.detach(), means, rtol=0, atol=1e-8)
    torch.testing.assert_close(model.weights, torch.tensor(peer.weights_))
    shares = torch.tensor(peer.predict_proba(IRIS))
    torch.testing.assert_close(model.responsibilities(x), shares, rtol=0, atol=1e-8)
    if covariance == "full":
        losses = [entry["loss"] for entry in report.history]
        assert all(b <= a + 1e-12 for a, b in itertools.pairwise(losses))


@pytest.mark.parametrize("covariance", ["full", "tied", "diagonal", "spherical"])
def test_the_predictive_density_integrates_to_one(covariance: str) -> None:
    """By quadrature in two dimensions, the tails of a plane mapped to a square counted."""
    x = torch.tensor(IRIS[:30, :2])
    model = BayesianGaussianMixture.for_data(x, n_components=3, covariance=covariance).double()
    model.fit(x, rng=zoo.rng(0))
    nodes, weights = np.polynomial.legendre.leggauss(400)
    angle = torch.tensor(nodes) * np.pi / 2
    line, slope = 4 + angle.tan(), torch.tensor(weights) * np.pi / 2 / angle.cos().square()
    grid = torch.cartesian_prod(line, line)
    with torch.no_grad():
        mass = model.log_prob(grid).exp() @ torch.outer(slope, slope).reshape(-1)
    assert float(mass) == pytest.approx(1, abs=1e-5)


def test_components_that_are_not_needed_end_with_small_weights() -> None:
    g = zoo.rng(0)
    x = torch.cat([torch.randn(200, 2, generator=g), 8 + torch.randn(200, 2, generator=g)])
    model = BayesianGaussianMixture.for_data(x, n_components=8, concentration=1e-3)
    report = model.fit(x, rng=g, restarts=3, iterations=300, tolerance=1e-6)
    assert int((model.weights > 0.05).sum()) == 2
    assert report.restarts == 3
