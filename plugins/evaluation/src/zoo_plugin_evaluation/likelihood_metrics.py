"""Figures of likelihood: NLL, bits/dim, divergence, perplexity, bits/character."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.density import Measure
from zoo_core.interfaces.metric import Metric
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Kind
from zoo_plugin_evaluation.batches import batches_of
from zoo_plugin_evaluation.figure import Figure, ratio
from zoo_plugin_evaluation.likelihood import Likelihood
from zoo_plugin_evaluation.scores import Scores
from zoo_plugin_evaluation.subject import Subject


def nll(subject: Subject) -> list[Metric]:
    """Measure −log q(x) in nats, averaged over rows; q(x | y) or q(x, y) where so asked."""
    return [_metric("NLL", _mean(subject.scores), subject, "nats")]


def bits_per_dim(subject: Subject) -> list[Metric]:
    """Measure −log₂ q(x) of discrete data, divided by the number of entries of x.

    Raises UnsupportedError for a density, whose value depends on the unit of the data.
    """
    if subject.scores.density.measure is not Measure.MASS:
        raise UnsupportedError(
            "bits/dim is a figure of the mass of discrete data",
            received=f"a {subject.scores.density.measure} of {subject.model.space}",
            remedy="Ask for 'NLL'.",
        )
    entries = subject.scores.entries * math.log(2)
    return [_metric("bits/dim", _mean(subject.scores, entries), subject, "bits")]


def divergence(subject: Subject) -> list[Metric]:
    """Measure KL(p, q) = E[log p(x) − log q(x)], p the exact density that x was drawn from.

    Taken row by row, it is free of the noise that the NLL and the entropy share. Raises
    UnsupportedError for the likelihood of a model that is told a condition: p is the density
    without one.
    """
    if subject.likelihood is not Likelihood.MARGINAL:
        raise UnsupportedError(
            "The divergence is that of a model without conditions, as the exact density is",
            received=f"a conditional {subject.model.architecture}",
            remedy="Ask for 'NLL', which is then that of the rows given their conditions.",
        )
    excess = replace(subject.scores, nats=subject.scores.nats - subject.exact_nats)
    figure, name = _mean(excess), subject.dataset.name
    protocol = f"mean over rows of {name} of log p(x) - log q(x), p the exact density"
    return [_metric("KL divergence", figure, subject, "nats", protocol)]


def perplexity(subject: Subject) -> list[Metric]:
    """Measure exp of the NLL of one step of a sequence of categories, all steps counting alike."""
    scores = _sequence(subject)
    each = _mean(scores, scores.entries)
    value = math.exp(each.value)
    error = None if each.standard_error is None else value * each.standard_error
    protocol = _protocol(subject).replace("mean over rows", "exp of the mean over steps")
    return [_metric("perplexity", Figure(value, error, each.n), subject, None, protocol)]


def bits_per_character(subject: Subject) -> list[Metric]:
    """Measure −log₂ q(x) of text, divided by the number of its characters."""
    scores = _sequence(subject)
    if not subject.dataset.alphabet:
        raise UnsupportedError(
            "bits/character is a figure of text, whose data set has an alphabet",
            received=f"{subject.dataset.name} without one",
            remedy="Ask for 'perplexity' or 'bits/dim'.",
        )
    letters = _characters(subject) * math.log(2)
    figure = _mean(scores, letters)
    protocol = _protocol(subject).replace("over rows", "over characters")
    return [_metric("bits/character", figure, subject, "bits", protocol)]


def is_sequence(subject: Subject) -> bool:
    """Whether samples are sequences of categories: ragged, or of one length."""
    space = subject.model.space
    return space.kind is Kind.CATEGORICAL and (space.ragged or len(space.shape) == 1)


def _mean(scores: Scores, count: Tensor | None = None) -> Figure:
    return ratio(scores.nats, count, scores.weight, scores.shared)


def _sequence(subject: Subject) -> Scores:
    if not is_sequence(subject):
        raise UnsupportedError(
            "Perplexity and bits/character are figures of sequences of categories",
            received=str(subject.model.space),
            remedy="Ask for 'NLL' or 'bits/dim'.",
        )
    return subject.scores


def _characters(subject: Subject) -> Tensor:
    """Count the characters of each row; a code may stand for several."""
    lengths = torch.tensor([len(text) for text in subject.dataset.alphabet], dtype=torch.float64)
    batches = batches_of(subject.dataset, subject.options.batch_size)
    return torch.cat([_characters_of(batch, lengths) for batch in batches])


def _characters_of(batch: Batch, lengths: Tensor) -> Tensor:
    if isinstance(batch.x, Ragged):
        return Ragged(batch.x.values, batch.x.lengths).segment_sum(lengths[batch.x.values])
    return lengths[batch.x].sum(1)


def _protocol(subject: Subject) -> str:
    scores = subject.scores
    text = f"mean over rows of {subject.dataset.name}{scores.likelihood.words}"
    if scores.draws > 1:
        how = scores.density.how or str(scores.density.kind)
        text += f", each over {scores.draws} draws of {how}, seed {subject.seed}"
    return text


def _metric(
    name: str, figure: Figure, subject: Subject, unit: str | None, protocol: str | None = None
) -> Metric:
    density = subject.scores.density
    return Metric(
        name,
        figure.value,
        standard_error=figure.standard_error,
        n=figure.n,
        kind=str(density.kind),
        measure=str(density.measure),
        unit=unit,
        split=str(subject.dataset.split),
        protocol=_protocol(subject) if protocol is None else protocol,
        settings=dict(subject.options.log_prob),
    )
