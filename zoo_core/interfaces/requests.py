"""Requests to fit: data, conditions and weights, checked before anything changes."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import torch
from jaxtyping import Int
from torch import Tensor

from zoo_core.errors import ConditionError, DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.rows import Rows
from zoo_core.interfaces.torch_rows import TorchRows, is_map_style

if TYPE_CHECKING:
    from collections.abc import Iterator

    from zoo_core.interfaces.model import Model


def checked_batches(
    model: Model, data: Any, condition: Any, weight: Any, *, screened: bool = False
) -> Batch | Iterable[Batch]:
    """Check everything that `fit` was given; conditions become Codes, weights a vector.

    A pair `(x, condition)`, a Batch, Rows and the items of torch's map-style Dataset carry their
    own conditions. Rows and a re-iterable of Batches are checked as they are read. With `screened`
    the model looks itself whether the real numbers of a Batch are finite. Raises DataError or
    ConditionError.
    """
    if isinstance(data, tuple) and len(data) == 2 and condition is None:
        data, condition = data
    if isinstance(data, Batch):
        return _checked(model, data.x, data.condition, data.weight, screened=screened)
    if is_map_style(data):
        data = TorchRows(data)
    if isinstance(data, Rows):
        _refuse_beside(data, condition, weight)
        return CheckedRows(model, data)
    if _is_stream(data):
        _refuse_beside(data, condition, weight)
        return CheckedStream(model, data)
    return _checked(model, data, condition, weight, screened=screened)


def _refuse_beside(data: Any, condition: Any, weight: Any) -> None:
    if condition is not None or weight is not None:
        raise DataError(
            "Rows that are read one batch after another bring their own conditions and weights",
            received=f"{type(data).__name__}, and condition= or weight= beside it",
            remedy="Put them into each Batch(x, condition, weight).",
        )


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
        return (_checked(self.model, b.x, b.condition, b.weight, whole=False) for b in self.batches)


@final
class CheckedRows(Rows):
    """Rows, each checked when it is fetched; the first at once."""

    def __init__(self, model: Model, rows: Rows) -> None:
        self._model, self._rows = model, rows
        if len(rows) == 0:
            raise DataError("Data have at least one row", received="none")
        self.take(torch.zeros(1, dtype=torch.int64))

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def take(self, rows: Int[Tensor, " k"]) -> Batch:
        """Fetch rows and check them. Raises DataError or ConditionError, naming the row."""
        batch = self._rows.take(rows)
        try:
            return _checked(self._model, batch.x, batch.condition, batch.weight, whole=False)
        except (DataError, ConditionError):
            self._name_the_row(rows)
            raise

    def _name_the_row(self, rows: Tensor) -> None:
        """Raise the error of the first of these rows that is wrong by itself."""
        for number in rows.tolist():
            row = self._rows.take(torch.tensor([number]))
            try:
                _checked(self._model, row.x, row.condition, row.weight, whole=False)
            except (DataError, ConditionError) as error:
                value = str(error.received).partition(" at row ")[0]
                received = f"{value}, in row {number} of {len(self)} (the first is 0)"
                raise type(error)(error.rule, received=received, remedy=error.remedy) from None


def _checked(
    model: Model,
    x: Any,
    condition: Any,
    weight: Any,
    *,
    whole: bool = True,
    screened: bool = False,
) -> Batch:
    """Check rows; of the whole data, at least one has a weight above 0."""
    x = model._checked(x, anywhere=True, screened=screened)
    n = len(x)
    return Batch(x, _checked_condition(model, condition, n), checked_weight(weight, n, whole))


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


def checked_weight(weight: Any, n: int, whole: bool) -> Tensor | None:
    """Give a weight a row in float64; with `whole`, some are above 0. Raises DataError."""
    if weight is None:
        return None
    weight = torch.as_tensor(weight, dtype=torch.float64)
    # A sum is finite only if all its terms are.
    good = weight.shape == (n,) and math.isfinite(weight.sum()) and bool((weight >= 0).all())
    if not good or (whole and float(weight.sum()) == 0):
        raise DataError(
            f"Weights are {n} finite numbers, none negative, not all zero",
            received=f"shape {list(weight.shape)}, "
            f"from {weight.min().item() if weight.numel() else '-'}",
        )
    return weight
