"""scikit-learn's densities: mixtures, kernel densities, naive Bayes, factor models."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from scipy.special import logsumexp
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.mixture import BayesianGaussianMixture, GaussianMixture
from sklearn.naive_bayes import BernoulliNB, CategoricalNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KernelDensity

from others.case import ROWS, Case, moons, of_arrays
from zoo_core.interfaces.space import Space

KERNELS = ("gaussian", "tophat", "epanechnikov", "exponential", "linear", "cosine")


def cases() -> Iterator[Case]:
    """Give each density, fitted to moons or to codes."""
    yield from _mixtures()
    yield from _kernels()
    yield from _factors()
    yield from _naive_bayes()


def _mixtures() -> Iterator[Case]:
    for covariance in ("full", "tied", "diag", "spherical"):
        model = GaussianMixture(3, covariance_type=covariance, random_state=0)
        yield _sampling(f"GaussianMixture ({covariance})", model)
    yield _sampling(
        "BayesianGaussianMixture", BayesianGaussianMixture(n_components=3, random_state=0)
    )


def _sampling(name: str, model: Any) -> Case:
    model.fit(moons().numpy())
    # A number as random_state gives the same sample at each call: the global generator is used.
    model.random_state = None
    sample = of_number(lambda n: model.sample(n)[0])
    return _case(name, model.score_samples, sample, Space.real(2))


def _kernels() -> Iterator[Case]:
    for kernel in KERNELS:
        model = KernelDensity(bandwidth=0.3, kernel=kernel).fit(moons(64).numpy())
        samples = kernel in ("gaussian", "tophat")  # the kernels that it samples
        sample = of_number(model.sample) if samples else None
        yield _case(f"KernelDensity ({kernel})", model.score_samples, sample, Space.real(2))


def _factors() -> Iterator[Case]:
    for model in (PCA(1), FactorAnalysis(1, random_state=0)):
        model.fit(moons().numpy())
        yield _case(
            f"{type(model).__name__}.score_samples", model.score_samples, None, Space.real(2)
        )


def _naive_bayes() -> Iterator[Case]:
    rng = np.random.default_rng(0)
    x, y = moons().numpy(), rng.integers(2, size=ROWS)
    bits, codes = rng.integers(2, size=(ROWS, 4)), rng.integers(3, size=(ROWS, 3))
    for model, rows, space in (
        (GaussianNB(), x, Space.real(2)),
        (BernoulliNB(), bits, Space.binary(4)),
        (CategoricalNB(min_categories=3), codes, Space.categorical(3, 3)),
        (MultinomialNB(), codes, Space.ordinal(3, 3)),
    ):
        model.fit(rows, y)
        marginal = _marginal(model.predict_joint_log_proba)
        yield _case(f"{type(model).__name__} (joint, summed)", marginal, None, space)


def _marginal(joint: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda x: logsumexp(joint(x), axis=1)


def of_number(sample: Callable[[int], Any]) -> Callable[[int], torch.Tensor]:
    """Make a sampler of arrays one of tensors."""
    return lambda n: torch.as_tensor(np.asarray(sample(n)))


def _case(name: str, log_prob: Any, sample: Any, space: Space) -> Case:
    return Case("scikit-learn", name, of_arrays(log_prob), sample, space)
