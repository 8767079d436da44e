"""Columns of a data set in memory, chosen by name."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import DataRequest, Dataset
from zoo_core.interfaces.space import Kind, Space
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

    condition, classes = dataset.condition, dataset.classes
    if told:
        space = dataset.space.entry_spaces[columns.index(told[0])]
        coded = len(told) == 1 and space.kind in (Kind.CATEGORICAL, Kind.BINARY, Kind.ORDINAL)
        condition, classes = _codes(at(told), space) if coded else (_vector(at(told)), ())
    batch = Batch(at(kept), condition, at(weight)[:, 0].double() if weight else None)
    return dataclasses.replace(
        dataset, data=batch, space=_columns_of(dataset.space, kept), classes=classes
    )


def _codes(column: Tensor, space: Space) -> tuple[Tensor, tuple[str, ...]]:
    """Give a column of categories as classes with their names; −1 where it is missing."""
    codes = column[:, 0].double().nan_to_num(-1.0).long()
    return codes, space.names or tuple(map(str, range(space.n_levels or 0)))


def _vector(columns: Tensor) -> Tensor:
    """Give columns as a vector a row. Raises DataError where one is missing."""
    vector = columns.to(torch.get_default_dtype())
    if bool(torch.isnan(vector).any()):
        row = int(torch.isnan(vector).any(1).nonzero()[0])
        raise DataError(
            "A condition of numbers has one in every row", received=f"none in row {row}"
        )
    return vector


def _columns_of(space: Space, kept: tuple[str, ...]) -> Space:
    """Give the space of some columns of a table, mixed only where they are of several kinds."""
    if space.entries is None:
        return Space.parse({**space.to_json(), "shape": (len(kept),), "columns": kept})
    entries = dict(zip(space.columns or (), space.entries, strict=True))
    chosen = {name: entries[name] for name in kept}
    if all(entry == Space.real() for entry in chosen.values()):
        return Space.real(len(kept), columns=kept, missing=space.missing)
    return Space.mixed(chosen, missing=space.missing)


def _is_told(dataset: Dataset) -> bool:
    data = dataset.data
    return data.condition is not None if isinstance(data, Batch) else bool(dataset.classes)


def _lying_in(space: Space, dataset: Dataset) -> Dataset:
    if space == dataset.space:
        return dataset
    x = space.check(space.tensor(dataset.x), what=f"{dataset.name}, opened as {space}")
    weight = dataset.data.weight if isinstance(dataset.data, Batch) else None
    return dataclasses.replace(dataset, data=Batch(x, dataset.condition, weight), space=space)
