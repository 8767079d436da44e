"""Provision: which methods an estimator has follows from what its model provides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from zoo_core.interfaces.fitting import FitReport
from zoo_core.interfaces.model import Model
from zoo_core.registry.architectures import resolve


@runtime_checkable
class LearnsMore(Protocol):
    """A model that learns rows beside those that it knows already, as naive Bayes does."""

    def partial_fit(self, x: Any, *, condition: Any = None, weight: Any = None) -> FitReport:
        """Learn more rows."""
        ...


def provided(*interfaces: type[Model]) -> Callable[[Any], bool]:
    """Make a condition for `available_if`: the model, or its class before it is fitted, is all."""

    def check(estimator: Any) -> bool:
        model = vars(estimator).get("model_")
        if model is not None:
            return set(interfaces) <= model.provides
        return all(issubclass(resolve(estimator.architecture), one) for one in interfaces)

    return check


def learns_more(estimator: Any) -> bool:
    """Whether an estimator's model learns batch by batch."""
    return issubclass(resolve(estimator.architecture), LearnsMore)
