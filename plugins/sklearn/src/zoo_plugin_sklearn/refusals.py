"""Refusals: the zoo's errors as scikit-learn's users catch them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, final

from zoo_core.errors import DataError, TrainingError, ZooError


@final
class ParameterError(ZooError, ValueError):
    """An estimator's parameters don't make a model, or not one of the kind that it wraps."""


@contextmanager
def as_value_errors() -> Iterator[None]:
    """Raise the zoo's refusals as ValueErrors; most of them are.

    An unknown architecture, an option that a model doesn't have, or what it can't do become a
    ParameterError with the same words, chained to the first. Training that broke down stays a
    TrainingError.
    """
    try:
        yield
    except (ValueError, TrainingError):
        raise
    except ZooError as error:
        raise ParameterError(error.rule, received=error.received, remedy=error.remedy) from error


@contextmanager
def of_table(data: Any) -> Iterator[None]:
    """Say of how many rows and features the data are that a model refuses to be fitted to."""
    try:
        yield
    except DataError as error:
        size = f"n_samples = {data.shape[0]}, n_features = {data.shape[1]}"
        received = size if error.received is None else f"{error.received}; {size}"
        raise DataError(error.rule, received=received, remedy=error.remedy) from error
