"""Gaussian mixtures against scikit-learn and pomegranate: 20 steps of EM from the same start.

    python benchmarks/mixtures.py [--no-write]

One thread a side, in one process and in turn: 200,000 rows of 16 entries, 32 components with full
covariances. The likelihood after the same steps is compared too.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import sklearn
import torch
from measuring import results
from measuring.machine import describe, one_thread
from sklearn.mixture import GaussianMixture as Theirs

import zoo_core as zoo

N, D, K, STEPS = 200_000, 16, 32, 20
ROUNDS = 3
Fit = Callable[[], float]


def data(n: int, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw rows of k correlated clusters, and k of them to start from."""
    rng = np.random.default_rng(0)
    means = 2 * rng.normal(size=(k, D))
    shapes = 0.2 * rng.normal(size=(k, D, D)) + np.eye(D)
    which = rng.integers(k, size=n)
    x = means[which] + np.einsum("nij,nj->ni", shapes[which], rng.normal(size=(n, D)))
    return x, x[rng.choice(n, k, replace=False)]


def ours(x: np.ndarray, means: np.ndarray, dtype: torch.dtype) -> Fit:
    """Fit by the public method, checks included; give the log-likelihood after the last step."""
    rows, k = torch.tensor(x, dtype=dtype), len(means)
    model: Any = zoo.create("classical/gmm", space=zoo.Space.real(D), n_components=k).to(dtype)

    def fit() -> float:
        eye = torch.eye(D, dtype=torch.float64).expand(k, D, D)
        weights = torch.full((k,), 1 / k, dtype=torch.float64)
        model.set_components(weights=weights, means=means, covariances=eye)
        report = model.fit(rows, start="present", iterations=STEPS, tolerance=0.0)
        return -report.history[STEPS - 1]["loss"]

    return fit


def scikit_learn(x: Any, means: Any, *, array_api: bool = False) -> Fit:
    """Fit from the same start; with `array_api` by torch's tensors."""
    k = len(means)
    kinds: Any = torch.tensor if array_api else np.asarray
    start = {
        "weights_init": kinds(np.full(k, 1 / k)),
        "means_init": kinds(means),
        "precisions_init": kinds(np.tile(np.eye(D), (k, 1, 1))),
    }
    rows = kinds(x)

    def fit() -> float:
        model = Theirs(
            k, max_iter=STEPS, tol=0, reg_covar=0, init_params="random_from_data", **start
        )
        with warnings.catch_warnings(), sklearn.config_context(array_api_dispatch=array_api):
            warnings.simplefilter("ignore")
            model.fit(rows)
        return float(model.lower_bound_)

    return fit


def pomegranate(x: np.ndarray, means: np.ndarray) -> Fit:
    """Fit from the same start; its likelihood isn't told after the same number of steps."""
    from pomegranate.distributions import Normal
    from pomegranate.gmm import GeneralMixtureModel

    rows = torch.tensor(x, dtype=torch.float32)
    firsts = torch.tensor(means, dtype=torch.float32)

    def fit() -> float:
        parts = [Normal(mean.clone(), torch.eye(D)) for mean in firsts]
        model = GeneralMixtureModel(parts, max_iter=STEPS, tol=-1e9)
        model.fit(rows)
        return float(model.log_probability(rows).mean())

    return fit


def race(fits: dict[str, Fit]) -> dict[str, tuple[float, float]]:
    """Give the median processor time of each, and its likelihood; all in turn."""
    times: dict[str, list[float]] = {name: [] for name in fits}
    reached = {}
    for _ in range(ROUNDS):
        for name, fit in fits.items():
            began = time.process_time()
            reached[name] = fit()
            times[name].append(time.process_time() - began)
    return {name: (statistics.median(times[name]), reached[name]) for name in fits}


def growth() -> list[list[str]]:
    """Time our fit while rows, and then components, double thrice."""
    rows = []
    for what, sizes in (
        ("rows", [(N // 8 * 2**i, K) for i in range(4)]),
        ("components", [(N // 4, K // 8 * 2**i) for i in range(4)]),
    ):
        seconds = []
        for n, k in sizes:
            fit = ours(*data(n, k), torch.float64)
            seconds.append(min(race({"": fit})[""][0] for _ in range(2)))
        grown = [after / before for before, after in itertools.pairwise(seconds)]
        rows.append([what, *(f"{g:.2f}" for g in grown)])
    return rows


def threads() -> list[list[str]]:
    """Time our fit as it passes on one thread and on two, the better of two turns each."""
    x, means = data(N, K)
    rows = []
    for name, dtype in (("float64", torch.float64), ("float32", torch.float32)):
        fit, took = ours(x, means, dtype), []
        for count in (1, 2):
            torch.set_num_threads(count)
            took.append(min(_passed(fit) for _ in range(2)))
        torch.set_num_threads(1)
        rows.append([name, *(f"{seconds:.2f}" for seconds in took)])
    return rows


def _passed(fit: Fit) -> float:
    began = time.perf_counter()
    fit()
    return time.perf_counter() - began


NOTE = f"""\
{N:,} rows of {D} entries, {K} components, full covariances, {STEPS} steps of EM from the same
start. Seconds of processor time, medians of {ROUNDS} rounds in turn; ours by `model.fit`, checks
included. The likelihood is in nats a row, after the same number of steps; pomegranate's, which
works in float32, after its last step."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    x, means = data(N, K)
    fits = {
        "zoo, float64": ours(x, means, torch.float64),
        "zoo, float32": ours(x, means, torch.float32),
        "scikit-learn, float64": scikit_learn(x, means),
        "scikit-learn with torch's tensors": scikit_learn(x, means, array_api=True),
        "pomegranate": pomegranate(x, means),
    }
    one_thread()  # after pomegranate's import, which asks for two
    found = race(fits)
    double, single = found["zoo, float64"][0], found["zoo, float32"][0]
    rows = [
        [name, f"{took:.2f}", f"{took / double:.1f}", f"{took / single:.1f}", f"{reached:.10f}"]
        for name, (took, reached) in found.items()
    ]
    header = ["side", "seconds", "over ours, float64", "over ours, float32", "likelihood"]
    parts = (
        describe("scikit-learn", "pomegranate"),
        NOTE,
        results.table(header, rows),
        "How the time of our fit in float64 grows at each doubling:",
        results.table(["doubled", "first", "second", "third"], growth()),
        "Seconds that pass in our fit:",
        results.table(["", "one thread", "two"], threads()),
    )
    if options.no_write:
        print("\n\n".join(parts))
    else:
        results.publish("Gaussian mixtures", *parts)


if __name__ == "__main__":
    main()
