"""Threads: chunks of rows worked on side by side, each by a one-threaded kernel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import pairwise
from typing import TypeVar

import torch

Result = TypeVar("Result")


def spans(n: int, smallest: int = 16384) -> list[tuple[int, int]]:
    """Cut n rows into as many even spans as torch has threads, none below `smallest` rows."""
    count = max(1, min(torch.get_num_threads(), n // smallest))
    cuts = [n * i // count for i in range(count + 1)]
    return list(pairwise(cuts))


def in_threads(
    work: Callable[[int, int], Result], pieces: Sequence[tuple[int, int]]
) -> list[Result]:
    """Do `work(first, last)` on each piece in a thread of its own; results in their order.

    The work releases the interpreter's lock, as compiled kernels with `nogil` do.
    """
    if len(pieces) == 1:
        return [work(*pieces[0])]
    with ThreadPoolExecutor(len(pieces)) as pool:
        return list(pool.map(lambda piece: work(*piece), pieces))


def in_single_threads(
    work: Callable[[int, int], Result], pieces: Sequence[tuple[int, int]]
) -> list[Result]:
    """Do `work(first, last)`, of torch's operations, on each piece in a thread of its own.

    Meanwhile torch's own operations take one thread each: many small ones that wait for one
    another's threads are slower than on one. Gradients are off in the threads.
    """
    if len(pieces) == 1:
        return [work(*pieces[0])]
    with _single_threaded():
        return in_threads(torch.no_grad()(work), pieces)


_lock = threading.Lock()
_before: list[int] = []
"""The number of threads before, once for each who is at work."""


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Let torch's operations take one thread, until the last one who wants that has ended."""
    with _lock:
        _before.append(_before[0] if _before else torch.get_num_threads())
        torch.set_num_threads(1)
    try:
        yield
    finally:
        with _lock:
            threads = _before.pop()
            if not _before:
                torch.set_num_threads(threads)
