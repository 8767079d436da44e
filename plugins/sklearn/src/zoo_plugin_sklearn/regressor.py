"""ZooRegressor: a model of features and targets together, asked for the targets."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np
import torch
from sklearn.base import RegressorMixin

from zoo_core.errors import DataError
from zoo_core.interfaces.call import Observed
from zoo_core.interfaces.conditionable import Conditionable
from zoo_core.interfaces.model import Model
from zoo_plugin_sklearn import tables
from zoo_plugin_sklearn.estimator import ZooEstimator
from zoo_plugin_sklearn.refusals import as_value_errors


@final
class ZooRegressor(RegressorMixin, ZooEstimator):
    """E[y | x] by any Conditionable model of (x, y), as mixtures are: mixture regression.

    The model is fitted to rows of features followed by targets, one or more of them. The
    parameters are those of every ZooEstimator.
    """

    _interface: ClassVar[type[Model]] = Conditionable

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit a fresh model to rows `X [n, features]` and their targets, `[n]` or `[n, targets]`.

        Row i counts `sample_weight[i]` times.
        """
        family = self._family()
        data, target = tables.checked_pair(self, X, y, family, reset=True, numeric=True)
        if not isinstance(data, np.ndarray):
            raise DataError("The features of a regression are numbers", received="texts")
        weight, data, (target,) = tables.weighted_rows(sample_weight, data, target)
        rows = np.column_stack([data, target.astype(data.dtype)])
        self._fit_model(rows, None, weight)
        self.n_targets_ = None if target.ndim == 1 else target.shape[1]
        return self

    def predict(self, X: Any) -> np.ndarray:
        """Give E[y | x] of each row, of the shape that the targets had."""
        model = self._model()
        columns = self._adopted_columns()
        data = tables.checked(self, tables.ordered(X, columns and columns[:-1]), self._family())
        values = np.full((len(data), model.space.size), np.nan, dtype=data.dtype)
        values[:, : data.shape[1]] = data
        x = torch.from_numpy(values).to(model.device)
        with as_value_errors():
            mean = model.conditional_mean(Observed(x, ~x.isnan()))
        targets = tables.array(mean)[:, data.shape[1] :]
        return targets[:, 0] if self.n_targets_ is None else targets

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _adopt(self, model: Model) -> None:
        """Take the last entry of a sample as the target."""
        self.n_features_in_ = model.space.size - 1
        self.n_targets_ = None
