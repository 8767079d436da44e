"""The rows that a model was trained on, opened only where a figure needs them."""

from __future__ import annotations

from collections.abc import Sequence

from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.interfaces.model import Model
from zoo_core.plugins import facade
from zoo_plugin_evaluation.catalogue import ALL, BUILT_IN, PRIVACY, Wanted
from zoo_plugin_evaluation.data_choice import DataChoice, own_data


def training_rows(
    ref: str, model: Model, text: str | None, wanted: Sequence[Wanted]
) -> Dataset | None:
    """Open the training rows that are named, or the model's own; None where no figure needs any.

    A data set by name has its training split; a file that is named holds training rows only.
    """
    if not any(each.name in (*PRIVACY, ALL) or each.name not in BUILT_IN for each in wanted):
        return None
    own = own_data(ref)
    if text is not None:
        split = Split.TRAIN if text in facade.datasets() else Split.ALL
        fields = {} if own is None else own.fields
        return DataChoice(text, fields).open(split, model.space)
    return None if own is None else own.open(own.trained, model.space)
