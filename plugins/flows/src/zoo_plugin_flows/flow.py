"""What all flows share: a bijection between data and normal noise, hence an exact density."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Self, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.config import Config
from zoo_core.errors import DataError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.part import Part, Provides
from zoo_core.interfaces.preprocessing import (
    Dequantize,
    Logit,
    Standardize,
    Step,
    default_preprocessing,
)
from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_flows.coupling import CouplingStack
from zoo_plugin_flows.elementwise import Elementwise


class FlowConfig(Config):
    """The fields that every coupling flow has.

    space: what one sample is; its entries are flattened. preprocessing: maps from data to network
    space; unless given the usual ones for the space, which are then written down here.
    conditioner: what the flow is told, if it is. transforms: number of coupling layers. hidden:
    widths of the hidden layers of each coupling's network. dropout: share of hidden units dropped
    in training.
    """

    space: Space
    preprocessing: tuple[Step, ...] = pydantic.Field(
        default_factory=lambda fields: default_preprocessing(fields["space"])
    )
    conditioner: Annotated[Part, Provides(Conditioner)] | None = None
    transforms: pydantic.PositiveInt = 6
    hidden: tuple[pydantic.PositiveInt, ...] = (64, 64)
    dropout: Annotated[float, pydantic.Field(ge=0, lt=1)] = 0.0

    @pydantic.model_validator(mode="after")
    def _flattens(self) -> Self:
        if self.space.kind in (Kind.CATEGORICAL, Kind.ANGLE):
            raise ValueError(f"a flow on the line is no model of {self.space.kind} data")
        if self.space.ragged or self.space.missing or not self.space.size:
            raise ValueError("a flow needs whole arrays of one shape, with no missing values")
        kinds = [type(step) for step in self.preprocessing]
        if self.space.kind.discrete and Dequantize not in kinds:
            raise ValueError("a flow of discrete data needs the step `dequantize`")
        if self.space.kind is Kind.UNIT and Logit not in kinds:
            raise ValueError("a flow of data between 0 and 1 needs the step `logit`")
        if self.space.kind is Kind.REAL and Logit in kinds:
            raise ValueError("the step `logit` is for data between 0 and 1")
        return self


@final
class FlowSampleOptions(Config):
    """Options of a flow's `sample`.

    temperature: factor on the noise's standard deviation. Samples at another one than 1 don't
    follow the model's density.
    """

    temperature: pydantic.PositiveFloat = 1.0


class Flow(Generator, DensityModel):
    """A bijection f from data to standard normal noise: log p(x) = log N(f(x)) + log |det f'(x)|.

    The change of variables as in Dinh et al. 2017 (arXiv:1605.08803), equations 2 and 3. A flow
    says in `_elementwise` how its couplings move a feature.
    """

    Config: ClassVar[type[Config]] = FlowConfig
    SampleOptions: ClassVar[type[Config]] = FlowSampleOptions

    bijection: CouplingStack
    """The map in network space, on flat rows: `forward` to noise, `inverse` from it."""

    @final
    def to_noise(
        self, x: Any, *, condition: Any = None, rng: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map data `[n, *shape]` to noise; give the log-determinant of each row too, in nats.

        The log-density of the noise plus the log-determinant is `log_prob`; rng is for the
        dequantising noise of discrete data. Raises DataError, ConditionError.
        """
        generator = self._rng(rng, default_seed=0)
        data = self._checked(x)
        context = self._context_of(condition, len(data))
        z, before = self._to_network(data, generator, None)
        noise, log_det = self._forward(z, Call(generator, context=context))
        return noise, before + log_det

    @final
    def from_noise(self, noise: Float[Tensor, "n d"], *, condition: Any = None) -> Tensor:
        """Map noise to data `[n, *shape]`, the inverse of `to_noise`; differentiable.

        Raises DataError for noise of another width, ConditionError.
        """
        if noise.ndim != 2 or noise.shape[1] != self.space.size:
            raise DataError(
                f"Noise has the shape [n, {self.space.size}]",
                received=f"shape {list(noise.shape)}",
            )
        context = self._context_of(condition, len(noise))
        call = Call(self._rng(None, default_seed=0), context=context)
        return self._to_codes(self.preprocessing.inverse(self._inverse(noise, call)))

    @abstractmethod
    def _elementwise(self) -> Elementwise:
        """Choose the map that the couplings move a feature by."""

    @final
    def _preprocessing(self) -> tuple[Standardize | Dequantize | Logit, ...]:
        return self.config.preprocessing

    @final
    def _build(self) -> None:
        conditioner = self._conditioner()
        self.bijection = CouplingStack(
            self._elementwise(),
            features=self.space.size,
            context=0 if conditioner is None else conditioner.context_shape.as_vector,
            layers=self.config.transforms,
            hidden=self.config.hidden,
            dropout=self.config.dropout,
        )

    @final
    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        noise, log_det = self._forward(z, call)
        constant = 0.5 * self.space.size * math.log(2 * math.pi)
        return log_det - 0.5 * noise.square().sum(-1) - constant

    @final
    def _sample(self, n: int, call: Call) -> Tensor:
        noise = torch.randn(
            n, self.space.size, generator=call.rng, device=self.device, dtype=self.dtype
        )
        return self._inverse(noise * call.options.temperature, call)

    @final
    def _forward(self, z: Any, call: Call) -> tuple[Tensor, Tensor]:
        return self.bijection.forward(z.reshape(len(z), -1), _vector(call))

    @final
    def _inverse(self, noise: Tensor, call: Call) -> Tensor:
        z, _ = self.bijection.inverse(noise, _vector(call))
        return z.unflatten(1, self.space.shape) if self.space.shape else z[:, 0]


def _vector(call: Call) -> Tensor | None:
    return None if call.context is None else call.context.as_vector()
