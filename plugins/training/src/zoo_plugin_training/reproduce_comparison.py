"""What a recipe's model reached before, and what it reaches here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, final

from zoo_core.config import thaw
from zoo_core.interfaces.metric import Metric
from zoo_plugin_training.recipe import ExpectedMetric

_ERRORS = 4
_SHARE, _SHARE_UNKNOWN = 0.01, 0.05


@final
@dataclass(frozen=True)
class Comparison:
    """One figure: the recipe's, and the one measured here (None where it wasn't measured)."""

    expected: ExpectedMetric
    value: float | None

    @property
    def passed(self) -> bool:
        """Whether it came back within the tolerance."""
        if self.value is None:
            return False
        return abs(self.value - self.expected.value) <= self.expected.tolerance


def compare(expected: Iterable[ExpectedMetric], measured: Sequence[Metric]) -> list[Comparison]:
    """Put each of a recipe's figures beside the one of the same name, split, kind and settings."""
    found = {_identity(metric): metric.value for metric in measured}
    return [Comparison(figure, found.get(_identity(figure))) for figure in expected]


def _identity(metric: Metric | ExpectedMetric) -> tuple[Any, ...]:
    settings = tuple(sorted((name, str(value)) for name, value in metric.settings.items()))
    kind, measure = (None if v is None else str(v) for v in (metric.kind, metric.measure))
    return metric.name, str(metric.split), kind, measure, metric.unit, settings


def tolerance(value: float, standard_error: float | None) -> float:
    """Give how far another run's figure may be from this one.

    On another processor, or at another version of torch, sums round otherwise, and training
    amplifies that until the run is like one of another seed. Its figure on the same rows differs
    then by about the figure's own standard error over rows, σ, or less; 4σ leaves room. Where
    many rows make σ smaller than what a seed changes, 1 % of the figure is allowed; 5 % where no
    σ is known.
    """
    share = _SHARE_UNKNOWN if standard_error is None else _SHARE
    return max(_ERRORS * (standard_error or 0.0), share * abs(value))


def expected_of(metric: Metric) -> ExpectedMetric:
    """Make the expectation that a measured figure is, rounded to what its error lets it tell."""
    digits = _digits(metric.value, metric.standard_error)
    error = metric.standard_error
    allowed = tolerance(metric.value, error)
    fields = {
        "name": metric.name,
        "value": round(metric.value, digits),
        "standard_error": None if error is None else round(error, digits),
        "tolerance": _rounded_up(allowed, digits),
        "unit": metric.unit,
        "split": str(metric.split),
        "n": metric.n,
        "kind": None if metric.kind is None else str(metric.kind),
        "measure": None if metric.measure is None else str(metric.measure),
        "protocol": metric.protocol,
        "settings": thaw(metric.settings),
    }
    return ExpectedMetric.parse(fields)


def _digits(value: float, error: float | None) -> int:
    """Give how many decimals to write: two digits of the error, or four of the value."""
    scale, kept = (error, 2) if error else (abs(value), 4)
    return 4 if not scale else max(0, kept - 1 - math.floor(math.log10(scale)))


def _rounded_up(value: float, digits: int) -> float:
    return round(math.ceil(value * 10**digits - 1e-9) / 10**digits, digits)
