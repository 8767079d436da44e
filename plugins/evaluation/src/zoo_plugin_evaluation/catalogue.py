"""The metrics by name: this plugin's own, and those that other plugins bring."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import final

from zoo_core.errors import DefinitionError, UnknownNameError, UnsupportedError
from zoo_core.interfaces.density import Measure
from zoo_core.interfaces.metric import Metric
from zoo_core.plugins import facade
from zoo_plugin_evaluation import (
    classification_metrics,
    likelihood_metrics,
    privacy_metrics,
    sample_metrics,
    text_metrics,
    windows,
)
from zoo_plugin_evaluation.likelihood import Likelihood
from zoo_plugin_evaluation.subject import Subject

ALL = "all"
"""In the place of a name: every figure of this plugin that suits the model and the data."""

BUILT_IN: dict[str, Callable[[Subject], list[Metric]]] = {
    "NLL": likelihood_metrics.nll,
    "bits/dim": likelihood_metrics.bits_per_dim,
    "KL divergence": likelihood_metrics.divergence,
    "NLL/token": text_metrics.nll_per_token,
    "perplexity": text_metrics.perplexity,
    "bits/character": text_metrics.bits_per_character,
    windows.NAME: windows.transformers_perplexity,
    "accuracy": classification_metrics.accuracy,
    "log loss": classification_metrics.log_loss,
    "Brier score": classification_metrics.brier_score,
    "Frechet distance": sample_metrics.frechet,
    "kernel distance": sample_metrics.kernel,
    "precision": sample_metrics.precisions,
    "recall": sample_metrics.recalls,
    "density": sample_metrics.densities,
    "coverage": sample_metrics.coverages,
    "classifier two-sample test": sample_metrics.two_samples,
    "distance to closest record": privacy_metrics.closest_record,
    "membership inference": privacy_metrics.membership,
}
_ON_INCEPTION = {"FID": "Frechet distance", "KID": "kernel distance"}
PRIVACY = ("distance to closest record", "membership inference")
"""Figures that compare with the rows that the model was trained on."""


@final
@dataclass(frozen=True)
class Wanted:
    """A metric to measure, and the one of its figures that is asked for; None: all of them."""

    name: str
    figure: str | None = None


def metric_names() -> list[str]:
    """List the metrics that can be asked for, those of other plugins included."""
    return [*BUILT_IN, *sorted(set(facade.metrics()) - set(BUILT_IN))]


def described() -> dict[str, str]:
    """Give the first line of what each metric says of itself."""
    functions = {**facade.metrics(), **BUILT_IN}
    return {name: _line(functions[name].__doc__) for name in metric_names()}


def wanted(text: str) -> Wanted:
    """Find the metric that is asked for by its name, or by the full name of one of its figures.

    "Frechet distance (pixels)" is a figure of "Frechet distance". Raises UnknownNameError with
    the closest names.
    """
    names = metric_names()
    if text in names:
        return Wanted(text)
    for name in names:
        if text.startswith((f"{name} (", f"{name}, ")):
            return Wanted(name, text)
    raise UnknownNameError(
        "A metric is asked for by its name", received=repr(text), remedy=_remedy(text, names)
    )


def _remedy(text: str, names: list[str]) -> str:
    if text.upper() in _ON_INCEPTION:
        return (
            f"It is the {_ON_INCEPTION[text.upper()]} on the features of an Inception network: ask "
            "for it in Python with features=network."
        )
    lower = {name.lower(): name for name in names}
    close = [lower[each] for each in difflib.get_close_matches(text.lower(), lower, n=2)]
    if close:
        return f"Did you mean {' or '.join(map(repr, close))}?"
    return f"There are {', '.join(names)}."


def wanted_all(texts: Iterable[str]) -> list[Wanted]:
    """Find every metric that is asked for, `all` among them. Raises UnknownNameError."""
    return [Wanted(ALL) if text == ALL else wanted(text) for text in texts]


def defaults(subject: Subject) -> list[str]:
    """Choose figures for who names none: of likelihood and classes, else of samples."""
    classes = ["accuracy", "log loss"] if subject.classifies else []
    if subject.scores_rows:
        return [*_of_likelihood(subject), *classes]
    return classes or ["Frechet distance", "kernel distance", "precision", "recall"]


def _of_likelihood(subject: Subject) -> list[str]:
    if text_metrics.is_sequence(subject) and text_metrics.is_text(subject):
        tokens = ["NLL/token"] if subject.model.space.tokenizer is not None else []
        characters = ["bits/character"] if text_metrics.keeps_text(subject) else []
        return [*characters, "perplexity", *tokens]
    mass = subject.density.measure is Measure.MASS
    chosen = ["bits/dim" if mass and not subject.model.space.ragged else "NLL"]
    unconditional = subject.likelihood is Likelihood.MARGINAL
    exact = subject.dataset.exact is not None and unconditional
    return chosen + ["KL divergence"] * exact


def figures(subject: Subject, names: Iterable[str]) -> list[Metric]:
    """Measure what is asked for, each figure once, in the order of the names."""
    found: list[Metric] = []
    for asked in wanted_all(names or defaults(subject)):
        found += _every(subject) if asked.name == ALL else _figures(subject, asked)
    return list({metric.name: metric for metric in found}.values())


def _every(subject: Subject) -> list[Metric]:
    found: list[Metric] = []
    for measure in BUILT_IN.values():
        try:
            found += measure(subject)
        except UnsupportedError:
            continue  # It doesn't suit this model or these data.
    return found


def _figures(subject: Subject, asked: Wanted) -> list[Metric]:
    if asked.name in BUILT_IN:
        measured = BUILT_IN[asked.name](subject)
    else:
        measured = _foreign(subject, asked.name)
    chosen = [m for m in measured if asked.figure in (None, m.name)]
    # "classifier two-sample test, p-value" names a figure whatever its features are.
    chosen = chosen or [m for m in measured if m.name.startswith(f"{asked.figure} (")]
    if not chosen:
        raise UnknownNameError(
            f"{asked.name} has the figures {', '.join(repr(m.name) for m in measured)}",
            received=repr(asked.figure),
            remedy="Measure it on the same features, or leave them out of the name.",
        )
    return chosen


def _foreign(subject: Subject, name: str) -> list[Metric]:
    """Measure another plugin's metric. Raises DefinitionError where it gives no figures."""
    given = facade.metrics()[name](subject.model, subject.request)
    measured = [given] if isinstance(given, Metric) else list(given)
    if not all(isinstance(metric, Metric) for metric in measured):
        raise DefinitionError(
            f"The metric {name!r} gives a Metric, or several", received=type(measured[0]).__name__
        )
    return measured


def _line(text: str | None) -> str:
    return (text or "").strip().partition("\n")[0]
