"""Figures of privacy: whether samples repeat, or the model betrays, what it was trained on."""

from __future__ import annotations

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.metric import Metric
from zoo_plugin_evaluation.figure import Figure
from zoo_plugin_evaluation.neighbours import nearest
from zoo_plugin_evaluation.ranks import auc
from zoo_plugin_evaluation.records import percentile_ratio, share_closer
from zoo_plugin_evaluation.subject import Subject

_CLOSEST = "distance to closest record"
_MEMBERSHIP = "membership inference"


def closest_record(subject: Subject) -> list[Metric]:
    """Measure whether samples lie closer to training rows than held-out rows do."""
    training = subject.training_features  # raises first where no training rows are given
    sides = (subject.sample_features, training, subject.reference_features)
    closer = share_closer(*sides, seed=subject.seed)
    found = [_metric(f"{_CLOSEST}, share closer", closer, subject)]
    try:
        ratio = percentile_ratio(*sides, seed=subject.seed)
    except UnsupportedError:
        return found  # The ratio is undefined where held-out rows are copies; the share is not.
    return [*found, _metric(f"{_CLOSEST}, 5th percentile ratio", ratio, subject)]


def membership(subject: Subject) -> list[Metric]:
    """Measure how well an attacker tells training rows from held-out ones: the area under the ROC.

    By the likelihood of a row, where the model has one (Yeom et al. 2018), and by its distance to
    the nearest sample, where it makes any (Chen et al. 2020, their full black-box attack). One
    half means that nothing is betrayed.
    """
    subject.training  # noqa: B018  raises first where no training rows are given
    found = []
    if subject.scores_rows:
        found.append(_metric(f"{_MEMBERSHIP}, likelihood", _by_likelihood(subject), subject, False))
    if subject.generates:
        found.append(_metric(f"{_MEMBERSHIP}, nearest sample", _by_distance(subject), subject))
    if not found:
        raise UnsupportedError(f"{subject.model.architecture} neither scores rows nor makes any")
    return found


def _by_likelihood(subject: Subject) -> Figure:
    return auc(-subject.training_nats(), -subject.scores.nats)


def _by_distance(subject: Subject) -> Figure:
    samples = subject.sample_features
    members = nearest(subject.training_features, samples)
    return auc(-members, -nearest(subject.reference_features, samples))


def _metric(name: str, figure: Figure, subject: Subject, on_features: bool = True) -> Metric:
    data = subject.dataset
    protocol = f"{len(subject.training)} training rows beside held-out rows of {data.name}"
    if on_features:
        name = f"{name} ({subject.features.name})"
        protocol += f" and {len(subject.samples)} samples, Euclidean, seed {subject.seed}"
    return Metric(
        name,
        figure.value,
        standard_error=figure.standard_error,
        n=figure.n,
        split=str(data.split),
        protocol=protocol,
    )
