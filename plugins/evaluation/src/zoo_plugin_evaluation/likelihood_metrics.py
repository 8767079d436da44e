"""Figures of likelihood: NLL, bits/dim, divergence."""

from __future__ import annotations

import math
from dataclasses import replace

from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.density import Measure
from zoo_core.interfaces.metric import Metric
from zoo_plugin_evaluation.figure import Figure, ratio
from zoo_plugin_evaluation.likelihood import Likelihood
from zoo_plugin_evaluation.scores import Scores
from zoo_plugin_evaluation.strides import text_settings
from zoo_plugin_evaluation.subject import Subject


def nll(subject: Subject) -> list[Metric]:
    """Measure −log q(x) in nats, averaged over rows; q(x | y) or q(x, y) where so asked."""
    return [likelihood_metric("NLL", mean_of(subject.scores), subject, "nats")]


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
    return [likelihood_metric("bits/dim", mean_of(subject.scores, entries), subject, "bits")]


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
    figure, name = mean_of(excess), subject.dataset.name
    protocol = f"mean over rows of {name} of log p(x) - log q(x), p the exact density"
    return [likelihood_metric("KL divergence", figure, subject, "nats", protocol)]


def mean_of(scores: Scores, count: Tensor | None = None) -> Figure:
    """Average over rows, or over what is counted in each."""
    return ratio(scores.nats, count, scores.weight, scores.shared)


def protocol_of(subject: Subject) -> str:
    """Say of which rows a figure is the mean, and how they were scored."""
    scores = subject.scores
    text = f"mean over rows of {subject.dataset.name}{scores.likelihood.words}"
    if scores.draws > 1:
        how = scores.density.how or str(scores.density.kind)
        text += f", each over {scores.draws} draws of {how}, seed {subject.seed}"
    return text


def likelihood_metric(
    name: str, figure: Figure, subject: Subject, unit: str | None, protocol: str | None = None
) -> Metric:
    """Make a figure of what it is a likelihood of; its settings are the options it depends on."""
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
        protocol=protocol_of(subject) if protocol is None else protocol,
        settings={**text_settings(subject.model), **subject.options.log_prob},
    )
