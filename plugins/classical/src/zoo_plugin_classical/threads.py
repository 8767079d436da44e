"""Threads: chunks of rows worked on side by side, each by a one-threaded kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import TypeVar

import torch

Result = TypeVar("Result")


def spans(n: int, smallest: int = 4096) -> list[tuple[int, int]]:
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
