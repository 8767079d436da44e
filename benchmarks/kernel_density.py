"""Kernel density against scikit-learn: the time of a score, its growth, its memory, two threads.

    python benchmarks/kernel_density.py [--rows 20000]

One thread a side, in one process and in turn; the same rows, points and bandwidth, and the same
densities, checked on the way: to 1e-6 in float64, to 1e-5 in float32. scikit-learn's trees prune
what is far: where the kernel is bounded and narrow, that saves it nearly all the work.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import final

import torch
from measuring import results
from measuring.machine import describe, one_thread
from measuring.turns import race
from sklearn.neighbors import KernelDensity
from torch import Tensor

import zoo_core as zoo

NOTE = """\
Seconds of processor time of one thread, medians of rounds in turn; the ratio is scikit-learn's
time over ours. Rows and points are as many, standard normal. Threads: seconds by the clock, best
of five. Memory: what the process grows by at most while 256 points are scored, over the rows'."""


@final
@dataclass(frozen=True)
class Line:
    """One row of the table: the kernel, dimensions, bandwidth, and the ratios asked for."""

    kernel: str
    d: int
    bandwidth: float
    double: str = "–"
    single: str = "–"


LINES = (
    Line("gaussian", 2, 0.3, "10", "20"),
    Line("gaussian", 16, 0.8, "15", "40"),
    Line("exponential", 2, 0.3),
    Line("epanechnikov", 16, 4.0),
    Line("epanechnikov", 2, 0.3),
)


def normal(n: int, d: int, seed: int) -> Tensor:
    return torch.randn(n, d, generator=zoo.rng(seed), dtype=torch.float64)


def scorer(rows: Tensor, points: Tensor, line: Line) -> Callable[[], Tensor]:
    """Fit ours in the rows' precision, and give what scores the points."""
    model = zoo.create(
        "classical/kernel-density",
        space=zoo.Space.real(line.d),
        rows=len(rows),
        kernel=line.kernel,
        bandwidth=line.bandwidth,
    ).to(rows.dtype)
    model.fit(rows)
    return lambda: model.log_prob(points)


def raced(line: Line, n: int) -> list[list[str]]:
    """Race scikit-learn, ours in float64 and ours in float32."""
    rows, points = normal(n, line.d, 0), normal(n, line.d, 1)
    peer = KernelDensity(kernel=line.kernel, bandwidth=line.bandwidth).fit(rows.numpy())
    sides = {
        "scikit-learn": lambda: peer.score_samples(points.numpy()),
        "float64": scorer(rows, points, line),
        "float32": scorer(rows.float(), points.float(), line),
    }
    require_equal(sides, line)
    times = race(sides, rounds=3, least=2)
    return [
        [
            f"{line.kernel}, d={line.d}, {n} × {n}, {side}",
            f"{times['scikit-learn']:.2f}",
            f"{times[side]:.3f}",
            f"{times['scikit-learn'] / times[side]:.1f}",
            asked,
        ]
        for side, asked in (("float64", line.double), ("float32", line.single))
    ]


def require_equal(sides: dict[str, Callable], line: Line) -> None:
    """Stop where the sides don't give the same densities.

    Where no row reaches, ours of a bounded kernel is 0, and scikit-learn's a rounding error; where
    a row hardly reaches, its density in single precision has few digits.
    """
    truth = torch.as_tensor(sides["scikit-learn"]())
    reached = sides["float64"]().isfinite()
    bounded = line.kernel == "epanechnikov"
    for side, tolerance in (("float64", 1e-6), ("float32", 0.1 if bounded else 1e-5)):
        gap = (sides[side]().double() - truth)[reached].abs()
        worst = float((gap / truth[reached].abs().clamp_min(1)).nan_to_num(torch.inf).max())
        if not worst < tolerance:
            raise SystemExit(f"{line}: {side} is off by {worst}")


def growth(largest: int) -> list[list[str]]:
    """Double rows and points thrice: the pairs grow fourfold each time."""
    line, found = LINES[0], []
    for halvings in (3, 2, 1, 0):
        n = largest >> halvings
        work = scorer(normal(n, line.d, 0), normal(n, line.d, 1), line)
        seconds = race({"": work}, rounds=5)[""]
        found.append([f"{n} × {n}", f"{seconds:.3f}", f"{1e9 * seconds / n**2:.2f}"])
    return found


def dimensions(n: int) -> list[list[str]]:
    """Double the dimensions thrice."""
    found = []
    for d in (8, 16, 32, 64):
        line = Line("gaussian", d, 0.2 * d**0.5)
        seconds = race({"": scorer(normal(n, d, 0), normal(n, d, 1), line)}, rounds=5)[""]
        found.append([f"d={d}, {n} × {n}", f"{seconds:.3f}", f"{1e9 * seconds / n**2:.2f}"])
    return found


def threads(n: int) -> list[list[str]]:
    """Give the seconds by the clock of one thread and of two."""
    found = []
    for line in LINES[:2]:
        work, best = scorer(normal(n, line.d, 0), normal(n, line.d, 1), line), {}
        for count in (1, 2):
            torch.set_num_threads(count)
            best[count] = min(clock(work) for _ in range(5))
        torch.set_num_threads(1)
        name = f"{line.kernel}, d={line.d}, {n} × {n}, float64"
        found.append([name, f"{best[1]:.3f}", f"{best[2]:.3f}", f"{best[1] / best[2]:.2f}"])
    return found


def clock(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


_GROWS = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[1:2]
import kernel_density as benchmark
from loading import highest
n, d = 500_000, 16
line = benchmark.Line("gaussian", d, 0.8)
points = benchmark.normal(256, d, 1)
benchmark.scorer(benchmark.normal(300, d, 0), points, line)()
score = benchmark.scorer(benchmark.normal(n, d, 0), points, line)
Path("/proc/self/clear_refs").write_text("5")  # the highest so far is what there is now
before = highest()
score()
print((highest() - before) / (n * d * 8))
"""


def memory() -> list[list[str]]:
    """Give how much a process grows while it scores few points by many rows, in sizes of these."""
    folder = str(results.PATH.parent)
    run = subprocess.run(
        [sys.executable, "-c", _GROWS, folder], check=True, capture_output=True, text=True
    )
    return [["500000 rows, d=16, float64", f"{float(run.stdout):.2f}", "2"]]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=20_000)
    n = parser.parse_args().rows
    one_thread()
    table = results.table
    speed = [row for line in LINES for row in raced(line, n)]
    parts = (
        describe("scikit-learn", "numba"),
        NOTE,
        table(["work", "scikit-learn, s", "ours, s", "ratio", "asked for"], speed),
        table(["growth of rows and points, d=2", "s", "ns a pair"], growth(n)),
        table(["growth of dimensions", "s", "ns a pair"], dimensions(n // 4)),
        table(["threads", "one, s", "two, s", "one / two"], threads(n)),
        table(["memory", "grows by rows' size", "at most"], memory()),
    )
    results.publish("Kernel density", *parts)


if __name__ == "__main__":
    main()
