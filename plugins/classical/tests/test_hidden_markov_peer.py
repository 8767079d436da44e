"""Hidden Markov models against hmmlearn, on the same data and from the same start."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hmmlearn import hmm as peer
from torch import Tensor

import zoo_core as zoo

STATES, SIZE, LENGTHS = 3, 2, [40, 1, 25]
STEPS = sum(LENGTHS)
COVARIANCES = {"full": "full", "tied": "tied", "diagonal": "diag", "spherical": "spherical"}
INITIAL = np.array([0.5, 0.3, 0.2])
TRANSITION = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.25, 0.25, 0.5]])
CENTRES = np.array([[0.0, 1.0], [2.0, -1.0], [-2.0, 0.5]])


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def pair(kind: str, x: np.ndarray, ours: dict[str, Any], theirs: dict[str, Any]) -> tuple[Any, Any]:
    """Make a model of each side with the same chain; emissions are set by the caller."""
    name, space = {
        "GaussianHMM": ("classical/gaussian-hmm", zoo.Space.real(SIZE, ragged=True)),
        "GMMHMM": ("classical/gmm-hmm", zoo.Space.real(SIZE, ragged=True)),
        "PoissonHMM": ("classical/poisson-hmm", zoo.Space.count(SIZE, ragged=True)),
        "CategoricalHMM": ("classical/categorical-hmm", zoo.Space.categorical(4, 1, ragged=True)),
    }[kind]
    model: Any = zoo.create(name, space=space, n_states=STATES, **ours).double()
    model.set_chain(initial=INITIAL, transition=TRANSITION)
    other = getattr(peer, kind)(STATES, n_iter=5, tol=-np.inf, init_params="", **theirs)
    other.startprob_, other.transmat_ = INITIAL.copy(), TRANSITION.copy()
    other.n_features = x.shape[1]
    return model, other


def gaussian(covariance: str, **priors: float) -> tuple[Any, Any, np.ndarray]:
    x = CENTRES[rng().integers(0, 3, STEPS)] + rng().normal(size=(STEPS, SIZE))
    theirs = {f"{name.split('_')[0]}_prior": v for name, v in priors.items()}
    theirs = {
        "startprob_prior" if n == "initial_prior" else "transmat_prior": v
        for n, v in theirs.items()
    }
    form = COVARIANCES[covariance]
    model, other = pair(
        "GaussianHMM",
        x,
        {"covariance": covariance, **priors},
        {"covariance_type": form, "covars_prior": 0, "covars_weight": 1, **theirs},
    )
    other.means_ = CENTRES.copy()
    eye = np.eye(SIZE)
    other.covars_ = {
        "full": np.stack([eye] * STATES),
        "tied": eye,
        "diag": np.ones((STATES, SIZE)),
        "spherical": np.ones(STATES),
    }[form]
    unit_normal(model.stack, torch.tensor(CENTRES))
    return model, other, x


@torch.no_grad()
def unit_normal(stack: Any, means: Tensor) -> None:
    """Set means, and covariances to the identity: by a start from rows that have these moments."""
    corners = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]]).double()
    rows = (means[:, None] + corners).flatten(0, 1)
    weight = torch.eye(len(means)).double().repeat_interleave(4, 0)
    stack.start(rows, weight)


def poisson(**options: Any) -> tuple[Any, Any, np.ndarray]:
    x = rng().poisson(np.array([[1.0, 4.0], [6.0, 2.0], [10.0, 9.0]])[rng().integers(0, 3, STEPS)])
    theirs = {"lambdas_prior": options.get("prior_count", 0.0)}
    theirs["lambdas_weight"] = options.get("prior_steps", 0.0)
    model, other = pair("PoissonHMM", x, options, theirs)
    other.lambdas_ = np.array([[2.0, 3.0], [5.0, 3.0], [8.0, 8.0]])
    with torch.no_grad():
        model.stack.log_rate.copy_(torch.tensor(other.lambdas_).log())
    return model, other, x


def categorical(alpha: float = 0.0) -> tuple[Any, Any, np.ndarray]:
    x = rng().integers(0, 4, (STEPS, 1))
    model, other = pair("CategoricalHMM", x, {"alpha": alpha}, {"emissionprob_prior": 1 + alpha})
    other.n_features = 4
    other.emissionprob_ = rng().dirichlet(np.ones(4), STATES)
    with torch.no_grad():
        model.stack.logits.copy_(torch.tensor(other.emissionprob_).log()[:, None])
    return model, other, x


def mixture(covariance: str) -> tuple[Any, Any, np.ndarray]:
    x = CENTRES[rng().integers(0, 3, STEPS)] + rng().normal(size=(STEPS, SIZE))
    form = COVARIANCES[covariance]
    model, other = pair(
        "GMMHMM",
        x,
        {"covariance": covariance, "n_components": 2},
        {"covariance_type": form, "n_mix": 2},
    )
    other.means_ = CENTRES[:, None] + np.array([[-0.5, 0.3], [0.4, -0.6]])
    other.weights_ = np.array([[0.4, 0.6], [0.5, 0.5], [0.7, 0.3]])
    shape = (STATES, 2, SIZE, SIZE) if form == "full" else (STATES, 2, SIZE)
    other.covars_ = np.broadcast_to(np.eye(SIZE) if form == "full" else np.ones(SIZE), shape).copy()
    unit_normal(model.stack.parts, torch.tensor(other.means_).flatten(0, 1))
    with torch.no_grad():
        model.stack.weight_logits.copy_(torch.tensor(other.weights_).log())
    return model, other, x


PAIRS = {
    **{f"gaussian-{form}": lambda form=form: gaussian(form) for form in COVARIANCES},
    "gaussian-priors": lambda: gaussian("diagonal", initial_prior=1.5, transition_prior=3.0),
    "poisson": poisson,
    "poisson-prior": lambda: poisson(prior_count=2.0, prior_steps=0.5),
    "categorical": categorical,
    "categorical-prior": lambda: categorical(0.5),
    "mixture-diagonal": lambda: mixture("diagonal"),
    "mixture-full": lambda: mixture("full"),
}


def ragged(x: np.ndarray) -> zoo.Ragged:
    return zoo.Ragged(torch.tensor(x), torch.tensor(LENGTHS))


@pytest.mark.parametrize("implementation", ["log", "scaling"])
@pytest.mark.parametrize("name", PAIRS)
def test_probabilities_are_those_of_hmmlearn(name: str, implementation: str) -> None:
    model, other, x = PAIRS[name]()
    other.implementation = implementation
    data = ragged(x)
    assert model.log_prob(data).sum().item() == pytest.approx(other.score(x, LENGTHS), rel=1e-9)
    shares = model.smooth(data).values.exp().numpy()
    np.testing.assert_allclose(shares, other.predict_proba(x, LENGTHS), atol=1e-9)
    path, best = model.viterbi(data)
    score, states = other.decode(x, LENGTHS)
    assert float(best.sum()) == pytest.approx(score, rel=1e-9)
    np.testing.assert_array_equal(path.values.numpy(), states)


# hmmlearn weighs a Poisson prior against the steps of all states, not against each state's own.
FITTED = [name for name in PAIRS if name != "poisson-prior"]


@pytest.mark.parametrize("name", FITTED)
def test_steps_are_those_of_hmmlearn(name: str) -> None:
    model, other, x = PAIRS[name]()
    # hmmlearn takes a mixture's covariances around the means before the step: only one agrees.
    other.n_iter = 1 if name.startswith("mixture") else 5
    model.fit(ragged(x), start="present", iterations=other.n_iter, tolerance=0.0)
    other.fit(x, LENGTHS)
    pairs = {"initial": "startprob_", "transition": "transmat_", "means": "means_"}
    pairs |= {"rates": "lambdas_", "weights": "weights_"}
    seen = {ours for ours, theirs in pairs.items() if theirs in vars(other)}
    assert {"initial", "transition"} <= seen
    for ours in seen:
        found = getattr(model, ours).detach().numpy()
        np.testing.assert_allclose(found, getattr(other, pairs[ours]), atol=1e-6)
    if name.startswith("gaussian"):
        found = model.covariances.detach().numpy()
        # Of spherical covariances hmmlearn keeps the variance once for each entry.
        spherical = other._covars_[..., None] * np.eye(SIZE)
        expected = spherical if name.endswith("spherical") else other.covars_
        np.testing.assert_allclose(found, expected, atol=1e-6)
    if name.startswith("categorical"):
        found = model.probabilities.detach().numpy()[:, 0]
        np.testing.assert_allclose(found, other.emissionprob_, atol=1e-6)


@pytest.mark.parametrize("name", ["gaussian-full", "gaussian-tied", "poisson", "categorical"])
def test_information_criteria_are_those_of_hmmlearn(name: str) -> None:
    model, other, x = PAIRS[name]()
    assert model.aic(ragged(x)) == pytest.approx(other.aic(x, LENGTHS), rel=1e-9)
    assert model.bic(ragged(x)) == pytest.approx(other.bic(x, LENGTHS), rel=1e-9)
