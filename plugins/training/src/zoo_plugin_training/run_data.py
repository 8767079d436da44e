"""The rows of a run, opened by whoever reads such data, and proved to be the right ones."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import final

from zoo_core.errors import DataError
from zoo_core.interfaces.dataset import DataRequest, Dataset, Split
from zoo_core.interfaces.space import Space
from zoo_core.plugins import facade
from zoo_plugin_training.recipe import RecipeData


@final
@dataclass(frozen=True)
class RunData:
    """The rows to train on, and those to validate on where there are any."""

    train: Dataset
    valid: Dataset | None


def open_run_data(data: RecipeData, space: Space | None = None) -> RunData:
    """Open what a run reads, as rows of `space` where it is given.

    Raises DataError where the data are not those that the recipe names, or not in order;
    PluginMissingError where no installed plugin reads such data.
    """
    train = open_split(data, data.split, space)
    if data.valid is not None:
        return RunData(train, _other(data.valid, data, train))
    held_out = data.valid_share > 0 and data.split is Split.TRAIN
    return RunData(train, open_split(data, Split.VALID, space) if held_out else None)


def open_split(data: RecipeData, split: Split, space: Space | None = None) -> Dataset:
    """Open one split. Raises DataError where its hash is not the recipe's."""
    opened = facade.open_data(data.name, _request(data, split, space))
    if data.sha256 is not None and opened.sha256 != data.sha256:
        raise DataError(
            f"The recipe was made with data {data.name!r} of the sha256 {data.sha256}",
            received=f"sha256 {opened.sha256}",
            remedy="Give the same data, or train on these: zoo train … --data.",
        )
    return opened


def _other(reference: str, data: RecipeData, train: Dataset) -> Dataset:
    """Open other rows to validate on, read as the rows to train on are."""
    request = replace(_request(data, Split.ALL, train.space), alphabet=train.alphabet)
    opened = facade.open_data(reference, request)
    if data.condition and opened.classes != train.classes:
        raise DataError(
            f"Rows to validate on have the classes of {data.name!r}: {', '.join(train.classes)}",
            received=f"{', '.join(opened.classes) or 'none'} in {reference!r}",
            remedy="Give rows of every class, or leave --valid-data out.",
        )
    return opened


def _request(data: RecipeData, split: Split, space: Space | None) -> DataRequest:
    return DataRequest(
        split=split,
        condition=data.condition,
        columns=data.columns,
        weight=data.weight,
        space=data.space or space,
        mixed=data.mixed,
        draws=data.draws if split is data.split else None,
        valid_share=data.valid_share,
        test_share=data.test_share,
        length=data.length,
        documents=data.documents,
    )
