"""The log-likelihoods of rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.density import Density, DensityKind, DensityModel
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.randomness import rng
from zoo_plugin_evaluation.batches import batches_of
from zoo_plugin_evaluation.conditions import told
from zoo_plugin_evaluation.options import EvaluationOptions


@final
@dataclass(frozen=True, eq=False)
class Scores:
    """−log q(x) of each row in nats, averaged over draws; entries and weight of each row.

    `shared` is the variance that the average over all rows has from noise that they share, as
    the estimate of one normalising constant has it.
    """

    density: Density
    draws: int
    nats: Float[Tensor, " n"]
    entries: Float[Tensor, " n"]
    weight: Float[Tensor, " n"]
    shared: float = 0.0


@contextmanager
def evaluating(model: Model) -> Iterator[None]:
    """Put a model into evaluation mode without gradients; afterwards it is as it was."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def density_model(model: Model) -> DensityModel:
    """Give the model as one with a density. Raises UnsupportedError."""
    if not isinstance(model, DensityModel) or DensityModel not in model.provides:
        raise UnsupportedError(
            f"{model.architecture} gives no likelihood",
            remedy="Ask for figures of its samples, such as 'Frechet distance'.",
        )
    return model


def score(model: Model, dataset: Dataset, options: EvaluationOptions, seed: int) -> Scores:
    """Score every row of a data set, batch by batch, conditional models at the data's conditions.

    Where the likelihood is stochastic, each row's is averaged over independent draws.
    """
    scored = density_model(model)
    density = scored.density_of(**options.log_prob)
    if density.kind is DensityKind.UNNORMALIZED:
        raise UnsupportedError(
            f"The likelihood of {model.architecture} is unnormalised: its average is no NLL",
            remedy="Estimate its constant, or ask for figures of its samples.",
        )
    draws = options.draws if is_stochastic(scored, density) else 1
    generator, drawn, entries, weights = rng(seed, model.device), [], [], []
    with evaluating(model):
        for batch in batches_of(dataset, options.batch_size):
            drawn.append(_draws(scored, dataset, batch, options, generator, draws))
            entries.append(_entries(scored, batch))
            weights.append(_weight(batch))
    every = torch.cat(drawn, 1)
    weight = torch.cat(weights)
    estimated = density.kind is DensityKind.ESTIMATE and draws > 1
    shared = _shared_variance(every, weight) if estimated else 0.0
    return Scores(density, draws, every.mean(0), torch.cat(entries), weight, shared)


def is_stochastic(model: DensityModel, density: Density) -> bool:
    """Whether scoring the same rows with another rng gives other numbers."""
    noisy = density.kind in (DensityKind.LOWER_BOUND, DensityKind.ESTIMATE)
    return noisy or model.preprocessing.dequantizes


def _draws(
    model: DensityModel,
    dataset: Dataset,
    batch: Batch,
    options: EvaluationOptions,
    generator: torch.Generator,
    draws: int,
) -> Tensor:
    """Give −log q of a batch, [draws, n], in float64 on the CPU."""
    condition = told(model, dataset, batch.condition)
    x = batch.x.to(model.device)
    each = [
        -model.log_prob(x, condition=condition, rng=generator, **options.log_prob)
        for _ in range(draws)
    ]
    return torch.stack(each).cpu().double()


def _entries(model: DensityModel, batch: Batch) -> Tensor:
    """Count the numbers of each row that are not missing."""
    x = batch.x.values if isinstance(batch.x, Ragged) else batch.x
    present = ~model.space.is_missing(x).reshape(len(x), -1)
    each = present.sum(1).double().cpu()
    return batch.x.segment_sum(each) if isinstance(batch.x, Ragged) else each


def _weight(batch: Batch) -> Tensor:
    if batch.weight is None:
        return torch.ones(len(batch), dtype=torch.float64)
    return batch.weight.double().cpu()


def _shared_variance(every: Tensor, weight: Tensor) -> float:
    """Split the variance between draws: what independent noise of rows leaves is shared.

    `every` is [draws, n]. The mean of a draw varies by the shared variance plus Σ w²σ² / (Σ w)².
    """
    draws, share = len(every), weight / weight.sum()
    between = (every @ share).var()
    independent = (share.square() * every.var(0)).sum()
    return float((between - independent).clamp_min(0)) / draws
