"""Fresh rows from the exact model of a data set."""

from __future__ import annotations

import dataclasses

import torch

from zoo_core.config import thaw
from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.registry import create
from zoo_plugin_data.toy import ToyDensity

SEED = 1
"""The seed of fresh draws; the fixed splits are drawn with seed 0."""


def with_draws(dataset: Dataset, n: int) -> Dataset:
    """Put n fresh rows of seed 1 in the place of the training split.

    Raises DataError where the rows were not drawn from a toy density, or for another split.
    """
    if dataset.split not in (Split.TRAIN, Split.ALL):
        raise DataError("Fresh draws are rows to train on", received=f"split {dataset.split}")
    model = (
        None
        if dataset.exact is None
        else create(dataset.exact.architecture, **thaw(dataset.exact.config))
    )
    if not isinstance(model, ToyDensity):
        raise DataError(
            "Fresh rows are drawn from a density that is known",
            received=f"{dataset.name}, which is what was observed",
            remedy="Leave draws out.",
        )
    rng = torch.Generator().manual_seed(SEED)
    x, labels = model.double().sample_labelled(n, rng=rng)
    provenance = f"{n} fresh rows, seed {SEED}. {dataset.provenance}"
    return dataclasses.replace(dataset, data=Batch(x.float(), labels), provenance=provenance)
