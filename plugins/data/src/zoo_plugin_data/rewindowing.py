"""Text in windows of another length."""

from __future__ import annotations

import dataclasses

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.space import Space
from zoo_plugin_data.pydoc_topics import windows


def with_length(dataset: Dataset, length: int) -> Dataset:
    """Cut the text of a data set anew; what is left at its end, too short, is dropped.

    Raises DataError for a data set that is no text, or shorter than one window.
    """
    if not dataset.alphabet:
        raise DataError(
            "Windows of a length are cut from text",
            received=f"{dataset.name}, which has no alphabet",
            remedy="Leave length out.",
        )
    x = windows(dataset.x.flatten(), length)
    if not len(x):
        raise DataError(
            f"The split {dataset.split} of {dataset.name} holds a window of {length} characters",
            received=f"{dataset.x.numel()} characters",
        )
    space = Space.categorical(len(dataset.alphabet), length)
    return dataclasses.replace(dataset, data=Batch(x), space=space)
