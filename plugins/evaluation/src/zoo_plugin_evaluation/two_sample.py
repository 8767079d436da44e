"""The classifier two-sample test."""

from __future__ import annotations

import math
from typing import NamedTuple, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.randomness import rng, seeded_initialisers
from zoo_plugin_evaluation.figure import Figure, share

HIDDEN, EPOCHS, RATE = 20, 100, 1e-3
BATCH, STEPS = 128, 32
"""A batch has this many rows, or more where an epoch would otherwise have more steps."""


@final
class TwoSample(NamedTuple):
    """The accuracy on the held-out half, and how probable one as high is for equal sides."""

    accuracy: Figure
    p_value: float


def two_sample_test(
    real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], seed: int = 0
) -> TwoSample:
    """Train a classifier to tell samples from data on one half, and test it on the other.

    The classifier is that of Lopez-Paz & Oquab (2017, section 4): 20 hidden units, 100 epochs of
    Adam. Sides are cut to equal size. Under equality the number of right answers is binomial with
    p = ½ (their section 3, there by its normal approximation). Raises UnsupportedError for fewer
    than 20 rows a side.
    """
    n = min(len(real), len(fake))
    if n < 20:
        raise UnsupportedError("A two-sample test needs 20 rows a side", received=f"{n}")
    generator = rng(seed)
    both = torch.cat([_some(real, n, generator), _some(fake, n, generator)]).float()
    labels = torch.arange(2 * n) >= n
    order = torch.randperm(2 * n, generator=generator)
    both, labels = both[order], labels[order]
    loc, scale = both[:n].mean(0), both[:n].std(0)
    both = (both - loc) / torch.where(scale > 0, scale, 1.0)
    network = _trained(both[:n], labels[:n].float(), seed, generator)
    with torch.no_grad():
        right = (network(both[n:])[:, 0] > 0) == labels[n:]
    return TwoSample(share(right), binomial_tail(int(right.sum()), n))


def binomial_tail(successes: int, n: int) -> float:
    """Give P(X ≥ successes) for X binomial of n trials with p = ½."""
    k = torch.arange(successes, n + 1, dtype=torch.float64)
    whole = torch.tensor(n + 1.0, dtype=torch.float64)
    log_each = torch.lgamma(whole) - torch.lgamma(k + 1) - torch.lgamma(whole - k)
    return min(1.0, float((log_each - n * math.log(2)).exp().sum()))


def _some(rows: Tensor, n: int, generator: torch.Generator) -> Tensor:
    return rows[torch.randperm(len(rows), generator=generator)[:n]]


def _trained(x: Tensor, y: Tensor, seed: int, generator: torch.Generator) -> nn.Module:
    with seeded_initialisers(seed):
        network = nn.Sequential(nn.Linear(x.shape[1], HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 1))
    size = max(BATCH, len(x) // STEPS)
    optimiser = torch.optim.Adam(network.parameters(), lr=RATE)
    with torch.enable_grad():
        for _ in range(EPOCHS):
            for rows in torch.randperm(len(x), generator=generator).split(size):
                logits = network(x[rows])[:, 0]
                loss = nn.functional.binary_cross_entropy_with_logits(logits, y[rows])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
    return network
