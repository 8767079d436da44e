"""Models beside each other on the same data, as a page."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch

from zoo_core.checkpoints.figures import shown
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.metric import Metric
from zoo_core.interfaces.rows import Rows
from zoo_plugin_evaluation.classification_metrics import NAMES as CLASSIFICATION
from zoo_plugin_evaluation.cost import ROWS, Cost
from zoo_plugin_evaluation.likelihood import Likelihood
from zoo_plugin_evaluation.page import Block, Exhibit, Gallery, Heading, Page, Paragraph, Table
from zoo_plugin_evaluation.portraits import Portraits
from zoo_plugin_evaluation.ranking import Ranking, Standing, rankings
from zoo_plugin_evaluation.subject import Subject

_KINDS = {
    "exact": "Exact likelihoods",
    "lower-bound": "Lower bounds on likelihoods",
    "estimate": "Estimates of likelihoods",
}

_TIMED = {"samples": "sample_seconds", "scores": "score_seconds", "classes": "class_seconds"}


@final
@dataclass(frozen=True, eq=False)
class Contender:
    """One model: what it is called and said to be, its subject, figures and cost."""

    name: str
    subject: Subject
    metrics: Sequence[Metric]
    cost: Cost


def comparison_page(dataset: Dataset, contenders: Sequence[Contender]) -> Page:
    """Put data, samples, figures and cost of all contenders on one page."""
    subject = contenders[0].subject
    portraits = Portraits(subject.model.space, subject.reference.x, dataset.alphabet)
    blocks = _data(dataset, portraits, subject)
    exhibits = [e for c in contenders if (e := _samples(c, portraits)) is not None]
    blocks += [Heading("Samples"), Gallery(exhibits)] if exhibits else []
    standings = [
        Standing(c.name, metric.fields(), c.cost.parameters)
        for c in contenders
        for metric in c.metrics
    ]
    return Page(
        f"Models of {dataset.name}", [*blocks, *_figures(rankings(standings)), *_costs(contenders)]
    )


def _data(dataset: Dataset, portraits: Portraits, subject: Subject) -> list[Block]:
    facts = [f"{_count(dataset)}: {subject.model.space}."]
    facts += [dataset.provenance, f"License: {dataset.license}." if dataset.license else ""]
    content = portraits.show(subject.reference.x)
    caption = f"the {dataset.split} split" if dataset.split != "all" else "all rows"
    found: list[Block] = [Heading("The data"), Paragraph(" ".join(filter(None, facts)))]
    if content is not None:
        found.append(Gallery([Exhibit(f"{dataset.name} (data)", caption, content)]))
    return found


def _count(dataset: Dataset) -> str:
    known = isinstance(dataset.data, Batch | Rows)
    return f"{len(dataset):,} rows, split {dataset.split}" if known else f"split {dataset.split}"


def _samples(contender: Contender, portraits: Portraits) -> Exhibit | None:
    subject = contender.subject
    if not subject.generates:
        return None
    content = portraits.show(subject.samples)
    if content is None:
        return None
    given = subject.likelihood is not Likelihood.MARGINAL
    told = ", told the rows' conditions" if given else ""
    caption = f"{subject.model.architecture}, {contender.cost.parameters:,} parameters{told}"
    return Exhibit(contender.name, caption, content)


def _figures(found: Sequence[Ranking]) -> list[Block]:
    """Give likelihoods, one ranking after the other, then figures of classes and of samples."""
    blocks: list[Block] = []
    for kind, heading in _KINDS.items():
        group = [ranking for ranking in found if ranking.kind == kind]
        blocks += [Heading(heading)] if group else []
        for ranking in group:
            blocks += _ranking(ranking)
    of_classes = [ranking for ranking in found if ranking.metric in CLASSIFICATION]
    blocks += [Heading("Classification")] if of_classes else []
    for split, protocol in dict.fromkeys((r.split, r.protocol) for r in of_classes):
        group = [r for r in of_classes if (r.split, r.protocol) == (split, protocol)]
        blocks += _side_by_side(sorted(group, key=lambda r: CLASSIFICATION.index(r.metric)))
    of_samples = [r for r in found if r.kind == "" and r.metric not in CLASSIFICATION]
    protocols = dict.fromkeys((ranking.split, ranking.protocol) for ranking in of_samples)
    blocks += [Heading("Figures of samples")] if protocols else []
    for about in protocols:
        blocks += _side_by_side([r for r in of_samples if (r.split, r.protocol) == about])
    return blocks


def _ranking(ranking: Ranking) -> list[Block]:
    unit = next((str(s.figure["unit"]) for s in ranking.standings if s.figure.get("unit")), "")
    rows = [
        (place, s.model, shown(s.value, s.error), f"{s.figure.get('n') or 0:,}")
        for place, s in ranking.places()
    ]
    value = f"value in {unit}" if unit else "value"
    return [
        Heading(f"{ranking.metric}, {ranking.measure}" if ranking.measure else ranking.metric, 3),
        Paragraph(f"{ranking.split}: {ranking.protocol}"),
        Table(("place", "model", value, "n"), rows, frozenset({0, 3})),
    ]


def _side_by_side(group: Sequence[Ranking]) -> list[Block]:
    """Give figures of one protocol as one table, a column each, the best of each strong."""
    models = list(dict.fromkeys(s.model for ranking in group for s in ranking.standings))
    rows = [[name] + [""] * len(group) for name in models]
    strong: set[tuple[int, int]] = set()
    for column, ranking in enumerate(group, start=1):
        for place, standing in ranking.places():
            row = models.index(standing.model)
            rows[row][column] = shown(standing.value, standing.error)
            strong |= {(row, column)} if place == "1" and len(models) > 1 else set()
    headings = ("model", *(ranking.metric.partition(" (")[0] for ranking in group))
    about = f"{group[0].split}: {group[0].protocol}"
    return [Paragraph(about), Table(headings, rows, frozenset(), frozenset(strong))]


def _costs(contenders: Sequence[Contender]) -> list[Block]:
    timed = {
        what: name
        for what, name in _TIMED.items()
        if any(vars(c.cost)[name] is not None for c in contenders)
    }
    rows = [
        (
            c.name,
            c.subject.model.architecture,
            f"{c.cost.parameters:,}",
            *(_seconds(vars(c.cost)[name]) for name in timed.values()),
        )
        for c in sorted(contenders, key=lambda c: c.cost.parameters)
    ]
    headings = ("model", "architecture", "parameters", *(f"{ROWS} {what}" for what in timed))
    device = contenders[0].subject.model.device
    machine = f"{device} ({platform.machine()}), threads: {torch.get_num_threads()}"
    return [
        Heading("Cost"),
        Paragraph(f"Medians of wall-clock times on {machine}, torch {torch.__version__}."),
        Table(headings, rows, frozenset(range(2, len(headings)))),
    ]


def _seconds(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"
