"""How close synthetic rows come to the rows that a model was trained on."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.randomness import rng
from zoo_plugin_evaluation.figure import Figure, ratio
from zoo_plugin_evaluation.neighbours import nearest

_LEVEL = 0.05
_RESAMPLES = 200


def share_closer(
    synthetic: Float[Tensor, "n d"],
    training: Float[Tensor, "m d"],
    held_out: Float[Tensor, "h d"],
    seed: int = 0,
) -> Figure:
    """Give the share of synthetic rows that are closer to a training row than to a held-out one.

    The larger of both sets is cut to the size of the smaller, without which the larger would be
    closer by its size alone; ties count half. One half means that nothing was copied (Platzer &
    Reutterer 2021).
    """
    size, generator = min(len(training), len(held_out)), rng(seed)
    training = training[torch.randperm(len(training), generator=generator)[:size]]
    held_out = held_out[torch.randperm(len(held_out), generator=generator)[:size]]
    to_training, to_held_out = nearest(synthetic, training), nearest(synthetic, held_out)
    closer = (to_training < to_held_out).double() + 0.5 * (to_training == to_held_out)
    return ratio(closer)


def percentile_ratio(
    synthetic: Float[Tensor, "n d"],
    training: Float[Tensor, "m d"],
    held_out: Float[Tensor, "h d"],
    seed: int = 0,
) -> Figure:
    """Compare the 5th percentiles of the distances to the closest training record.

    Gives that of the synthetic rows divided by that of held-out rows: 1 for rows that are as new
    as held-out ones, 0 for copies (the percentile is that of Zhao et al. 2021). The
    standard error is the bootstrap's over the rows of both. Raises UnsupportedError where held-out
    rows are themselves copies of training rows.
    """
    made, fresh = nearest(synthetic, training), nearest(held_out, training)
    floor = float(fresh.quantile(_LEVEL))
    if floor == 0:
        raise UnsupportedError(
            "Held-out rows are not themselves among the training rows",
            received="5 % of them or more are",
            remedy="Remove duplicates across splits.",
        )
    generator = rng(seed)
    spread = [_resampled(made, generator) / _resampled(fresh, generator) for _ in range(_RESAMPLES)]
    error = float(torch.stack(spread).nan_to_num(0.0).std())
    return Figure(float(made.quantile(_LEVEL)) / floor, error, len(made))


def _resampled(distances: Tensor, generator: torch.Generator) -> Tensor:
    rows = torch.randint(len(distances), (len(distances),), generator=generator)
    return distances[rows].quantile(_LEVEL)
