"""The figures of pretrained models on a test split."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.publishing import Metric
from zoo_plugin_data.dataset import Dataset

DRAWS = 16
"""How often the dequantising noise of discrete data is drawn; the log-densities are averaged."""


@torch.no_grad()
def measure(model: Any, test: Dataset, name: str) -> Metric:
    """Measure bits/dim of discrete data, or the NLL in nats of continuous ones."""
    density = model.density
    protocol = f"mean over rows of {test.name}"
    if model.preprocessing.dequantizes:
        protocol += f"; log-densities averaged over {DRAWS} draws of uniform dequantisation, seed 0"
    rows = -row_log_prob(model, test)
    if name == "bits/dim":
        rows = rows / (test.space.size * math.log(2))
    return Metric(
        name=name,
        value=round(float(rows.mean()), 4),
        standard_error=round(float(rows.std() / math.sqrt(len(rows))), 4),
        n=len(rows),
        kind=str(density.kind),
        measure=str(density.measure),
        split=str(test.split),
        protocol=protocol,
    )


def row_log_prob(model: Any, test: Dataset) -> Tensor:
    """Give the log-density of each row in nats, averaged over the dequantising noise."""
    told = test.labels if model.is_conditional else None
    rng, draws = zoo.rng(0), DRAWS if model.preprocessing.dequantizes else 1
    each = [model.log_prob(test.x, condition=told, rng=rng).double() for _ in range(draws)]
    return torch.stack(each).mean(0)
