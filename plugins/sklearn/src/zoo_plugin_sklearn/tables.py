"""Tables: what scikit-learn's users hold as X and sample_weight, as a model takes it."""

from __future__ import annotations

import sys
from numbers import Number
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.utils.validation import (
    check_array,
    check_consistent_length,
    check_non_negative,
    column_or_1d,
    validate_data,
)
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces import cells
from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_sklearn.family import Family

DTYPES: Any = (np.float64, np.float32)
"""The dtypes that rows may keep; all others become the first."""


def checked(estimator: BaseEstimator, X: Any, family: Family, *, reset: bool = False) -> Any:
    """Check rows as scikit-learn's estimators do; give an array `[n, features]`, or a data frame.

    float32 stays float32, other numbers become float64. A data frame with columns of text or
    categories stays one: the model's space reads it. `reset` sets the names and number of
    features, else they are compared. Raises ValueError, and TypeError for sparse data.
    """
    if is_cells(X, family):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        return _some_cells(X)
    options: dict[str, Any] = {"dtype": DTYPES, "ensure_all_finite": _finite(family)}
    found: Any = validate_data(estimator, X, reset=reset, **options)
    return _none_below(estimator, family, found)


def checked_pair(
    estimator: BaseEstimator, X: Any, y: Any, family: Family, *, reset: bool, numeric: bool = False
) -> tuple[Any, np.ndarray]:
    """Check rows with their labels or, if `numeric`, one or more numbers each."""
    if is_cells(X, family):
        X, y = validate_data(estimator, X, y, reset=reset, skip_check_array=True)
        y = np.asarray(y) if numeric else column_or_1d(y, warn=True)
        check_consistent_length(X, y)
        return _some_cells(X), y
    options: dict[str, Any] = {"multi_output": numeric, "y_numeric": numeric}
    options |= {"dtype": DTYPES, "ensure_all_finite": _finite(family)}
    X, y = validate_data(estimator, X, y, reset=reset, **options)
    return _none_below(estimator, family, X), y


def _finite(family: Family) -> Any:
    return "allow-nan" if family.missing else True


def _some_cells(X: Any) -> Any:
    """Refuse a data frame without rows; whole numbers are numbers, not codes."""
    if not len(X):
        raise DataError("Data have at least one row", received="0 sample(s)")
    whole = [name for name, dtype in zip(X.columns, X.dtypes, strict=True) if dtype.kind in "iu"]
    return X.astype(dict.fromkeys(whole, np.float64))


def _none_below(estimator: BaseEstimator, family: Family, X: np.ndarray) -> np.ndarray:
    if not family.negative:
        check_non_negative(X, type(estimator).__name__)
    return X


def is_cells(X: Any, family: Family) -> bool:
    """Whether this is a pandas DataFrame to be read column by column.

    That is one with columns of text or categories; for a model of mixed tables, one that holds
    numbers and truth values.
    """
    pandas = sys.modules.get("pandas")  # whoever has a data frame has imported it
    if pandas is None or not isinstance(X, pandas.DataFrame):
        return False
    kinds = {"number" if dtype.kind in "fiu" else dtype.kind for dtype in X.dtypes}
    both = family.kind is Kind.MIXED and kinds == {"number", "b"}
    return both or not kinds <= {"number", "b"}


def ordered(X: Any, columns: tuple[str, ...] | None) -> Any:
    """Give the numbers of a data frame in the order of a model's columns; else X as it is.

    For a model that learnt the names of its columns elsewhere: arrays have none, and are taken.
    """
    found = None if columns is None else cells.columns_of(X)
    if columns is None or found is None:
        return X
    if set(found) != set(columns):
        raise DataError(
            f"The data frame has the columns {', '.join(columns)}", received=", ".join(found)
        )
    return np.column_stack([found[name] for name in columns])


def checked_weight(sample_weight: Any, n: int) -> np.ndarray | None:
    """Give a weight a row in float64. Raises ValueError, also where none is above 0."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Number):
        sample_weight = np.full(n, sample_weight)
    options: dict[str, Any] = {"dtype": np.float64, "input_name": "sample_weight"}
    weight = check_array(sample_weight, ensure_2d=False, **options)
    if weight.shape != (n,):
        raise DataError(f"sample_weight has the shape [{n}]", received=f"{list(weight.shape)}")
    check_non_negative(weight, "sample_weight")
    if not weight.any():
        raise DataError("A sample_weight is above 0", received="only weights of zero")
    return weight


def weighted_rows(
    sample_weight: Any, data: Any, *others: np.ndarray
) -> tuple[np.ndarray | None, Any, tuple[np.ndarray, ...]]:
    """Leave out rows of weight 0, which count as if they had never been there."""
    weight = checked_weight(sample_weight, len(data))
    check_consistent_length(data, *others)
    if weight is None or weight.all():
        return weight, data, others
    rows = weight.nonzero()[0]
    kept = data[rows] if isinstance(data, np.ndarray) else data.iloc[rows]
    return weight[rows], kept, tuple(other[rows] for other in others)


def dtype_of(data: Any) -> torch.dtype:
    """Give the floating dtype in which a model works on these rows."""
    single = isinstance(data, np.ndarray) and data.dtype == np.float32
    return torch.float32 if single else torch.float64


def tensor(data: Any, space: Space, device: torch.device | str) -> Tensor:
    """Give checked rows `[n, features]` as samples of a space, `[n, *shape]`. Raises DataError."""
    rows = shaped(data, space) if isinstance(data, np.ndarray) else _numbers(data, space)
    return space.tensor(rows).to(device)


def _numbers(frame: Any, space: Space) -> Tensor:
    """Give the cells of a checked data frame in float64, levels with names as their numbers."""
    columns = cells.columns_of(frame) or {}
    entries = zip(space.columns or columns, space.entry_spaces, strict=True)
    found = [cells.numbers(columns[name], entry.names, name) for name, entry in entries]
    return torch.from_numpy(np.stack(found, 1))


def shaped(data: np.ndarray, space: Space | None) -> Tensor:
    """Give rows as a tensor, in the shape of a space where that is known."""
    # torch warns of memory that it may not write, which is none of the user's business.
    x = torch.from_numpy(np.ascontiguousarray(data) if data.flags.writeable else data.copy())
    if space is None or space.ragged or space.size != data.shape[1]:
        return x
    return x.reshape(len(data), *space.shape)


def array(values: Tensor) -> np.ndarray:
    """Give samples as rows `[n, features]`, or what has one number a row as a vector."""
    flat = values.detach().cpu()
    return (flat.flatten(1) if flat.ndim > 1 else flat).numpy()


def real_space(data: np.ndarray, columns: Any, family: Family) -> Space:
    """Say that each column of a table holds real numbers, of a mixed table too."""
    if family.kind is Kind.MIXED:
        names = columns if columns is not None else [f"x{i}" for i in range(data.shape[1])]
        return Space.mixed({str(name): Space.real() for name in names}, missing=family.missing)
    return widened(Space.real(data.shape[1]), family, columns)


def widened(space: Space, family: Family, columns: Any) -> Space:
    """Say of an inferred space what X says beside its numbers.

    Values may be missing from later rows where the family allows it, and columns have names.
    """
    if space.ragged:
        return space
    fields = space.to_json()
    fields["missing"] = space.missing or family.missing
    if columns is not None and space.shape == (len(columns),) and space.columns is None:
        fields["columns"] = list(columns)
    return Space.parse(fields)
