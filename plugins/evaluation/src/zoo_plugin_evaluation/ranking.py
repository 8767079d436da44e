"""Rankings of models: figures that may stand together, best first. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple, final

_Key = tuple[str, str, str, str, str]
SPLITS = ("train", "valid", "test", "all")


@final
class Best(StrEnum):
    """Which values of a metric are good ones."""

    LEAST = "least"
    MOST = "most"
    HALF = "nearest ½"
    UNKNOWN = "unknown"


_BEST = {
    "NLL": Best.LEAST,
    "bits/dim": Best.LEAST,
    "KL divergence": Best.LEAST,
    "NLL/token": Best.LEAST,
    "perplexity": Best.LEAST,
    "transformers perplexity": Best.LEAST,
    "bits/character": Best.LEAST,
    "accuracy": Best.MOST,
    "log loss": Best.LEAST,
    "Brier score": Best.LEAST,
    "Frechet distance": Best.LEAST,
    "kernel distance": Best.LEAST,
    "precision": Best.MOST,
    "recall": Best.MOST,
    "density": Best.MOST,
    "coverage": Best.MOST,
    "classifier two-sample test, accuracy": Best.HALF,
    "classifier two-sample test, p-value": Best.MOST,
    "distance to closest record, share closer": Best.HALF,
    "membership inference, likelihood": Best.HALF,
    "membership inference, nearest sample": Best.HALF,
}


@final
class Standing(NamedTuple):
    """One figure of one model, as plain data of a registry entry or of `Metric.fields`."""

    model: str
    figure: Mapping[str, Any]
    parameters: int | None = None

    @property
    def value(self) -> float:
        """The figure's value; NaN where an entry holds no number."""
        value = self.figure.get("value")
        return float(value) if isinstance(value, int | float) else math.nan

    @property
    def error(self) -> float | None:
        """The figure's standard error."""
        error = self.figure.get("standard_error")
        return float(error) if isinstance(error, int | float) else None


@final
@dataclass(frozen=True)
class Ranking:
    """Figures of one metric, kind, measure, split and protocol: all that may be compared."""

    metric: str
    kind: str
    measure: str
    split: str
    protocol: str
    standings: tuple[Standing, ...] = ()

    @property
    def best(self) -> Best:
        """Which values are good; the features that stand in brackets don't matter."""
        return _BEST.get(self.metric.partition(" (")[0], Best.UNKNOWN)

    @property
    def title(self) -> str:
        """The metric with its kind and measure."""
        about = ", ".join(filter(None, (self.kind, self.measure)))
        return f"{self.metric} ({about})" if about else self.metric

    def places(self) -> list[tuple[str, Standing]]:
        """Give each standing with its place; equal values share one, and UNKNOWN has none."""
        if self.best is Best.UNKNOWN:
            return [("", standing) for standing in self.standings]
        values = [standing.value for standing in self.standings]
        return [(str(values.index(s.value) + 1), s) for s in self.standings]


def rankings(standings: Iterable[Standing]) -> list[Ranking]:
    """Sort figures into rankings, best first; never two kinds, measures or protocols in one.

    Likelihoods come first, then the figures without a kind, each by name. What holds no number
    is left out.
    """
    groups: dict[_Key, list[Standing]] = {}
    for standing in standings:
        if math.isfinite(standing.value):
            groups.setdefault(_key(standing.figure), []).append(standing)
    ordered = sorted(groups, key=lambda key: (key[1] == "", key))
    return [_ranking(key, groups[key]) for key in ordered]


def _key(figure: Mapping[str, Any]) -> _Key:
    def text(name: str) -> str:
        return "" if figure.get(name) is None else str(figure[name])

    return text("name"), text("kind"), text("measure"), text("split"), text("protocol")


def _ranking(key: _Key, found: list[Standing]) -> Ranking:
    ranking = Ranking(*key)
    by_value = sorted(found, key=lambda s: (_badness(s.value, ranking.best), s.model))
    return replace(ranking, standings=tuple(by_value))


def _badness(value: float, best: Best) -> float:
    match best:
        case Best.LEAST:
            return value
        case Best.MOST:
            return -value
        case Best.HALF:
            return abs(value - 0.5)
        case Best.UNKNOWN:
            return 0.0
