"""Naive Bayes against scikit-learn, its array-API path on torch tensors, and pomegranate.

    python benchmarks/naive_bayes.py [PATTERN]

One thread a side, in one process and in turn, by the public methods, checks included; all sides
have learnt the same to the stated gap. With a PATTERN only works of that name, and nothing is
written.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

os.environ["SCIPY_ARRAY_API"] = "1"  # before scipy is imported, for scikit-learn's array-API path

import numpy as np
import torch
from measuring import results
from measuring.machine import bandwidth, describe, one_thread, rates
from measuring.turns import Work, race

import zoo_core as zoo

CLASSES = 5
GROWTH = (125_000, 250_000, 500_000, 1_000_000)


@final
@dataclass(frozen=True)
class Side:
    """A library's model: how it learns, and how it tells the classes' probabilities."""

    fit: Work
    predict_proba: Callable[[], Any]


@final
@dataclass(frozen=True)
class Contest:
    """Rows, the sides, what is asked for, and how far the probabilities may be apart."""

    title: str
    x: np.ndarray
    sides: dict[str, Side]
    asked: tuple[float, float]
    gap: float


def labels(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, CLASSES, n)


def reals(n: int, d: int, dtype: type) -> np.ndarray:
    noise = np.random.default_rng(1).normal(size=(n, d))
    return (noise + 0.2 * labels(n)[:, None]).astype(dtype)


def counts(n: int, d: int, mean: float) -> np.ndarray:
    rng = np.random.default_rng(2)
    rates = mean * rng.gamma(0.5, 2.0, (CLASSES, d))
    return np.concatenate([rng.poisson(rates[part]) for part in np.array_split(labels(n), 20)])


def ours(name: str, x: np.ndarray, y: np.ndarray, space: zoo.Space) -> Side:
    rows, told = torch.from_numpy(x), torch.from_numpy(y)
    conditioner = zoo.Part("core/label", {"classes": CLASSES})
    model: Any = zoo.create(name, space=space, conditioner=conditioner)
    if x.dtype != np.float32:
        model.double()
    return Side(lambda: model.fit(rows, condition=told), lambda: model.predict_proba(rows))


def scikit(model: Any, x: Any, y: Any, *, dispatch: bool = False) -> Side:
    import sklearn

    def dispatched(work: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            with sklearn.config_context(array_api_dispatch=dispatch):
                return work()

        return run

    return Side(dispatched(lambda: model.fit(x, y)), dispatched(lambda: model.predict_proba(x)))


def pomegranate(x: np.ndarray, y: np.ndarray) -> Side:
    from pomegranate.bayes_classifier import BayesClassifier
    from pomegranate.distributions import Normal

    # Importing it sets torch's threads; the time of others than this one would not be counted.
    torch.set_num_threads(1)
    rows, told = torch.from_numpy(x), torch.from_numpy(y)
    held: list[Any] = []

    def fit() -> None:
        classes = [Normal(covariance_type="diag", min_cov=0.0) for _ in range(CLASSES)]
        held[:] = [BayesClassifier(classes).fit(rows, told)]

    return Side(fit, lambda: held[0].predict_proba(rows))


def gaussian(n: int, d: int, dtype: type, asked: tuple[float, float], gap: float) -> Contest:
    from sklearn.naive_bayes import GaussianNB

    x, y = reals(n, d, dtype), labels(n)
    sides = {
        "zoo": ours("classical/gaussian-nb", x, y, zoo.Space.real(d)),
        "scikit-learn": scikit(GaussianNB(), x, y),
    }
    if n < 1_000_000:
        tensors = torch.from_numpy(x), torch.from_numpy(y)
        sides["scikit-learn on tensors"] = scikit(GaussianNB(), *tensors, dispatch=True)
    if n < 1_000_000 and dtype is np.float32:
        sides["pomegranate"] = pomegranate(x, y)
    return Contest(f"Gaussian, {n} × {d}, {np.dtype(dtype)}", x, sides, asked, gap)


def multinomial(n: int, d: int, mean: float, asked: tuple[float, float]) -> Contest:
    from sklearn.naive_bayes import MultinomialNB

    x, y = counts(n, d, mean), labels(n)
    sides = {
        "zoo": ours("classical/multinomial-nb", x, y, zoo.Space.count(d)),
        "scikit-learn": scikit(MultinomialNB(), x, y),
    }
    title = f"multinomial, {n} × {d}, {100 * (x > 0).mean():.0f}% of counts above 0"
    return Contest(title, x, sides, asked, 1e-6)


def contests() -> dict[str, Callable[[], Contest]]:
    return {
        "gaussian float64": lambda: gaussian(1_000_000, 50, np.float64, (20, 8), 1e-6),
        "gaussian float32": lambda: gaussian(1_000_000, 50, np.float32, (1, 1), 1e-3),
        "gaussian tensors float64": lambda: gaussian(200_000, 50, np.float64, (1, 1), 1e-6),
        "gaussian tensors float32": lambda: gaussian(200_000, 50, np.float32, (1, 1), 1e-3),
        "multinomial": lambda: multinomial(1_000_000, 50, 0.3, (12, 2.5)),
        "multinomial of text": lambda: multinomial(50_000, 1000, 0.05, (12, 2.5)),
    }


def raced(contest: Contest) -> list[list[str]]:
    """Race to learn, hold the probabilities against ours, and race to tell them."""
    if torch.get_num_threads() != 1:
        raise SystemExit("a race is run on one thread, whose time alone is counted")
    fits = race({name: side.fit for name, side in contest.sides.items()}, least=2)
    told = {n: torch.as_tensor(s.predict_proba()).detach() for n, s in contest.sides.items()}
    worst = max(float((told["zoo"] - other).abs().max()) for other in told.values())
    if worst > contest.gap:
        raise SystemExit(f"{contest.title}: probabilities are {worst:.2g} apart")
    told.clear()
    scores = race({name: side.predict_proba for name, side in contest.sides.items()}, least=2)
    rows = []
    for work, times, asked in zip(
        ("fit", "predict_proba"), (fits, scores), contest.asked, strict=True
    ):
        best = min((name for name in times if name != "zoo"), key=times.__getitem__)
        others = ", ".join(f"{n} {1e3 * t:.0f}" for n, t in times.items() if n != "zoo")
        ratio = times["scikit-learn"] / times["zoo"]
        fastest = times[best] / times["zoo"]
        limit = 1e3 * contest.x.nbytes / bandwidth()
        rows.append(
            [
                f"{contest.title}: {work}",
                others,
                f"{1e3 * times['zoo']:.0f}",
                f"{ratio:.1f}",
                f"{asked:g}",
                f"{fastest:.1f}",
                f"{limit:.0f}",
            ]
        )
    return rows


PEAK = """
import re, sys, torch, zoo_core as zoo
torch.set_num_threads(1)
n = int(sys.argv[1])
part = zoo.Part("core/label", {"classes": 5})
model = zoo.create("classical/gaussian-nb", space=zoo.Space.real(50), conditioner=part).double()
def learn(n):
    x, y = torch.randn(n, 50, dtype=torch.float64), torch.arange(n) % 5
    model.fit(x, condition=y)
    model.predict_proba(x)
learn(1000)
def peak():
    # What getrusage gives is the parent's peak where that was larger.
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
before = peak()
learn(n)
print((peak() - before) * 1024 / (n * 50 * 8))
"""


def growth() -> list[list[str]]:
    """Time a row, and the peak of memory over the data's size, as rows are doubled thrice."""
    rows = []
    for n in GROWTH:
        side = ours(
            "classical/gaussian-nb", reals(n, 50, np.float64), labels(n), zoo.Space.real(50)
        )
        times = race({"fit": side.fit, "predict_proba": side.predict_proba}, least=2)
        command = [sys.executable, "-c", PEAK, str(n)]
        peak = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        per_row = [f"{1e9 * times[work] / n:.0f}" for work in ("fit", "predict_proba")]
        rows.append([str(n), *per_row, f"{float(peak):.2f}"])
    return rows


def threads() -> list[list[str]]:
    """Seconds that pass with one thread and with two, in turn."""
    rows = []
    for n in (10_000, 1_000_000):
        side = ours(
            "classical/gaussian-nb", reals(n, 50, np.float64), labels(n), zoo.Space.real(50)
        )
        for name, work in (("fit", side.fit), ("predict_proba", side.predict_proba)):
            passed = {1: [], 2: []}
            for count in (1, 2) * 8:
                torch.set_num_threads(count)
                work()
                begin = time.perf_counter()
                work()
                passed[count].append(time.perf_counter() - begin)
            torch.set_num_threads(1)
            rows.append([f"{name}, {n} rows", *(f"{1e3 * min(passed[c]):.2f}" for c in (1, 2))])
    return rows


NOTES = """\
Milliseconds of processor time of one thread, medians of rounds in turn; the ratio is
scikit-learn's time over ours, `fastest` that of the fastest peer. Five classes. Ours are called by
`fit` and `predict_proba`, checks included. Probabilities of all sides agree to 1e-6, in float32 to
1e-3. The limit is the time to read the rows once at the machine's bandwidth."""

GROWN = """\
Gaussian, 50 columns, float64: nanoseconds a row of `fit` and `predict_proba`, and the most memory
that the process took beyond what it began with, data included, over the size of the data."""

THREADED = """\
Milliseconds that pass (the least of 8 turns), Gaussian, 50 columns, float64."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pattern", nargs="?", default="")
    pattern = parser.parse_args().pattern.lower()
    one_thread()
    rows = []
    for name, make in contests().items():
        if pattern in name:
            rows += raced(make())
            print("\n".join(" | ".join(row) for row in rows[-2:]), flush=True)
    header = ["work", "peers, ms", "ours, ms", "ratio", "asked for", "fastest", "limit, ms"]
    table = results.table(header, rows)
    if pattern:
        print(table)
        return
    grown = results.table(["rows", "fit, ns", "predict_proba, ns", "memory / data"], growth())
    threaded = results.table(["work", "one thread, ms", "two, ms"], threads())
    head = describe("scikit-learn", "pomegranate", "numba") + "\n" + rates()
    results.publish("Naive Bayes", head, NOTES, table, GROWN, grown, THREADED, threaded)


if __name__ == "__main__":
    main()
