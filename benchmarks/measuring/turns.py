"""Measure contenders in turn, in one process and on one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

Work = Callable[[], object]

SECONDS = 6.0
"""Time that a race takes at most, once its least number of rounds is done."""


def race(contenders: Mapping[str, Work], *, rounds: int = 60, least: int = 3) -> dict[str, float]:
    """Give the median processor time of each in seconds; all take their turns round by round.

    It is the time of the one thread that works: a neighbour that takes the processor away is not
    counted, and a machine that slows down slows all contenders. Before each measured call comes
    one that isn't, so that no contender finds the caches full of the other's numbers.
    """
    for work in contenders.values():
        work()
        work()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    start = time.perf_counter()
    for turn in range(rounds):
        if turn >= least and time.perf_counter() - start > SECONDS:
            break
        for name, work in contenders.items():
            times[name].append(_spent(work))
    return {name: median(values) for name, values in times.items()}


def _spent(work: Work) -> float:
    work()
    start = time.thread_time()
    work()
    return time.thread_time() - start
