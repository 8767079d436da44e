"""The figures of pretrained models on a test split."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.publishing import Metric
from zoo_core.interfaces.dataset import Dataset

DRAWS = 16
"""How often the dequantising noise of discrete data is drawn; the log-densities are averaged."""
EXACT = ("data/moons", "data/checkerboard", "data/eight-gaussians")
"""The exact models that data sets are drawn from."""


@torch.no_grad()
def measure(model: Any, test: Dataset, name: str) -> list[Metric]:
    """Measure bits/dim of discrete data, or the NLL in nats of continuous ones.

    Where the data come from an exact model, the divergence from it is measured too, row by row: it
    is what the NLL has above the entropy, without the noise that both have from the draw of rows.
    """
    density = model.density
    protocol = f"mean over rows of {test.name}"
    if model.preprocessing.dequantizes:
        protocol += f", each over {DRAWS} draws of uniform dequantisation, seed 0"
    rows = -row_log_prob(model, test)
    if name == "bits/dim":
        rows = rows / (test.space.size * math.log(2))
    kind = {"kind": str(density.kind), "measure": str(density.measure)}
    metrics = [Metric(name=name, **figure(rows), **kind, split=str(test.split), protocol=protocol)]
    if f"data/{test.name}" in EXACT:
        exact = zoo.create(f"data/{test.name}").double()
        excess = rows + exact.log_prob(test.x.double())
        protocol = f"mean over rows of {test.name} of log p(x) - log q(x), p the exact density"
        metrics.append(
            Metric("KL divergence", **figure(excess), split=str(test.split), protocol=protocol)
        )
    return metrics


def figure(rows: Tensor) -> dict[str, Any]:
    """Give mean, standard error and number of rows."""
    error = float(rows.std() / math.sqrt(len(rows)))
    return {
        "value": round(float(rows.mean()), 4),
        "standard_error": round(error, 4),
        "n": len(rows),
    }


def row_log_prob(model: Any, test: Dataset) -> Tensor:
    """Give the log-density of each row in nats, averaged over the dequantising noise."""
    told = test.labels if model.is_conditional else None
    rng, draws = zoo.rng(0), DRAWS if model.preprocessing.dequantizes else 1
    each = [model.log_prob(test.x, condition=told, rng=rng).double() for _ in range(draws)]
    return torch.stack(each).mean(0)
