"""TorchRows: torch's map-style Dataset as Rows."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, TypeGuard, final

from jaxtyping import Int
from torch import Tensor
from torch.utils.data import Dataset, IterableDataset, default_collate

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.rows import Rows


def is_map_style(data: Any) -> TypeGuard[Dataset[Any]]:
    """Say whether data are a torch Dataset whose items are fetched by number."""
    return isinstance(data, Dataset) and not isinstance(data, IterableDataset)


@final
class TorchRows(Rows):
    """The items of a map-style Dataset: x, or (x, condition)."""

    def __init__(self, dataset: Dataset[Any]) -> None:
        if not isinstance(dataset, Sized):
            raise DataError(
                "A torch Dataset says how many items it has",
                received=f"{type(dataset).__name__} without __len__",
            )
        self._dataset, self._length = dataset, len(dataset)

    def __len__(self) -> int:
        """How many items there are."""
        return self._length

    def take(self, rows: Int[Tensor, " k"]) -> Batch:
        """Fetch items and put them together. Raises DataError where they don't fit together."""
        items = [_pair(self._dataset[number], number) for number in rows.tolist()]
        xs, conditions = zip(*items, strict=True)
        told = [condition is not None for condition in conditions]
        if any(told) != all(told):
            raise DataError("Every item has a condition, or none has", received="some of both")
        x = _together(xs, rows)
        return Batch(x, _together(conditions, rows) if all(told) else None)


def _pair(item: Any, number: int) -> tuple[Any, Any]:
    if not isinstance(item, tuple | list):
        return item, None
    if len(item) not in (1, 2):
        raise DataError(
            "An item of a torch Dataset is x, or (x, condition)",
            received=f"{len(item)} things in item {number}",
            remedy="Wrap the Dataset in one that gives these two.",
        )
    return item[0], item[1] if len(item) == 2 else None


def _together(values: tuple[Any, ...], rows: Tensor) -> Any:
    try:
        together = default_collate(list(values))
    except (TypeError, ValueError, RuntimeError) as error:
        raise DataError(
            "Items of a torch Dataset are tensors, arrays or numbers of one shape",
            received=f"{str(error).splitlines()[0]} (items {rows.tolist()[:3]}, …)",
            remedy="Turn pictures into tensors in the Dataset's transform.",
        ) from None
    return together if isinstance(together, Tensor) else list(together)
