"""Family: what an architecture makes of a table, as its own inference of a space says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

import torch

from zoo_core.config import FrozenDict
from zoo_core.errors import ZooError
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.latent import Latent
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.space import Kind
from zoo_core.registry.architectures import resolve


@final
@dataclass(frozen=True)
class Family:
    """The kind of the numbers of a table, and whether some of them may be missing."""

    kind: Kind = Kind.REAL
    missing: bool = False

    @classmethod
    def of(cls, architecture: Any, config: Any) -> Family:
        """Ask an architecture with these fields; of one that isn't there nothing is known."""
        try:
            return _asked(resolve(architecture), FrozenDict(config or {}))
        except (ZooError, TypeError, AttributeError):
            return cls()


@lru_cache(maxsize=256)
def _asked(model: type[Model], fields: Mapping[str, Any]) -> Family:
    """Show it a table of zeros and ones, and one with a hole."""
    whole = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    found = _built(model, whole, fields)
    if found is None:
        return Family()
    holed = whole.clone()
    holed[0, 0] = torch.nan
    return Family(found.space.kind, _reads(_built(model, holed, fields), holed))


def _built(model: type[Model], table: torch.Tensor, fields: Mapping[str, Any]) -> Any:
    """Build for a table, of two classes where the model is of classes too; None if it can't be."""
    labels = torch.tensor([0, 1, 1])
    for condition in (labels, None):
        try:
            return model.for_data(table, condition=condition, **fields)
        except ValueError:
            continue
    return None


def _reads(model: Any, table: torch.Tensor) -> bool:
    """Whether a model scores such rows."""
    if model is None:
        return False
    try:
        with torch.no_grad():
            if Classifier in model.provides:
                return bool(model.log_class_prob(table).isfinite().all())
            if DensityModel in model.provides:
                return bool(model.log_prob(table).isfinite().all())
            return Latent in model.provides and bool(model.encode(table).isfinite().all())
    except ValueError:
        return False
