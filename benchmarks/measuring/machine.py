"""What this machine is, and what it can do at best on one thread."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch

from measuring.turns import race

SIDE = 1024
NUMBERS = 16 * 2**20
ADAM = 7 * 4
"""Bytes that Adam moves for a float32 parameter: four numbers read, three written."""


def one_thread() -> None:
    """Use one thread, and let freed memory stay with the process, for every contender alike."""
    torch.set_num_threads(1)
    # glibc returns freed memory to the system beyond twice the largest block freed so far; without
    # this, how often a contender's memory is mapped anew depends on who ran before it.
    torch.zeros(7_500_000)


@cache
def product_rate() -> float:
    """Give the floating-point operations a second of a large float32 matrix product."""
    a, b = torch.randn(SIDE, SIDE), torch.randn(SIDE, SIDE)
    return 2 * SIDE**3 / race({"": lambda: a @ b}, rounds=15)[""]


@cache
def bandwidth() -> float:
    """Give the bytes a second that a sum of two large arrays reads and writes."""
    a, b, c = (torch.zeros(NUMBERS) for _ in range(3))
    return 3 * 4 * NUMBERS / race({"": lambda: torch.add(a, b, out=c)}, rounds=15)[""]


def describe(*libraries: str) -> str:
    """Say in Markdown on what and when the figures were measured."""
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", *libraries))
    lines = [
        f"- {datetime.now(UTC):%Y-%m-%d}; {_processor()}, {os.cpu_count()} cores; "
        f"{platform.system()}, Python {platform.python_version()}",
        f"- {versions}",
    ]
    return "\n".join(lines)


def rates() -> str:
    """Say in Markdown what the physical limits are computed from."""
    return (
        f"- at best, on one thread: {product_rate() / 1e9:.0f} GFLOP/s (float32 product of "
        f"{SIDE}² matrices), {bandwidth() / 1e9:.0f} GB/s (sum of arrays of {NUMBERS >> 18} MiB)"
    )


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.exists():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
