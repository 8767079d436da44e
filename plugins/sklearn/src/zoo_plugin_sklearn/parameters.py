"""Parameters inside of parameters: `config__n_components` is the entry of the mapping `config`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import PydanticUndefined

from zoo_core.errors import ZooError
from zoo_core.registry.architectures import resolve

MAPPINGS = ("config", "fit_options")
"""The parameters whose entries are parameters too."""

_INFERRED = ("space", "conditioner")
"""Fields that follow from the data unless they are given; their defaults say nothing."""


def entries(name: str, value: Any) -> dict[str, Any]:
    """Name the entries of one mapping as scikit-learn names nested parameters."""
    given = value if isinstance(value, Mapping) else {}
    return {f"{name}__{key}": entry for key, entry in given.items()}


def defaults(architecture: Any) -> dict[str, Any]:
    """Give the fields of an architecture's configuration that have a default, with it.

    Of an architecture that isn't there nothing is known; `fit` says so.
    """
    if not isinstance(architecture, str):
        return {}
    try:
        fields = resolve(architecture).Config.model_fields
    except ZooError:
        return {}
    return {
        name: field.default
        for name, field in fields.items()
        if field.default is not PydanticUndefined and name not in _INFERRED
    }


def split(params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Part parameters into an estimator's own and those inside of its mappings."""
    own: dict[str, Any] = {}
    inner: dict[str, dict[str, Any]] = {}
    for name, value in params.items():
        mapping, found, key = name.partition("__")
        if found and mapping in MAPPINGS:
            inner.setdefault(mapping, {})[key] = value
        else:
            own[name] = value
    return own, inner
