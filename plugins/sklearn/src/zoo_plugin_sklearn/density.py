"""ZooDensity: any density of the zoo as an estimator."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np
import torch
from sklearn.utils.metaestimators import available_if

from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import Model
from zoo_plugin_sklearn import tables
from zoo_plugin_sklearn.estimator import ZooEstimator
from zoo_plugin_sklearn.provision import provided


@final
class ZooDensity(ZooEstimator):
    """The density of rows, log p(x) in nats, by any DensityModel: `ZooDensity("classical/gmm")`.

    The parameters are those of every ZooEstimator. `score` is the mean over rows, so that folds
    of unequal size compare, as that of scikit-learn's GaussianMixture is.
    """

    _interface: ClassVar[type[Model]] = DensityModel

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit a fresh model to rows `X [n, features]`, row i counted `sample_weight[i]` times.

        `y` is there for pipelines, and ignored.
        """
        data = tables.checked(self, X, self._family(), reset=True)
        weight, data, _ = tables.weighted_rows(sample_weight, data)
        self._fit_model(data, None, weight)
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """Give log p(x) of each row in nats; `model_.density` says of what kind it is."""
        return log_density(self, X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Give the mean of log p(x) over the rows, in nats a row."""
        scores = self.score_samples(X)
        return float(np.average(scores, weights=tables.checked_weight(sample_weight, len(scores))))

    @available_if(provided(Generator))
    def sample(self, n_samples: int = 1, random_state: Any = None) -> np.ndarray:
        """Draw rows `[n_samples, features]`; without random_state by the estimator's own."""
        return tables.array(self._model().sample(n_samples, rng=self._generator(random_state)))


def log_density(estimator: ZooEstimator, X: Any) -> np.ndarray:
    """Give log p(x) of each row under an estimator's model, in nats."""
    x = estimator._samples(X)
    with torch.no_grad():
        return tables.array(estimator._model().log_prob(x))
