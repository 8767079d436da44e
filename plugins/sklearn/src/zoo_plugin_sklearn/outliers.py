"""ZooOutlierDetector: the rows that a density finds least likely."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, final

import numpy as np
from sklearn.base import OutlierMixin

from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.model import Model
from zoo_plugin_sklearn import tables
from zoo_plugin_sklearn.density import log_density
from zoo_plugin_sklearn.estimator import ZooEstimator
from zoo_plugin_sklearn.refusals import ParameterError


@final
class ZooOutlierDetector(OutlierMixin, ZooEstimator):
    """Outliers: the share `contamination` of the training rows whose density is lowest.

    `offset_` is the log-density, in nats, below which a row is an outlier. The other parameters
    are those of every ZooEstimator; the model is any DensityModel.
    """

    _interface: ClassVar[type[Model]] = DensityModel

    def __init__(
        self,
        architecture: str,
        *,
        contamination: float = 0.1,
        config: Mapping[str, Any] | None = None,
        fit_options: Mapping[str, Any] | None = None,
        random_state: int | np.random.RandomState | None = None,
        device: str = "cpu",
    ) -> None:
        super().__init__(
            architecture,
            config=config,
            fit_options=fit_options,
            random_state=random_state,
            device=device,
        )
        self.contamination = contamination

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit a fresh density to rows `X [n, features]`, and set the threshold by them.

        `y` is there for pipelines, and ignored.
        """
        share = self._share()
        data = tables.checked(self, X, self._family(), reset=True)
        weight, data, _ = tables.weighted_rows(sample_weight, data)
        self._fit_model(data, None, weight)
        self.offset_ = threshold(log_density(self, data), weight, share)
        return self

    def calibrate(self, X: Any, sample_weight: Any = None) -> Self:
        """Set the threshold by these rows and leave the model as it is.

        That is what an estimator made by `from_model` needs before it can tell outliers.
        """
        scores = self.score_samples(X)
        weight = tables.checked_weight(sample_weight, len(scores))
        self.offset_ = threshold(scores, weight, self._share())
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """Give log p(x) of each row in nats: the lower, the more of an outlier."""
        return log_density(self, X)

    def decision_function(self, X: Any) -> np.ndarray:
        """Give `score_samples(X) - offset_`, negative for outliers."""
        return self.score_samples(X) - self._offset()

    def predict(self, X: Any) -> np.ndarray:
        """Give −1 for outliers, 1 for inliers."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _offset(self) -> float:
        if "offset_" not in vars(self):
            raise ParameterError(
                "An outlier detector knows its threshold",
                received="a model whose threshold nobody has set",
                remedy="Call calibrate(X) with rows of which few are outliers.",
            )
        return self.offset_

    def _share(self) -> float:
        share = self.contamination
        if isinstance(share, bool) or not isinstance(share, float | int) or not 0 < share <= 0.5:
            raise ParameterError("contamination is a share above 0, at most 0.5", received=share)
        return float(share)


def threshold(scores: np.ndarray, weight: np.ndarray | None, share: float) -> float:
    """Give the lowest score below which lies more than this share of the weight, or all else.

    Weights count as repetitions: a row of weight 2 is two rows.
    """
    order = np.argsort(scores)
    counts = np.ones(len(scores)) if weight is None else weight[order]
    below = np.cumsum(counts)
    # Of 10 % of 300 rows the 31st is the threshold, whatever 0.1 is in binary.
    rank = int(np.searchsorted(below, share * below[-1] * (1 + 1e-12), side="right"))
    return float(scores[order[min(rank, len(scores) - 1)]])
