"""Requests to fit: data, conditions and weights, checked before anything changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import torch
from torch import Tensor

from zoo_core.errors import ConditionError, DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.ragged import Ragged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo_core.interfaces.model import Model


def checked_batches(
    model: Model, data: Any, condition: Any, weight: Any
) -> Batch | Iterable[Batch]:
    """Check everything that `fit` was given; conditions become Codes, weights a vector.

    A pair `(x, condition)` and a Batch carry their own. A re-iterable of Batches is checked as it
    is read. Raises DataError or ConditionError.
    """
    if isinstance(data, tuple) and len(data) == 2 and condition is None:
        data, condition = data
    if isinstance(data, Batch):
        return _checked(model, data.x, data.condition, data.weight)
    if _is_stream(data):
        return CheckedStream(model, data)
    return _checked(model, data, condition, weight)


def _is_stream(data: Any) -> bool:
    """Tell a re-iterable of Batches from an array, by its first element."""
    if isinstance(data, Tensor | Ragged) or not isinstance(data, Iterable):
        return False
    if iter(data) is data:
        raise DataError(
            "Data are read more than once",
            received=f"{type(data).__name__}, which can be read once",
            remedy="Give an object whose __iter__ starts again, or a list of Batches.",
        )
    return isinstance(next(iter(data), None), Batch)


@final
@dataclass(frozen=True)
class CheckedStream:
    """A re-iterable of Batches, each checked as it passes."""

    model: Model
    batches: Iterable[Batch]

    def __iter__(self) -> Iterator[Batch]:
        return (_checked(self.model, b.x, b.condition, b.weight) for b in self.batches)


def _checked(model: Model, x: Any, condition: Any, weight: Any) -> Batch:
    x = model._checked(x, anywhere=True)
    n = len(x)
    return Batch(x, _checked_condition(model, condition, n), _checked_weight(weight, n))


def _checked_condition(model: Model, condition: Any, n: int) -> Codes | None:
    if not model.is_conditional:
        if condition is not None:
            model._codes_of(condition, n)
        return None
    if condition is None:
        raise ConditionError(
            f"{model.architecture} is trained on data with conditions",
            remedy="Pass condition=…, one a row.",
        )
    return condition if isinstance(condition, Codes) else model._codes_of(condition, n)


def _checked_weight(weight: Any, n: int) -> Tensor | None:
    if weight is None:
        return None
    weight = torch.as_tensor(weight, dtype=torch.float64)
    good = weight.shape == (n,) and bool(torch.isfinite(weight).all() and (weight >= 0).all())
    if not good or float(weight.sum()) == 0:
        raise DataError(
            f"Weights are {n} finite numbers, none negative, not all zero",
            received=f"shape {list(weight.shape)}, "
            f"from {weight.min().item() if weight.numel() else '-'}",
        )
    return weight
