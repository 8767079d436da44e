"""Evaluation for every model of the zoo: likelihood, sample quality, privacy of samples.

>>> from zoo_plugin_evaluation import evaluate
>>> figures = evaluate(model, dataset)
>>> figures = evaluate(model, dataset, metrics=["Frechet distance"], features=network)
>>> figures = compare({"mine": model, "theirs": other}, dataset, "page.html")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Features": "zoo_plugin_evaluation.features",
    "compare": "zoo_plugin_evaluation.live_comparison",
    "evaluate": "zoo_plugin_evaluation.evaluation",
    "metric_names": "zoo_plugin_evaluation.catalogue",
}

if TYPE_CHECKING:
    from zoo_plugin_evaluation.catalogue import metric_names as metric_names
    from zoo_plugin_evaluation.evaluation import evaluate as evaluate
    from zoo_plugin_evaluation.features import Features as Features
    from zoo_plugin_evaluation.live_comparison import compare as compare

__all__ = ["__version__", *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo_plugin_evaluation' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
