"""What it costs to use a model as a scikit-learn estimator, on one thread.

    python benchmarks/scikit_learn.py

The estimator against the bare model on the same float64 rows, with scikit-learn's own estimator of
the same model beside them; and what importing the estimators takes beyond scikit-learn and torch.
"""

from __future__ import annotations

import statistics
import subprocess
import sys

import numpy as np
import torch
from measuring import results
from measuring.machine import describe, one_thread
from measuring.turns import race
from sklearn.naive_bayes import GaussianNB

import zoo_core as zoo
from zoo_plugin_sklearn import ZooClassifier

FEATURES, CLASSES = 50, 3
ROWS = (1, 100, 10_000, 200_000)
IMPORTS = {
    "import zoo_plugin_sklearn": ("", "import zoo_plugin_sklearn"),
    "its estimators, after scikit-learn and torch": (
        "import torch, sklearn.base, sklearn.pipeline, sklearn.utils.validation",
        "from zoo_plugin_sklearn import ZooClassifier, ZooDensity, ZooOutlierDetector, ZooRegressor",
    ),
    "torch alone": ("", "import torch"),
    "sklearn.pipeline alone": ("", "import sklearn.pipeline"),
}
_NOTE = (
    f"Processor time in milliseconds; Gaussian naive Bayes of {FEATURES} features and {CLASSES} "
    "classes in float64; medians of rounds in turn in one process."
)


def rows(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Make rows of normal numbers, and classes."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, FEATURES)), rng.integers(0, CLASSES, n)


def predicting(n: int) -> list[str]:
    """Race the three sides over n rows."""
    x, y = rows(max(n, 1000))
    ours, theirs = ZooClassifier("classical/gaussian-nb").fit(x, y), GaussianNB().fit(x, y)
    x = x[:n]
    tensor = torch.from_numpy(x)

    def bare() -> torch.Tensor:
        with torch.no_grad():
            return ours.model_.predict_proba(tensor)

    times = race({
        "estimator": lambda: ours.predict_proba(x),
        "model": bare,
        "scikit-learn": lambda: theirs.predict_proba(x),
    })  # fmt: skip
    return [f"predict_proba of {n} rows", *_figures(times)]


def fitting(n: int) -> list[str]:
    """Race the three sides fitting n rows; the bare model is built anew too."""
    x, y = rows(n)
    tensor, labels = torch.from_numpy(x), torch.from_numpy(y)

    def bare() -> object:
        made = zoo.create(
            "classical/gaussian-nb",
            space=zoo.Space.real(FEATURES),
            conditioner=zoo.Part("core/label", {"classes": CLASSES}),
        ).double()
        return made.fit(tensor, condition=labels, rng=zoo.rng(0))

    times = race({
        "estimator": lambda: ZooClassifier("classical/gaussian-nb").fit(x, y),
        "model": bare,
        "scikit-learn": lambda: GaussianNB().fit(x, y),
    })  # fmt: skip
    return [f"fit of {n} rows", *_figures(times)]


def _figures(times: dict[str, float]) -> list[str]:
    extra = times["estimator"] - times["model"]
    ratio = times["scikit-learn"] / times["estimator"]
    return [f"{seconds * 1e3:.3f}" for seconds in (*times.values(), extra)] + [f"{ratio:.2f}"]


def importing(before: str, statement: str, rounds: int = 7) -> float:
    """Give the median processor seconds of a statement in a fresh process."""
    code = f"import time; {before or 'pass'}; t = time.process_time(); {statement}; "
    call = [sys.executable, "-c", code + "print(time.process_time() - t)"]
    told = [subprocess.run(call, check=True, capture_output=True, text=True) for _ in range(rounds)]
    return statistics.median(float(one.stdout) for one in told)


def main() -> None:
    """Measure, print and write the section."""
    one_thread()
    head = [
        "work",
        "estimator",
        "model",
        "scikit-learn",
        "estimator − model",
        "scikit-learn / estimator",
    ]
    work = [predicting(n) for n in ROWS] + [fitting(n) for n in ROWS[1:]]
    imports = [[name, f"{importing(*how) * 1e3:.1f}"] for name, how in IMPORTS.items()]
    results.publish(
        "scikit-learn estimators",
        describe("scikit-learn", "numpy"),
        _NOTE,
        results.table(head, work),
        results.table(["import", "milliseconds"], imports),
    )


if __name__ == "__main__":
    main()
