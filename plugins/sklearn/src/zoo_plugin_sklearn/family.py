"""Family: what an architecture makes of a table, as its own inference of a space says."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

import torch

from zoo_core.config import FrozenDict
from zoo_core.errors import ZooError
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.randomness import rng
from zoo_core.interfaces.space import Kind, Space
from zoo_core.registry.architectures import resolve


def space_of(given: Any) -> Space | None:
    """Read the space that a configuration gives: as a Space or as JSON data."""
    return given if given is None or isinstance(given, Space) else Space.parse(given)


@final
@dataclass(frozen=True)
class Family:
    """The kind of a table's numbers, where it is known; whether they may be missing, or below 0."""

    kind: Kind | None = None
    missing: bool = False
    negative: bool = True

    @classmethod
    def of(cls, architecture: Any, config: Any) -> Family:
        """Ask an architecture, by its name or class; of one that isn't there nothing is known."""
        try:
            model = architecture if isinstance(architecture, type) else resolve(architecture)
            return _asked(model, FrozenDict(config or {}))
        except (ZooError, TypeError, AttributeError):
            return cls()


@lru_cache(maxsize=256)
def _asked(model: type[Model], fields: Mapping[str, Any]) -> Family:
    """Show it a table of zeros and ones, one with a hole, and one with numbers below 0."""
    space = space_of(fields.get("space"))
    shape = (2,) if space is None or space.ragged else space.shape
    entries = torch.arange(math.prod(shape)).expand(3, -1) + torch.arange(3)[:, None]
    whole = entries.remainder(2).float().reshape(3, *shape)
    found = _built(model, whole, fields)
    if found is None and space is None:
        mixed = Space.mixed({"a": Space.real(), "b": Space.real()}, missing=True)
        found, fields = _built(model, whole, {**fields, "space": mixed}), {**fields, "space": mixed}
    if found is None:
        return Family()
    holed, lower = whole.clone(), whole - 0.5
    holed[0] = holed[0].flatten().index_fill(0, torch.tensor(0), torch.nan).reshape(shape)
    return Family(
        found.space.kind,
        missing=_reads(_built(model, holed, fields), holed),
        negative=_reads(_built(model, lower, fields), lower),
    )


def _built(model: type[Model], table: torch.Tensor, fields: Mapping[str, Any]) -> Any:
    """Build for a table, of two classes where the model is of classes; None if it can't be."""
    try:
        return model.for_data(table, condition=_labels(model), **fields)
    except ValueError:
        return None


def _labels(model: type[Model]) -> torch.Tensor | None:
    return torch.tensor([0, 1, 1]) if issubclass(model, Classifier) else None


def _reads(model: Any, table: torch.Tensor) -> bool:
    """Whether a model learns from such rows, unless that is a trainer's work, and scores them."""
    if model is None:
        return False
    try:
        if type(model)._fit is not Model._fit:
            model.fit(table, condition=_labels(type(model)), rng=rng(0))
        with torch.no_grad():
            return bool(_scores(model, table).isfinite().all())
    except ValueError:
        return False


def _scores(model: Any, table: torch.Tensor) -> torch.Tensor:
    if Classifier in model.provides:
        return model.log_class_prob(table)
    return model.log_prob(table) if DensityModel in model.provides else model.encode(table)
