"""How near flows come to the exact toy densities, the zoo's and zuko's trained alike.

    python benchmarks/toy_densities.py [NAME …] [--steps 2500] [--rows 20000] [--seed 0]
        [--side zoo|zuko]

Both sides: autoregressive neural spline flows (of angles on the torus) with equal transforms, bins,
widths and parameter counts, Adam 2e-3 with a cosine to zero, batches of 512 fresh draws,
standardised. The divergence is the mean over fresh rows of log p(x) − log q(x), p exact: what the
NLL has above the entropy, in nats. One below zero by more than four standard errors is a bug.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import zuko
from measuring import results
from measuring.machine import describe, one_thread
from torch import Tensor, nn

import zoo_core as zoo

NAMES = (
    "eight-gaussians",
    "moons",
    "checkerboard",
    "circles",
    "pinwheel",
    "swiss-roll",
    "torus",
)
BATCH = 512
RATE = 2e-3
BINS = 16
TRANSFORMS = 3
HIDDEN = (64, 64)


@dataclass(frozen=True)
class Contender:
    """A flow of one library: what is trained, and its log-density."""

    library: str
    module: nn.Module
    log_prob: Callable[[Tensor], Tensor]


def contenders(angles: bool, seed: int) -> Iterator[Contender]:
    """Build the zoo's flow and zuko's."""
    name = "flows/circular-nsf" if angles else "flows/nsf-autoregressive"
    space = zoo.Space.angle(2) if angles else zoo.Space.real(2)
    fields = {"transforms": TRANSFORMS, "bins": BINS, "hidden": HIDDEN, "preprocessing": []}
    ours: Any = zoo.create(name, seed=seed, space=space, **fields)
    yield Contender("zoo", ours, ours.log_prob)
    torch.manual_seed(seed)
    family = zuko.flows.NCSF if angles else zuko.flows.NSF
    theirs = family(2, transforms=TRANSFORMS, bins=BINS, hidden_features=HIDDEN)
    yield Contender("zuko", theirs, lambda x: theirs().log_prob(x))


def train(contender: Contender, x: Tensor) -> float:
    """Fit to batches [steps, rows, 2] in turn, and give the seconds it took."""
    optimiser = torch.optim.Adam(contender.module.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, len(x))
    start = time.perf_counter()
    for batch in x:
        optimiser.zero_grad()
        (-contender.log_prob(batch).mean()).backward()
        optimiser.step()
        schedule.step()
    return time.perf_counter() - start


def compare(name: str, options: argparse.Namespace) -> Iterator[list[str]]:
    """Train both on one density; give a line of the table for each."""
    exact: Any = zoo.create(f"data/{name}")
    angles = name == "torus"
    draws = exact.sample(options.steps * BATCH, rng=zoo.rng(options.seed))
    fresh = exact.sample(options.rows, rng=zoo.rng(options.seed + 1))
    mean, scale = (0.0, 1.0) if angles else (draws.mean(0), draws.std(0))
    volume = 0.0 if angles else float(torch.as_tensor(scale).log().sum())
    batches = ((draws - mean) / scale).view(options.steps, BATCH, 2)
    for contender in contenders(angles, options.seed):
        if options.side not in (None, contender.library):
            continue
        seconds = train(contender, batches)
        with torch.no_grad():
            log_q = contender.log_prob((fresh - mean) / scale).double() - volume
        rows = exact.double().log_prob(fresh.double()) - log_q
        error = rows.std() / math.sqrt(len(rows))
        exact.float()
        count = sum(p.numel() for p in contender.module.parameters())
        yield [
            name,
            contender.library,
            f"{exact.entropy():.4f}",
            f"{-log_q.mean():.4f}",
            f"{rows.mean():.4f} ± {error:.4f}",
            f"{count}",
            f"{seconds:.0f}",
        ]


def main() -> None:
    """Compare on the densities named, or on all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--steps", type=int, default=2500)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--side", choices=["zoo", "zuko"])
    options = parser.parse_args()
    one_thread()
    rows = []
    for name in options.names or NAMES:
        for row in compare(name, options):
            rows.append(row)
            print(" | ".join(row), flush=True)
    header = ["density", "flow", "entropy", "NLL", "above the entropy", "parameters", "seconds"]
    results.publish(
        "Toy densities",
        describe("zuko"),
        f"Nats of {options.rows} fresh rows after {options.steps} steps of {BATCH} fresh rows, seed "
        f"{options.seed}: autoregressive neural spline flows (of angles on the torus), "
        f"{TRANSFORMS} transforms, hidden {', '.join(map(str, HIDDEN))}, {BINS} bins, the same Adam "
        "and data a side. What stands above the entropy is the mean of log p(x) − log q(x) over the "
        "rows, p exact, with its standard error.",
        results.table(header, rows),
    )


if __name__ == "__main__":
    main()
