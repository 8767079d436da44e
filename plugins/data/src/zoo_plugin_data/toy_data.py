"""The toy densities as data sets: drawn once and for all from the exact models."""

from __future__ import annotations

import torch

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.interfaces.part import Part
from zoo_plugin_data.content import content_hash
from zoo_plugin_data.toy import ToyDensity

SIZES = {Split.TRAIN: 20_000, Split.VALID: 5_000, Split.TEST: 20_000}
"""Rows of each split. The splits are one draw after the other from one generator of seed 0."""


def load_toy(model_class: type[ToyDensity], split: Split) -> Dataset:
    """Draw a split from the model's default configuration; labels are the components."""
    model = model_class.create().double()
    rng = torch.Generator().manual_seed(0)
    # Drawn in double precision, so that other processors' last bits vanish in the rounding.
    draws = {part: model.sample_labelled(size, rng=rng) for part, size in SIZES.items()}
    x = {part: points.float() for part, (points, _) in draws.items()}
    labels = {part: codes for part, (_, codes) in draws.items()}
    x[Split.ALL], labels[Split.ALL] = torch.cat([*x.values()]), torch.cat([*labels.values()])
    parameters = ", ".join(f"{key}={value:.6g}" for key, value in model.config.to_json().items())
    return Dataset(
        name=model_class.architecture.removeprefix("data/"),
        split=split,
        data=Batch(x[split], labels[split]),
        classes=tuple(str(code) for code in range(model.components)),
        space=model.space,
        provenance=f"Drawn from the exact model {model_class.architecture} ({parameters}), seed 0.",
        license="CC0-1.0",
        sha256=content_hash(x[Split.ALL], labels[Split.ALL]),
        exact=Part(model_class.architecture),
    )
