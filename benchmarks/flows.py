"""Flows against zuko, nflows and normflows: training, scoring, sampling.

    python benchmarks/flows.py [PATTERN] [--all-peers] [--no-compile]

One thread a side, in one process and in turn; the same number of parameters, the same Adam, the
same batch, 64 dimensions, float32. Each flow is raced against the fastest of the three libraries,
which `--all-peers` finds anew (two where they are close). With a PATTERN only the flows of that name, and nothing is written.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

import torch
from measuring import peers, results
from measuring.machine import ADAM, bandwidth, describe, one_thread, product_rate, rates
from measuring.sides import Side, ours
from measuring.turns import Work, race

D = 64
BATCH = 512


@final
@dataclass(frozen=True)
class Line:
    """One row of the table: a work, whether compiled, and the ratio that is asked for."""

    work: str
    asked: float
    n: int = BATCH
    compiled: bool = False

    @property
    def name(self) -> str:
        return f"{self.work}{', compiled' if self.compiled else ''}, {self.n} rows"


@final
@dataclass(frozen=True)
class Contest:
    """A flow, the same one of each library, the rows; `fastest` of the libraries are raced."""

    title: str
    size: str
    make: Callable[[], Side]
    others: dict[str, Callable[[], Side]]
    lines: tuple[Line, ...]
    fastest: tuple[str, ...]


def contests() -> Iterator[Contest]:
    yield nsf_coupling()
    yield realnvp(64)
    yield realnvp(128)
    yield nsf_autoregressive()
    yield maf()


def nsf_coupling() -> Contest:
    sizes = (D, 6, 64, 8)
    return Contest(
        "NSF, coupling",
        "6 layers, hidden 64, 64, 64, 8 bins",
        lambda: ours("flows/nsf", D, transforms=6, hidden=(64,) * 3, bins=8, activation="relu"),
        {
            "nflows": lambda: peers.nsf_coupling_nflows(*sizes),
            "normflows": lambda: peers.nsf_coupling_normflows(*sizes),
            "zuko": lambda: peers.nsf_coupling_zuko(*sizes),
        },
        (
            Line("train step", 1.3),
            Line("train step", 2.2, compiled=True),
            Line("log_prob", 1.25),
            Line("sample", 1.15),
        ),
        ("nflows", "zuko"),
    )


def realnvp(width: int) -> Contest:
    sizes = (D, 8, width)
    return Contest(
        f"RealNVP, hidden {width}",
        f"8 layers, hidden {width}, {width}",
        lambda: ours(
            "flows/realnvp",
            D,
            transforms=8,
            hidden=(width, width),
            activation="relu",
            residual=False,
            bound=None,  # as in normflows and nflows
        ),
        {
            "normflows": lambda: peers.realnvp_normflows(*sizes),
            "nflows": lambda: peers.realnvp_nflows(*sizes),
            "zuko": lambda: peers.realnvp_zuko(*sizes),
        },
        (
            Line("train step", 1.5),
            Line("log_prob", 1.3),
            Line("sample", 1.2),
        ),
        ("normflows",),
    )


def maf() -> Contest:
    sizes = (D, 5, (64, 64))
    return Contest(
        "MAF",
        "5 layers, hidden 64, 64",
        lambda: ours("flows/maf", D, transforms=5, hidden=(64, 64)),
        {
            "zuko": lambda: peers.maf_zuko(*sizes),
            "nflows": lambda: peers.maf_nflows(*sizes),
            "normflows": lambda: peers.maf_normflows(*sizes),
        },
        (
            Line("sample", 6),
            Line("train step", 1.15),
            Line("train step", 1.15, n=4096),
            Line("log_prob", 1.1),
            Line("log_prob", 1.1, n=4096),
        ),
        ("zuko",),
    )


def nsf_autoregressive() -> Contest:
    sizes = (D, 3, (64, 64), 8)
    return Contest(
        "NSF, autoregressive",
        "3 layers, hidden 64, 64, 8 bins",
        lambda: ours("flows/nsf-autoregressive", D, transforms=3, hidden=(64, 64), bins=8),
        {
            "zuko": lambda: peers.nsf_autoregressive_zuko(*sizes),
            "nflows": lambda: peers.nsf_autoregressive_nflows(*sizes),
            "normflows": lambda: peers.nsf_autoregressive_normflows(*sizes),
        },
        (Line("sample", 25),),
        ("zuko",),
    )


def work_of(side: Side, line: Line) -> Work:
    """Prepare what a side does for a row of the table."""
    x = torch.randn(line.n, D, generator=torch.Generator().manual_seed(0))
    if line.work == "train step":
        return side.training(x)
    return side.scoring(x) if line.work == "log_prob" else side.sampling(line.n)


def limit(side: Side, line: Line) -> float:
    """Seconds that the matrix products take at this machine's rate, and Adam's bytes at its.

    A draw's products are taken to be those of one pass through the flow.
    """
    training = line.work == "train step"
    flops = side.flops(torch.randn(line.n, D), training=training)
    moved = ADAM * side.parameters if training else 0
    return flops / product_rate() + moved / bandwidth()


def raced(contest: Contest, line: Line, libraries: list[str]) -> list[str]:
    """Race for one row of the table."""
    mine = contest.make()
    bound = limit(mine, line)
    if line.compiled:
        mine.module.compile()
    others = {library: contest.others[library]() for library in libraries}
    sides = {"zoo": mine, **others}
    times = race({name: work_of(side, line) for name, side in sides.items()})
    peer = min(libraries, key=lambda name: times[name])
    shown = [f"{name} {1e3 * times[name]:.2f}" for name in sorted(libraries, key=times.__getitem__)]
    ratio = times[peer] / times["zoo"]
    return [
        f"{contest.title}: {line.name}",
        ", ".join(shown),
        f"{1e3 * times['zoo']:.2f}",
        f"{ratio:.2f}",
        f"{line.asked:g}",
        f"{1e3 * bound:.2f}",
    ]


def sizes_of(contest: Contest) -> str:
    """Say how many parameters each side has, and what else differs."""
    sides = [contest.make(), *(make() for make in contest.others.values())]
    said = [f"{s.library} {s.parameters}{f' ({s.differs})' if s.differs else ''}" for s in sides]
    return f"- {contest.title}: {contest.size}. Parameters: {', '.join(said)}."


NOTES = """\
Milliseconds of processor time of one thread, medians of rounds in turn; the ratio is the peer's
time over ours. The peer is {peer}. All networks are
perceptrons with rectifiers; in NSF with coupling layers ours add a layer's input to its output.
Ours are called by the public methods, checks included, and without standardisation, which
the peers leave to their users. Compiled rows: ours by `model.compile()`, the peer as it is.
The limit is the time of the matrix products alone (of a draw: those of one pass) at the
machine's rate, and for training of what Adam moves at its bandwidth."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pattern", nargs="?", default="")
    parser.add_argument("--all-peers", action="store_true")
    parser.add_argument("--no-compile", action="store_true")
    options = parser.parse_args()
    one_thread()
    chosen = [c for c in contests() if options.pattern.lower() in c.title.lower()]
    rows, told = [], []
    for contest in chosen:
        libraries = list(contest.others if options.all_peers else contest.fastest)
        told.append(sizes_of(contest))
        for line in contest.lines:
            if not (line.compiled and options.no_compile):
                rows.append(raced(contest, line, libraries))
                print(" | ".join(rows[-1]), flush=True)
    header = ["work", "peer, ms", "ours, ms", "ratio", "asked for", "limit, ms"]
    peer = "each of the three" if options.all_peers else "the fastest of zuko, nflows and normflows"
    parts = (
        describe("zuko", "nflows", "normflows") + "\n" + rates(),
        NOTES.format(peer=peer),
        "\n".join(told),
        results.table(header, rows),
    )
    if options.pattern or options.all_peers or options.no_compile:
        print("\n\n".join(parts))
    else:
        results.publish("Flows", *parts)


if __name__ == "__main__":
    main()
