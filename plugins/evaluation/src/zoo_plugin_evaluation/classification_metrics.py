"""Figures of classification: accuracy, log loss, Brier score."""

from __future__ import annotations

from zoo_core.interfaces.metric import Metric
from zoo_plugin_evaluation.figure import Figure, ratio
from zoo_plugin_evaluation.subject import Subject

NAMES = ("accuracy", "log loss", "Brier score")


def accuracy(subject: Subject) -> list[Metric]:
    """Measure the share of rows whose most probable class is the right one."""
    found = subject.class_probs
    right = found.log_probs.argmax(1) == found.classes
    return [_metric("accuracy", ratio(right.double(), None, found.weight), subject, None)]


def log_loss(subject: Subject) -> list[Metric]:
    """Measure −log q(y | x) of the right class in nats, averaged over rows."""
    found = subject.class_probs
    nats = -found.log_probs.gather(1, found.classes[:, None])[:, 0]
    return [_metric("log loss", ratio(nats, None, found.weight), subject, "nats")]


def brier_score(subject: Subject) -> list[Metric]:
    """Measure the squared distance of q(y | x), over all classes, from the right class's 1.

    It is between 0 and 2 (Brier 1950); for two classes twice the square of one probability's error.
    """
    found = subject.class_probs
    error = found.log_probs.exp()
    error[range(len(error)), found.classes] -= 1
    squared = error.square().sum(1)
    return [_metric("Brier score", ratio(squared, None, found.weight), subject, None)]


def _metric(name: str, figure: Figure, subject: Subject, unit: str | None) -> Metric:
    return Metric(
        name,
        figure.value,
        standard_error=figure.standard_error,
        n=figure.n,
        unit=unit,
        split=str(subject.dataset.split),
        protocol=f"mean over rows of {subject.dataset.name} of a known class",
    )
