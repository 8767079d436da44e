"""Models of the zoo as scikit-learn estimators.

    >>> from zoo_plugin_sklearn import ZooClassifier
    >>> ZooClassifier("classical/gaussian-nb").fit(X, y).predict(X)

Every name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo_plugin_sklearn.classifier import ZooClassifier as ZooClassifier
    from zoo_plugin_sklearn.density import ZooDensity as ZooDensity
    from zoo_plugin_sklearn.outliers import ZooOutlierDetector as ZooOutlierDetector
    from zoo_plugin_sklearn.refusals import ParameterError as ParameterError
    from zoo_plugin_sklearn.regressor import ZooRegressor as ZooRegressor
    from zoo_plugin_sklearn.transformer import ZooTransformer as ZooTransformer

_HOMES = {
    "ParameterError": "refusals",
    "ZooClassifier": "classifier",
    "ZooDensity": "density",
    "ZooOutlierDetector": "outliers",
    "ZooRegressor": "regressor",
    "ZooTransformer": "transformer",
}

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo_plugin_sklearn' has no attribute {name!r}")
    return getattr(importlib.import_module(f"zoo_plugin_sklearn.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
