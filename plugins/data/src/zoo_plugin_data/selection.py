"""Columns of a data set in memory, chosen by name."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import DataRequest, Dataset
from zoo_core.interfaces.space import Space
from zoo_plugin_data.closest import did_you_mean

LABEL = "label"
"""What the condition of a data set is called where it is opened by name."""


def selected(dataset: Dataset, request: DataRequest) -> Dataset:
    """Choose the condition, weight and data columns that a request names, and the space.

    A data set with conditions has them under the name "label", without being asked for. Raises
    DataError for a name that isn't there, or rows outside the space.
    """
    columns = dataset.space.columns or ()
    own = request.condition == (LABEL,) and _is_told(dataset)
    told = () if own else request.condition
    weight = () if request.weight is None else (request.weight,)
    for name in (*told, *request.columns, *weight):
        if name not in columns:
            labels = [LABEL] if _is_told(dataset) else []
            raise DataError(
                f"{dataset.name} has a column {name!r}",
                received="no such column",
                remedy=did_you_mean(name, [*columns, *labels]),
            )
    if told or request.columns or weight:
        dataset = _taken(dataset, told, request.columns, weight)
    return dataset if request.space is None else _lying_in(request.space, dataset)


def _taken(
    dataset: Dataset, told: tuple[str, ...], chosen: tuple[str, ...], weight: tuple[str, ...]
) -> Dataset:
    columns = list(dataset.space.columns or ())
    kept = chosen or tuple(name for name in columns if name not in (*told, *weight))

    def at(names: tuple[str, ...]) -> Tensor:
        return dataset.x[:, [columns.index(name) for name in names]]

    batch = Batch(
        at(kept),
        at(told).to(torch.get_default_dtype()) if told else dataset.condition,
        at(weight)[:, 0].double() if weight else None,
    )
    space = Space.parse({**dataset.space.to_json(), "shape": (len(kept),), "columns": kept})
    classes = () if told else dataset.classes
    return dataclasses.replace(dataset, data=batch, space=space, classes=classes)


def _is_told(dataset: Dataset) -> bool:
    data = dataset.data
    return data.condition is not None if isinstance(data, Batch) else bool(dataset.classes)


def _lying_in(space: Space, dataset: Dataset) -> Dataset:
    if space == dataset.space:
        return dataset
    x = space.check(space.tensor(dataset.x), what=f"{dataset.name}, opened as {space}")
    weight = dataset.data.weight if isinstance(dataset.data, Batch) else None
    return dataclasses.replace(dataset, data=Batch(x, dataset.condition, weight), space=space)
