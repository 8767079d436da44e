"""Live models beside each other: what `zoo compare` does of names, from Python."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from zoo_core.errors import DataError, OptionError
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.model import Model
from zoo_plugin_evaluation.comparison import Contender, comparison_page
from zoo_plugin_evaluation.contenders import measured
from zoo_plugin_evaluation.page_html import write_html
from zoo_plugin_evaluation.page_markdown import write_markdown

PAGES = (".html", ".md")


def compare(
    models: Mapping[str, Model],
    data: Dataset,
    path: str | Path,
    *,
    metrics: Iterable[str] = (),
    samples: int = 2000,
    train: Dataset | None = None,
) -> dict[str, Sequence[Any]]:
    """Measure models on a split of a data set, and write a page of them beside each other.

    `models` says what each is called; `path` ends in .html, or in .md beside which a folder of
    pictures is made. Gives the figures of each. `metrics` and `train` are those of `evaluate`;
    `samples` are drawn of each model, and as many rows compared with them. Raises OptionError for
    another page, DataError for no models, and what `evaluate` raises.
    """
    path = Path(path)
    if path.suffix.lower() not in PAGES:
        raise OptionError(f"A page ends in {' or '.join(PAGES)}", received=path.name)
    if not models:
        raise DataError("At least one model is compared", received="none")
    names = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    found = [
        measured(name, model, data, names, samples, train=train) for name, model in models.items()
    ]
    write_page(found, path)
    return {contender.name: tuple(contender.metrics) for contender in found}


def write_page(contenders: Sequence[Contender], path: Path) -> None:
    """Write the page of contenders for one data set."""
    page = comparison_page(contenders[0].subject.dataset, contenders)
    (write_html if path.suffix.lower() == ".html" else write_markdown)(page, path)
