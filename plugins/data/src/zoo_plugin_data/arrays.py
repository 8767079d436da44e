"""Arrays of samples in files: which space they lie in, checked chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.space import Space
from zoo_plugin_data.values import checked

_ROWS_BYTES = 2**24


def array_space(x: np.ndarray | Tensor, given: Space | None, what: str) -> Space:
    """Give the space of rows `[n, …]`; bytes are 256 levels. Raises DataError where it is open."""
    shape = tuple(x.shape)
    if not shape or shape[0] == 0:
        raise DataError(f"{what} holds at least one row", received=f"shape {list(shape)}")
    if given is not None:
        return _fitting(given, shape, what)
    dtype = str(x.dtype).removeprefix("torch.") if isinstance(x, Tensor) else x.dtype.name
    if dtype == "bool":
        return Space.binary(*shape[1:])
    if dtype == "uint8":
        return Space.ordinal(256, *shape[1:])
    if "float" in dtype:
        return Space.real(*shape[1:])
    raise DataError(
        f"What the whole numbers of {what} mean is said",
        received=dtype,
        remedy="Give the space: ordinal with so many levels, categorical, binary or real.",
    )


def _fitting(space: Space, shape: tuple[int, ...], what: str) -> Space:
    if space.ragged or (shape[1:] != space.shape and shape[1:] != (space.size,)):
        raise DataError(
            f"{what} holds rows of the shape {list(space.shape)}",
            received=f"rows of shape {list(shape[1:])}",
            remedy="Reshape it, or give another space.",
        )
    return space


def check_array(
    rows: Callable[[int, int], np.ndarray], n: int, row_bytes: int, space: Space, what: str
) -> None:
    """Check rows that `rows(first, last)` gives, some at a time. Raises DataError."""
    step = max(1, _ROWS_BYTES // max(1, row_bytes))
    for first in range(0, n, step):
        part = rows(first, min(first + step, n))
        checked(part, space, lambda row, first=first: f"row {first + row + 1} of {what}")
