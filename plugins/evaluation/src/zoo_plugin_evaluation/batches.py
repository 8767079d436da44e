"""The rows of a data set, batch by batch, and some of them in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.randomness import rng
from zoo_core.interfaces.rows import Rows


def batches_of(dataset: Dataset, size: int) -> Iterator[Batch]:
    """Go through all rows in their order, at most `size` at once."""
    data = dataset.data
    for batch in [data] if isinstance(data, Batch) else data:
        if len(batch) <= size:
            yield batch
            continue
        for rows in torch.arange(len(batch)).split(size):
            yield batch.take(rows)


def some_rows(dataset: Dataset, most: int, seed: int) -> Batch:
    """Give all rows, or a seeded choice of `most`; of a stream, its first rows."""
    data = dataset.data
    if isinstance(data, Batch | Rows):
        return data.take(_chosen(len(data), most, seed))
    found, count = [], 0
    for batch in data:
        found.append(batch)
        count += len(batch)
        if count >= most:
            break
    return _joined(found).take(torch.arange(min(count, most)))


def weight_of(batch: Batch) -> Tensor:
    """Give how much each row counts, in float64 on the CPU."""
    if batch.weight is None:
        return torch.ones(len(batch), dtype=torch.float64)
    return batch.weight.double().cpu()


def _chosen(n: int, most: int, seed: int) -> Tensor:
    if n <= most:
        return torch.arange(n)
    return torch.randperm(n, generator=rng(seed))[:most]


def _joined(batches: list[Batch]) -> Batch:
    if isinstance(batches[0].x, Ragged):
        x = Ragged.cat([cast("Ragged", batch.x) for batch in batches])
    else:
        x = torch.cat([cast("Tensor", batch.x) for batch in batches])
    told = [batch.condition for batch in batches]
    weights = [batch.weight for batch in batches if batch.weight is not None]
    condition = None if told[0] is None else torch.cat(told)
    return Batch(x, condition, torch.cat(weights) if len(weights) == len(batches) else None)
