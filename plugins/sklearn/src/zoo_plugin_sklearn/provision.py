"""Provision: which methods an estimator has follows from what its model provides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from zoo_core.interfaces.model import Model
from zoo_core.registry.architectures import resolve


def provided(*interfaces: type[Model]) -> Callable[[Any], bool]:
    """Make a condition for `available_if`: the model, or its class before it is fitted, is all.

    Raises what finding the class raises; scikit-learn shows it as an AttributeError's cause.
    """

    def check(estimator: Any) -> bool:
        model = vars(estimator).get("model_")
        if model is not None:
            return set(interfaces) <= model.provides
        family = resolve(estimator.architecture)
        return all(issubclass(family, interface) for interface in interfaces)

    return check
