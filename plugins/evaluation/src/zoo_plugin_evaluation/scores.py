"""The log-likelihoods of rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.density import Density, DensityKind, DensityModel
from zoo_core.interfaces.joint import JointModel
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.randomness import rng
from zoo_plugin_evaluation.batches import batches_of, weight_of
from zoo_plugin_evaluation.conditions import told
from zoo_plugin_evaluation.likelihood import Likelihood, likelihood_of
from zoo_plugin_evaluation.options import EvaluationOptions


@final
@dataclass(frozen=True, eq=False)
class Scores:
    """−log q of each row in nats, averaged over draws; entries and weight of each row.

    `likelihood` says of what: x, x given its condition, or both together.

    `shared` is the variance that the average over all rows has from noise that they share, as
    the estimate of one normalising constant has it.
    """

    density: Density
    likelihood: Likelihood
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
    """Score every row of a data set, batch by batch, by the likelihood that the options ask for.

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
            weights.append(weight_of(batch))
    every = torch.cat(drawn, 1)
    weight = torch.cat(weights)
    estimated = density.kind is DensityKind.ESTIMATE and draws > 1
    shared = _shared_variance(every, weight) if estimated else 0.0
    likelihood = likelihood_of(model, options.likelihood)
    return Scores(density, likelihood, draws, every.mean(0), torch.cat(entries), weight, shared)


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
    likelihood = likelihood_of(model, options.likelihood)
    condition = told(model, dataset, batch.condition, likelihood)
    x = batch.x.to(model.device)
    each = [
        -model.log_prob(x, condition=condition, rng=generator, **options.log_prob)
        for _ in range(draws)
    ]
    nats = torch.stack(each).cpu().double()
    if likelihood is Likelihood.JOINT:
        nats -= _log_prior(model, condition)
    return nats


def _log_prior(model: DensityModel, classes: Tensor) -> Tensor:
    """Give log p(y) of each row in float64; 0 where the class is unknown, which is summed out."""
    prior = cast("JointModel", model).class_log_prior.cpu().double()
    return torch.cat([prior, prior.new_zeros(1)])[classes.cpu()]


def _entries(model: DensityModel, batch: Batch) -> Tensor:
    """Count the numbers of each row that are not missing."""
    x = batch.x.values if isinstance(batch.x, Ragged) else batch.x
    present = ~model.space.is_missing(x).reshape(len(x), -1)
    each = present.sum(1).double().cpu()
    return batch.x.segment_sum(each) if isinstance(batch.x, Ragged) else each


def _shared_variance(every: Tensor, weight: Tensor) -> float:
    """Split the variance between draws: what independent noise of rows leaves is shared.

    `every` is [draws, n]. The mean of a draw varies by the shared variance plus Σ w²σ² / (Σ w)².
    """
    draws, share = len(every), weight / weight.sum()
    between = (every @ share).var()
    independent = (share.square() * every.var(0)).sum()
    return float((between - independent).clamp_min(0)) / draws
