"""Figures of samples beside data: distances, fidelity, diversity, a two-sample test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from zoo_core.interfaces.metric import Metric
from zoo_plugin_evaluation.figure import Figure
from zoo_plugin_evaluation.frechet import frechet_distance
from zoo_plugin_evaluation.kernel_distance import kernel_distance
from zoo_plugin_evaluation.manifold import coverage, density, precision, recall
from zoo_plugin_evaluation.subject import Subject
from zoo_plugin_evaluation.two_sample import two_sample_test

Neighbourly = Callable[[Tensor, Tensor, int], Figure]


def frechet(subject: Subject) -> list[Metric]:
    """Measure the squared Fréchet distance between samples and data."""
    figure = frechet_distance(subject.sample_features, subject.reference_features)
    return [sample_metric("Frechet distance", figure, subject)]


def kernel(subject: Subject) -> list[Metric]:
    """Measure the squared kernel distance between samples and data."""
    figure = kernel_distance(subject.sample_features, subject.reference_features)
    return [sample_metric("kernel distance", figure, subject)]


def precisions(subject: Subject) -> list[Metric]:
    """Measure the share of samples within the manifold of the data."""
    return [_neighbourly("precision", precision, 3, subject)]


def recalls(subject: Subject) -> list[Metric]:
    """Measure the share of the data within the manifold of the samples."""
    return [_neighbourly("recall", recall, 3, subject)]


def densities(subject: Subject) -> list[Metric]:
    """Measure in how many of the data's balls samples lie, 1 being as data would."""
    return [_neighbourly("density", density, 5, subject)]


def coverages(subject: Subject) -> list[Metric]:
    """Measure the share of the data's balls that hold a sample."""
    return [_neighbourly("coverage", coverage, 5, subject)]


def two_samples(subject: Subject) -> list[Metric]:
    """Measure how well a classifier tells samples from data: accuracy, and its p-value."""
    found = two_sample_test(subject.reference_features, subject.sample_features, subject.seed)
    n = found.accuracy.n
    p_value = Figure(found.p_value, None, n)
    name = "classifier two-sample test"
    return [
        sample_metric(f"{name}, accuracy", found.accuracy, subject),
        sample_metric(f"{name}, p-value", p_value, subject),
    ]


def sample_metric(name: str, figure: Figure, subject: Subject, **settings: Any) -> Metric:
    """Make the figure of samples, named after the features that it was measured on."""
    samples, rows = len(subject.samples), len(subject.reference)
    data = subject.dataset
    protocol = (
        f"{samples} samples beside {rows} rows of {data.name}, "
        f"features: {subject.features.name}, seed {subject.seed}"
    )
    return Metric(
        f"{name} ({subject.features.name})",
        figure.value,
        standard_error=figure.standard_error,
        n=figure.n,
        split=str(data.split),
        protocol=protocol,
        settings={**settings, **subject.options.sample},
    )


def _neighbourly(name: str, measure: Neighbourly, k: int, subject: Subject) -> Metric:
    k = subject.options.neighbours or k
    figure = measure(subject.reference_features, subject.sample_features, k)
    return sample_metric(name, figure, subject, k=k)
