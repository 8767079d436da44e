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
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.randomness import rng
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


_WHOLE = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
_LABELS = torch.tensor([0, 1, 1])


@lru_cache(maxsize=256)
def _asked(model: type[Model], fields: Mapping[str, Any]) -> Family:
    """Show it a table of zeros and ones, and one with a hole."""
    found = _built(model, _WHOLE, fields)
    if found is None:
        return Family()
    holed = _WHOLE.clone()
    holed[0, 0] = torch.nan
    return Family(found.space.kind, _reads(_built(model, holed, fields), holed))


def _built(model: type[Model], table: torch.Tensor, fields: Mapping[str, Any]) -> Any:
    """Build for a table, of two classes where the model is of classes too; None if it can't be."""
    for condition in (_LABELS, None):
        try:
            return model.for_data(table, condition=condition, **fields)
        except ValueError:
            continue
    return None


def _reads(model: Any, table: torch.Tensor) -> bool:
    """Whether a model learns from such rows, unless that is a trainer's work, and scores them."""
    if model is None:
        return False
    try:
        if type(model)._fit is not Model._fit:
            model.fit(table, condition=_LABELS if model.is_conditional else None, rng=rng(0))
        with torch.no_grad():
            return bool(_scores(model, table).isfinite().all())
    except ValueError:
        return False


def _scores(model: Any, table: torch.Tensor) -> torch.Tensor:
    if Classifier in model.provides:
        return model.log_class_prob(table)
    return model.log_prob(table) if DensityModel in model.provides else model.encode(table)
