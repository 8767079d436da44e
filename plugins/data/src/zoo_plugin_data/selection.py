"""Columns of a data set in memory, chosen by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import DataRequest, Dataset
from zoo_core.interfaces.space import Space
from zoo_plugin_data.closest import did_you_mean

LABEL = "label"
"""What the classes of a data set are called where it is opened by name."""


def selected(dataset: Dataset, request: DataRequest) -> Dataset:
    """Choose the condition, weight and data columns that a request names.

    A data set with classes has the condition "label", which is its own without being asked for.
    Raises DataError for a name that isn't there.
    """
    named = (*request.condition, *request.columns, *([request.weight] if request.weight else []))
    if not named or named == (LABEL,) == request.condition:
        _refuse_unlabelled(dataset, named)
        return dataset
    columns = dataset.space.columns or ()
    for name in named:
        if name not in columns:
            known = [*columns, *([LABEL] if dataset.classes else [])]
            remedy = did_you_mean(name, known)
            raise DataError(f"{dataset.name} has a column {name!r}", received="none", remedy=remedy)
    return _taken(dataset, request, list(columns))


def _refuse_unlabelled(dataset: Dataset, named: tuple[str, ...]) -> None:
    if named and not dataset.classes:
        known = dataset.space.columns or ()
        raise DataError(
            f"{dataset.name} has classes", received="none", remedy=did_you_mean(LABEL, known)
        )


def _taken(dataset: Dataset, request: DataRequest, columns: list[str]) -> Dataset:
    used = {*request.condition, request.weight}
    kept = request.columns or tuple(name for name in columns if name not in used)

    def at(names: Iterable[str]) -> Tensor:
        return dataset.x[:, [columns.index(name) for name in names]]

    told, classes = dataset.condition, dataset.classes
    if request.condition:
        told, classes = at(request.condition).to(torch.get_default_dtype()), ()
    weight = at((request.weight,))[:, 0].double() if request.weight else None
    space = Space.parse({**dataset.space.to_json(), "shape": (len(kept),), "columns": kept})
    batch = Batch(at(kept), told, weight)
    return dataclasses.replace(dataset, data=batch, space=space, classes=classes)
