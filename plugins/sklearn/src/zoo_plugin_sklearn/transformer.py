"""ZooTransformer: the hidden variables of a model as features."""

from __future__ import annotations

from typing import Any, ClassVar, Self, final

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array

from zoo_core.interfaces.latent import Latent
from zoo_core.interfaces.model import Model
from zoo_plugin_sklearn import tables
from zoo_plugin_sklearn.estimator import ZooEstimator
from zoo_plugin_sklearn.refusals import as_value_errors


@final
class ZooTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ZooEstimator):
    """Encodes rows by any Latent model, and decodes them again: autoencoders and their like.

    The parameters are those of every ZooEstimator.
    """

    _interface: ClassVar[type[Model]] = Latent

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Fit a fresh model to rows `X [n, features]`, row i counted `sample_weight[i]` times.

        `y` is there for pipelines, and ignored.
        """
        data = tables.checked(self, X, self._family(), reset=True)
        weight, data, _ = tables.weighted_rows(sample_weight, data)
        self._fit_model(data, None, weight)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Give the mean of each row's hidden variables, `[n, hidden]`."""
        x = self._samples(X)
        with torch.no_grad():
            return tables.array(self._model().encode(x))

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Give the rows `[n, features]` that hidden variables `X [n, hidden]` stand for."""
        model = self._model()
        hidden = check_array(X, dtype=tables.DTYPES)
        with as_value_errors(), torch.no_grad():
            h = torch.tensor(hidden)
            if h.shape[1] == self._n_features_out:
                h = h.reshape(len(h), *model.latent_shape)
            return tables.array(model.decode(h.to(model.device)))

    @property
    def _n_features_out(self) -> int:
        """How many hidden variables a row has; scikit-learn names the columns by it."""
        return int(np.prod(self._model().latent_shape))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
