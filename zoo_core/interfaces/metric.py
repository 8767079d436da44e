"""Metric: one measured figure of a model, and the request that asks for figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, final

from zoo_core.config import FrozenDict, thaw

if TYPE_CHECKING:
    import torch

    from zoo_core.interfaces.dataset import Dataset
    from zoo_core.interfaces.model import Model


@final
@dataclass(frozen=True)
class Metric:
    """One measured value, with what is needed to compare it with another.

    `kind` and `measure` are those of `Density` where the figure comes from a likelihood; `unit`
    is "nats", "bits" or None for a pure number; `n` counts rows; `settings` are what else the
    value depends on (the K of an IWAE bound, an ODE's tolerance, the number of samples).
    """

    name: str
    value: float
    standard_error: float | None = None
    n: int | None = None
    kind: str | None = None
    measure: str | None = None
    unit: str | None = None
    split: str = "test"
    protocol: str = ""
    settings: Mapping[str, Any] = field(default_factory=FrozenDict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", FrozenDict(self.settings))

    def fields(self) -> dict[str, Any]:
        """Give what a registry entry says of it, as plain data."""
        plain = {**vars(self), "settings": thaw(self.settings)}
        return {key: value for key, value in plain.items() if value not in (None, "", {})}


@final
@dataclass(frozen=True, eq=False)
class EvaluationRequest:
    """What to measure a model on.

    `dataset` is the split that figures are about; `train` the rows that the model was trained
    on, which figures of privacy need. `metrics` are names; none means those that suit the model
    and the data. `rng` is the source of all randomness (seed 0 where it is None); `options` are
    the evaluation's, unchecked.
    """

    dataset: Dataset
    train: Dataset | None = None
    metrics: tuple[str, ...] = ()
    rng: torch.Generator | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


MetricFunction = Callable[["Model", EvaluationRequest], Metric | Iterable[Metric]]
"""What a plugin brings as a metric: it measures a model and gives one figure or several."""
