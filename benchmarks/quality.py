"""Quality at equal steps and parameters: nats above the entropy of a known density, by seed.

    python benchmarks/quality.py [--seeds 10] [--steps 300]

Both sides see the same rows in the same order, with the same Adam and learning rate; a seed gives
both other rows and other initial weights. The figure is of fresh rows, the same ones for all. The
density, in 8 dimensions, is a chain of noisy sine waves, whose entropy is known in closed form.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from statistics import fmean, stdev

import torch
from measuring import peers, results
from measuring.machine import describe, one_thread
from measuring.sides import Side, ours
from torch import Tensor

D = 8
NOISE = 0.25
ENTROPY = D / 2 * math.log(2 * math.pi * math.e) + (D - 1) * math.log(NOISE)
BATCH, TESTED, RATE = 256, 10_000, 2e-3

PAIRS: dict[str, tuple[Callable[[], Side], Callable[[], Side]]] = {
    "NSF, coupling, 4 layers, hidden 64, 64, 64, 8 bins": (
        lambda: peers.nsf_coupling_nflows(D, 4, 64, 8),
        lambda: ours("flows/nsf", D, transforms=4, hidden=(64,) * 3, activation="relu"),
    ),
    "NSF, autoregressive, 3 layers, hidden 64, 64, 8 bins": (
        lambda: peers.nsf_autoregressive_zuko(D, 3, (64, 64), 8),
        lambda: ours("flows/nsf-autoregressive", D, transforms=3, hidden=(64, 64)),
    ),
    "MAF, 5 layers, hidden 64, 64": (
        lambda: peers.maf_zuko(D, 5, (64, 64)),
        lambda: ours("flows/maf", D, transforms=5, hidden=(64, 64)),
    ),
}


def draw(n: int, seed: int) -> Tensor:
    """Draw x_1 ~ N(0, 1) and x_i = sin(2 x_{i-1}) + N(0, NOISE²); its log-density is that of ε."""
    noise = torch.randn(n, D, generator=torch.Generator().manual_seed(seed))
    columns = [noise[:, 0]]
    for i in range(1, D):
        columns.append(torch.sin(2 * columns[-1]) + NOISE * noise[:, i])
    return torch.stack(columns, 1)


def excess(make: Callable[[], Side], seed: int, steps: int) -> float:
    """Train anew; give the nats above the entropy, on fresh rows."""
    torch.manual_seed(seed)
    side = make()
    optimiser = torch.optim.Adam(side.module.parameters(), RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for x in draw(BATCH * steps, seed + 1).split(BATCH):
        optimiser.zero_grad()
        side.loss(x).backward()
        optimiser.step()
        schedule.step()
    side.module.eval()
    with torch.no_grad():
        return -float(side.log_prob(draw(TESTED, 0)).mean()) - ENTROPY


def compared(title: str, seeds: int, steps: int) -> list[str]:
    """Train both sides with each seed; give a row of the table."""
    theirs, mine = PAIRS[title]
    sides = theirs(), mine()
    if sides[0].parameters != sides[1].parameters:
        raise SystemExit(f"{title}: {[side.parameters for side in sides]} parameters")
    figures = [(excess(theirs, seed, steps), excess(mine, seed, steps)) for seed in range(seeds)]
    differences = [b - a for a, b in figures]
    error = stdev(differences) / seeds**0.5
    verdict = "no worse" if fmean(differences) <= error else "WORSE"
    return [
        f"{title}, {sides[0].parameters} parameters",
        sides[0].library,
        f"{fmean(a for a, _ in figures):.3f}",
        f"{fmean(b for _, b in figures):.3f}",
        f"{fmean(differences):+.3f} ± {error:.3f}",
        verdict,
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=300)
    options = parser.parse_args()
    one_thread()
    rows = []
    for title in PAIRS:
        rows.append(compared(title, options.seeds, options.steps))
        print(" | ".join(rows[-1]), flush=True)
    header = ["flow", "peer", "peer, nats", "ours, nats", "difference", ""]
    results.publish(
        "Quality",
        describe("zuko", "nflows"),
        f"Nats above the entropy ({ENTROPY:.3f}) of a chain of noisy sine waves in {D} dimensions, "
        f"after {options.steps} steps of {BATCH} fresh rows at equal parameters; means of "
        f"{options.seeds} seeds a side, with the standard error of the difference. No worse: the "
        "difference is not above its standard error.",
        results.table(header, rows),
    )


if __name__ == "__main__":
    main()
