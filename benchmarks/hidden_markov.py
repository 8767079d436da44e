"""Baum–Welch against hmmlearn: the time of a fit, its growth, its memory, two threads.

    python benchmarks/hidden_markov.py [--steps 100000]

One thread a side, in one process and in turn; the same data, the same start, as many steps of EM,
float64, and the same parameters in the end, checked to 1e-6. hmmlearn runs both of its
implementations; the ratio is to the faster one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from hmmlearn.hmm import GaussianHMM as Peer
from measuring import results
from measuring.machine import describe, one_thread
from measuring.turns import race

import zoo_core as zoo

ITERATIONS = 10
NOTE = """\
Milliseconds of processor time of one thread for a step of EM: a fit of {iterations} steps, medians
of rounds in turn (of hmmlearn's logarithms, which are far slower, one), over {iterations}; ours takes one more E step, for the last likelihood that it
reports. Normal emissions with diagonal covariances, {steps} steps of data altogether. The ratio is
the time of hmmlearn's faster implementation over ours, and both have then the same parameters:
the largest difference stands beside. Growth: our time at eight times the work over the time
before, over eight. Threads: milliseconds by the clock, best of five. Memory: what the process grows by at most
in a fit, over the data's own; a state's posterior at a step takes two numbers of float64."""


@final
@dataclass(frozen=True)
class Case:
    """A row of the table: states, entries of a step, and the lengths of sequences."""

    states: int
    d: int
    lengths: tuple[int, ...]
    asked: str = "–"

    @property
    def name(self) -> str:
        n = len(self.lengths)
        each = (
            f"{n} sequences of {self.lengths[0]}" if n > 1 else f"one sequence of {self.lengths[0]}"
        )
        return f"{each}, {self.states} states, d={self.d}"


@final
class Sides:
    """The same data and start for both sides."""

    def __init__(self, case: Case) -> None:
        rng = np.random.default_rng(0)
        total, states = sum(case.lengths), case.states
        self.case = case
        self.initial = np.full(states, 1 / states)
        self.transition = 0.8 * np.eye(states) + 0.2 / states
        stays = (rng.random(total) < 0.8).cumsum()
        hidden = rng.integers(0, states, total)[total - 1 - stays]
        centres = 2 * rng.normal(size=(states, case.d))
        self.x = centres[hidden] + rng.normal(size=(total, case.d))
        self.means = centres + 0.3 * rng.normal(size=centres.shape)
        space = zoo.Space.real(case.d, ragged=True)
        self.model: Any = zoo.create(
            "classical/gaussian-hmm", space=space, n_states=states
        ).double()
        self.data = zoo.Ragged(torch.tensor(self.x), torch.tensor(case.lengths))

    def ours(self) -> Any:
        """Fit the zoo's model from the start."""
        self.model.set_chain(initial=self.initial, transition=self.transition)
        with torch.no_grad():
            self.model.stack.mean.copy_(torch.tensor(self.means))
            self.model.stack.spread.log_scale.zero_()
        self.model.fit(self.data, start="present", iterations=ITERATIONS, tolerance=0.0)
        return self.model

    def theirs(self, implementation: str) -> Callable[[], Peer]:
        """Fit hmmlearn's by one of its implementations."""

        def fit() -> Peer:
            peer = Peer(
                self.case.states,
                n_iter=ITERATIONS,
                tol=-np.inf,
                implementation=implementation,
                init_params="",
                covars_prior=0,
                covars_weight=1,
            )
            peer.startprob_, peer.transmat_ = self.initial, self.transition
            peer.means_, peer.covars_ = self.means, np.ones_like(self.means)
            return peer.fit(self.x, self.case.lengths)

        return fit

    def gap(self) -> float:
        """Give the largest difference between the two sides' parameters."""
        model, peer = self.ours(), self.theirs("scaling")()
        pairs = ((model.transition, peer.transmat_), (model.means, peer.means_))
        gap = max(float(np.abs(a.detach().numpy() - b).max()) for a, b in pairs)
        if not gap < 1e-6:
            raise SystemExit(f"{self.case.name}: parameters differ by {gap}")
        return gap


def raced(case: Case) -> list[str]:
    """Race for one row of the table."""
    sides = Sides(case)
    gap = sides.gap()
    times = race({"zoo": sides.ours, "scaling": sides.theirs("scaling")}, rounds=9)
    began = time.thread_time()
    sides.theirs("log")()
    times["log"] = time.thread_time() - began
    shown = [f"{1e3 * times[name] / ITERATIONS:.1f}" for name in ("scaling", "log", "zoo")]
    ratio = min(times["scaling"], times["log"]) / times["zoo"]
    return [case.name, *shown, f"{ratio:.2f}", case.asked, f"{gap:.0e}"]


def growth(steps: int) -> list[list[str]]:
    """Give our time as the steps, the states and the sequences are doubled thrice."""
    small = steps // 8
    pairs = {
        "steps of one sequence": (Case(8, 4, (small,)), Case(8, 4, (8 * small,)), 8),
        "sequences of 100": (
            Case(8, 4, (100,) * (small // 100)),
            Case(8, 4, (100,) * (8 * small // 100)),
            8,
        ),
        "states, work squared": (Case(4, 4, (small,)), Case(32, 4, (small,)), 64),
    }
    rows = []
    for name, (before, after, work) in pairs.items():
        times = race({"before": Sides(before).ours, "after": Sides(after).ours}, rounds=5)
        grown = times["after"] / times["before"]
        rows.append([name, f"{grown:.2f}", f"{work}", f"{grown / work:.2f}"])
    return rows


def threads(case: Case) -> list[str]:
    """Give milliseconds by the clock of a step, with one thread and with two."""
    sides, times = Sides(case), []
    for count in (1, 2):
        torch.set_num_threads(count)
        sides.ours()
        best = min(_clocked(sides.ours) for _ in range(5))
        times.append(f"{1e3 * best / ITERATIONS:.1f}")
    torch.set_num_threads(1)
    return [case.name, *times]


def _clocked(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


MEMORY = """
import resource, sys
sys.path.insert(0, {folder!r})
import hidden_markov
sides = hidden_markov.Sides(hidden_markov.Case({states}, {d}, (2000,)))
sides.ours()
sides = hidden_markov.Sides(hidden_markov.Case({states}, {d}, ({steps},)))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sides.ours()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / sides.x.nbytes)
"""


def memory(states: int, d: int, steps: int) -> list[str]:
    """Give by how much a process of its own grows in a fit, over its data."""
    folder = str(results.PATH.parent)
    program = MEMORY.format(folder=folder, states=states, d=d, steps=steps)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    held = 2 * states / d
    return [f"{steps} steps, {states} states, d={d}", done.stdout.strip()[:4], f"{held:.2f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--steps", type=int, default=100_000)
    steps = parser.parse_args().steps
    one_thread()
    many = (100,) * (steps // 100)
    cases = [
        Case(8, 4, (steps,), "3.5"),
        Case(8, 4, many, "4.5"),
        Case(8, 1, (steps,)),
        Case(8, 16, (steps,)),
        Case(3, 4, (steps,)),
    ]
    rows = []
    for case in cases:
        rows.append(raced(case))
        print(" | ".join(rows[-1]), flush=True)
    header = ["work", "hmmlearn, scaling", "hmmlearn, log", "ours", "ratio", "asked for", "gap"]
    parts = [
        describe("hmmlearn", "numpy", "numba"),
        NOTE.format(iterations=ITERATIONS, steps=steps),
        results.table(header, rows),
        results.table(["doubled thrice", "time grows by", "work", "ratio"], growth(steps)),
        results.table(["work", "one thread", "two"], [threads(cases[0]), threads(cases[1])]),
        results.table(
            ["memory", "over the data", "of it the posterior"],
            [memory(8, 16, 10 * steps), memory(2, 16, 10 * steps)],
        ),
    ]
    if steps == 100_000:
        results.publish("Hidden Markov models", *parts)
    else:
        print("\n\n".join(parts))


if __name__ == "__main__":
    main()
