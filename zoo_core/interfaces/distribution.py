"""ModelDistribution: a model of the zoo as torch.distributions knows distributions."""

from __future__ import annotations

from typing import Any, ClassVar, final

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.reparameterized import Reparameterized
from zoo_core.interfaces.space import Kind, Space


@final
class ModelDistribution(Distribution):
    """A view: `event_shape` is the space's shape, `batch_shape` is empty."""

    # A plain dict in the place of torch's property is torch's own form for distributions.
    arg_constraints: ClassVar[dict[str, Any]] = {}  # pyright: ignore[reportIncompatibleMethodOverride]

    def __init__(self, model: DensityModel, rng: torch.Generator | None = None) -> None:
        self.model = model
        self.rng = rng
        super().__init__(event_shape=torch.Size(model.space.shape), validate_args=False)

    @property
    def support(self) -> constraints.Constraint:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Where samples lie."""
        return constraints.independent(_entry_support(self.model.space), len(self.event_shape))

    def sample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Draw `[*sample_shape, *event_shape]`. Raises UnsupportedError for a model that can't."""
        model: Any = self.model
        model._require(Generator)
        drawn = model.sample(max(torch.Size(sample_shape).numel(), 1), rng=self.rng)
        if not isinstance(drawn, Tensor):
            raise UnsupportedError("torch.distributions has no samples of unequal length")
        return drawn[: torch.Size(sample_shape).numel()].reshape(*sample_shape, *self.event_shape)

    @property
    def has_rsample(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        """Whether samples can carry gradients."""
        return Reparameterized in self.model.provides

    def rsample(self, sample_shape: torch.Size | tuple[int, ...] = ()) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Draw as `sample` does, with gradients. Raises UnsupportedError for a model that can't."""
        if not isinstance(self.model, Reparameterized) or not self.has_rsample:
            raise UnsupportedError(f"{self.model.architecture} is not Reparameterized")
        shape = torch.Size(sample_shape)
        drawn, _ = self.model.rsample(max(shape.numel(), 1), rng=self.rng)
        return drawn[: shape.numel()].reshape(*shape, *self.event_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        """Give the model's `log_prob` of `[*batch, *event_shape]`, in nats."""
        batch = value.shape[: value.ndim - len(self.event_shape)]
        rows = value.reshape(-1, *self.event_shape)
        return self.model.log_prob(rows).reshape(batch)


def _entry_support(space: Space) -> constraints.Constraint:
    if space.entries is not None:
        each = [_entry_support(entry) for entry in space.entries]
        return constraints.cat(each, dim=-1, lengths=[1] * len(each))
    if space.kind is Kind.COUNT:
        return constraints.nonnegative_integer
    if space.kind.discrete:
        return constraints.integer_interval(0, (space.n_levels or 1) - 1)
    if space.kind is Kind.UNIT:
        return constraints.unit_interval
    if space.kind is Kind.ANGLE:
        return constraints.interval(-torch.pi, torch.pi)
    return constraints.real
