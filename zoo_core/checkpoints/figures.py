"""A model's figures as its card shows them: `model-index`, which a Hub reads, and a table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from zoo_core.interfaces.metric import Metric

_OF_CLASSES = ("accuracy", "log loss", "Brier score")


def model_index(title: str, dataset: str | None, metrics: Sequence[Metric]) -> list[dict[str, Any]]:
    """Give figures as the Hub's metadata has them; what else is known of each stands in `args`."""
    name = dataset or "unknown"
    results = [
        {
            "task": {"type": _task(metric)},
            "dataset": {"type": name, "name": name, "split": metric.split},
            "metrics": [_entry(metric)],
        }
        for metric in metrics
    ]
    return [{"name": title, "results": results}]


def _task(metric: Metric) -> str:
    return "classification" if metric.name in _OF_CLASSES else "density-estimation"


def metrics_table(metrics: Sequence[Metric]) -> str:
    """Give figures as a Markdown table."""
    rows = ["| metric | value | unit | kind | split | protocol |", "|---|---|---|---|---|---|"]
    for m in metrics:
        value = shown(m.value, m.standard_error)
        cells = (m.name, value, m.unit or "", m.kind or "", m.split, m.protocol)
        rows.append(f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |")
    return "\n".join(rows)


def shown(value: float, error: float | None = None) -> str:
    """Write a value with as many digits as its standard error lets it tell: 0.3056 ± 0.0052."""
    if error is None or not math.isfinite(error) or error == 0:
        return f"{value:.4g}"
    digits = max(0, 1 - math.floor(math.log10(error)))
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def _entry(metric: Metric) -> dict[str, Any]:
    fields = metric.fields()
    known = {key: fields.pop(key) for key in ("name", "value")}
    del fields["split"]
    entry = {"type": known["name"], **known}
    return {**entry, "args": fields} if fields else entry
