"""What all flows share: a bijection between data and noise, hence a density."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Self, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_core.config import Config
from zoo_core.errors import DataError, OptionError, UnsupportedError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.density import DensityKind, DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.part import Part, Provides
from zoo_core.interfaces.preprocessing import (
    Dequantize,
    Logit,
    Standardize,
    Step,
    default_preprocessing,
)
from zoo_core.interfaces.reparameterized import Reparameterized
from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_flows.bases import base_log_prob, check_base, combined, reparameterizes
from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.interpolation import (
    Interpolation,
    along_sphere,
    round_circles,
    straight,
)
from zoo_plugin_flows.noise import noise_for


class FlowConfig(Config):
    """The fields that every flow has.

    space: what one sample is; its entries are flattened. preprocessing: maps from data to network
    space; unless given the usual ones for the space, which are then written down here.
    conditioner: what the flow is told, if it is. base: the distribution that data are mapped to,
    any model of the zoo with samples and a density; standard normal noise if none is given.
    """

    on_angles: ClassVar[bool] = False
    """Whether the flow is one of angles instead of one on the line."""

    space: Space
    preprocessing: tuple[Step, ...] = pydantic.Field(
        default_factory=lambda fields: default_preprocessing(fields["space"])
    )
    conditioner: Annotated[Part, Provides(Conditioner)] | None = None
    base: Annotated[Part, Provides(Generator, DensityModel)] | None = None

    @pydantic.model_validator(mode="after")
    def _flattens(self) -> Self:
        other = self.space.kind in (Kind.CATEGORICAL, Kind.COUNT, Kind.MIXED)
        if other or (self.space.kind is Kind.ANGLE) != self.on_angles:
            what = "a flow of angles" if self.on_angles else "a flow on the line"
            raise ValueError(f"{what} is no model of {self.space.kind} data")
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


class FlowSampleOptions(Config):
    """Options of a flow's `sample`.

    temperature: factor on the normal noise's standard deviation. Samples at another one than 1
    don't follow the model's density.
    """

    temperature: pydantic.PositiveFloat = 1.0


class Flow(Generator, DensityModel, Reparameterized):
    """A bijection f from data to noise: log p(x) = log p_noise(f(x)) + log |det f'(x)|.

    The change of variables as in Dinh et al. 2017 (arXiv:1605.08803), equations 2 and 3. A flow
    builds its f in `_bijection`; one whose f takes options or random numbers says how in
    `_to_base` and `_from_base`, and of what kind its log-determinant is in `_log_det_kind`.
    """

    Config: ClassVar[type[Config]] = FlowConfig
    SampleOptions: ClassVar[type[Config]] = FlowSampleOptions

    bijection: Bijection
    """The map in network space, on flat rows: `forward` to noise, `inverse` from it."""

    @final
    def to_noise(
        self,
        x: Any,
        *,
        condition: Any = None,
        rng: torch.Generator | None = None,
        **options: Any,
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map data `[n, *shape]` to noise; give the log-determinant of each row too, in nats.

        The log-density of the noise plus the log-determinant is `log_prob`, with the same options;
        rng is for the dequantising noise of discrete data and for random estimates. Raises
        DataError, ConditionError, OptionError.
        """
        parsed = self._options(self.LogProbOptions, options)
        generator = self._rng(rng, default_seed=0)
        data = self._checked(x)
        context = self._context_of(condition, len(data))
        z, before = self._to_network(data, generator, None)
        noise, log_det = self._to_base(rows_of(z), Call(generator, context=context, options=parsed))
        return noise, before + log_det

    @final
    def from_noise(
        self, noise: Float[Tensor, "n d"], *, condition: Any = None, **options: Any
    ) -> Tensor:
        """Map noise to data `[n, *shape]`, the inverse of `to_noise`; differentiable.

        Options are those of `log_prob`. Raises DataError for noise of another width,
        ConditionError, OptionError.
        """
        parsed = self._options(self.LogProbOptions, options)
        if noise.ndim != 2 or noise.shape[1] != self.space.size:
            raise DataError(
                f"Noise has the shape [n, {self.space.size}]",
                received=f"shape {list(noise.shape)}",
            )
        context = self._context_of(condition, len(noise))
        call = Call(self._rng(None, default_seed=0), context=context, options=parsed)
        z = self._shaped(self._data_from_base(noise, call))
        return self._to_codes(self.preprocessing.inverse(z))

    @final
    def interpolate(
        self,
        a: Any,
        b: Any,
        steps: int,
        *,
        along: Interpolation | None = None,
        condition: Any = None,
    ) -> Tensor:
        """Give a way of samples from a to b, both of the space's shape: `[steps, *shape]`.

        It is straight, or along a sphere, in the noise: the latter by default from normal noise.
        Codes are dequantised by fixed noise. Raises DataError, ConditionError, OptionError.
        """
        ends = torch.stack([torch.as_tensor(end, device=self.device) for end in (a, b)])
        angles = self.space.kind is Kind.ANGLE
        if angles and along == Interpolation.SPHERICAL:
            raise OptionError("Noise of angles lies on no sphere", received=f"along={along}")
        if steps < 2:
            raise OptionError("A way has at least 2 steps, its ends", received=f"steps={steps}")
        start, end = self.to_noise(ends, condition=condition)[0]
        if along is None and self._base() is None:
            along = Interpolation.SPHERICAL
        arc = along_sphere if along == Interpolation.SPHERICAL else straight
        way = round_circles if angles else arc
        return self.from_noise(way(start, end, steps), condition=condition)

    # What a flow implements.

    @abstractmethod
    def _bijection(self, features: int, context: int) -> Bijection:
        """Build the map, of rows of so many features, told a context of this width (0: none)."""

    def _to_base(self, rows: Tensor, call: Call) -> tuple[Tensor, Tensor]:
        """Map flat rows to noise, with the log-determinant; `bijection.forward` by default.

        `call.options` are those of `log_prob`, and NoOptions in training.
        """
        return self.bijection(rows, vector_of(call))

    def _from_base(self, noise: Tensor, call: Call) -> tuple[Tensor, Tensor]:
        """Map noise to flat rows, with the inverse's log-determinant; `bijection.inverse`.

        `call.options` are NoOptions.
        """
        return self.bijection.inverse(noise, vector_of(call))

    def _data_from_base(self, noise: Tensor, call: Call) -> Tensor:
        """Map noise to flat rows alone, where that is cheaper than with the log-determinant.

        `call.options` are those of `sample`, or those of `log_prob` in `from_noise`.
        """
        return self._from_base(noise, call)[0]

    def _log_det_kind(self, options: Any) -> tuple[DensityKind, str]:
        """Say what kind of figure the log-determinant with these options is, and how it is got."""
        del options
        return DensityKind.EXACT, ""

    # What all flows share.

    @final
    def _preprocessing(self) -> tuple[Standardize | Dequantize | Logit, ...]:
        return self.config.preprocessing

    @final
    def _part_space(self, name: str) -> Space:
        if name != "base":
            return self.space
        size = self.space.size
        return Space.angle(size) if self.space.kind is Kind.ANGLE else Space.real(size)

    @final
    def _build(self) -> None:
        base, conditioner = self._base(), self._conditioner()
        if base is not None:
            check_base(base, self._part_space("base"))
        context = 0 if conditioner is None else conditioner.context_shape.as_vector
        self.bijection = self._bijection(self.space.size, context)

    @final
    def _blocks(self) -> tuple[nn.Module, ...]:
        return self.bijection.blocks()

    @final
    def _provides(self) -> frozenset[type[Model]]:
        smooth = not self.preprocessing.dequantizes and reparameterizes(self._base())
        return super()._provides() - (frozenset() if smooth else {Reparameterized})

    @final
    def _density(self, options: Any) -> tuple[DensityKind, str]:
        return combined(self._log_det_kind(options), self._base())

    @final
    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        noise, log_det = self._to_base(rows_of(z), call)
        return log_det + self._base_log_prob(noise, call)

    @final
    def _sample(self, n: int, call: Call) -> Tensor:
        return self._shaped(self._data_from_base(self._noise(n, call), call))

    @final
    def _rsample(self, n: int, call: Call) -> tuple[Tensor, Tensor]:
        noise, log_prob = self._reparameterized_noise(n, call)
        rows, log_det = self._from_base(noise, call)
        return self._shaped(rows), log_prob - log_det

    @final
    def _reparameterized_noise(self, n: int, call: Call) -> tuple[Tensor, Tensor]:
        """Draw noise, [n, d], and its log-density, [n], differentiable in the base's parameters."""
        base = self._base()
        if base is None:
            noise = self._plain_noise(n, call)
            return noise, self._base_log_prob(noise, call)
        if isinstance(base, Reparameterized) and Reparameterized in base.provides:
            return base.rsample(n, rng=call.rng)
        if not reparameterizes(base):
            raise UnsupportedError(
                "Reparameterised samples need a base that has them, or one that isn't trained",
                received=f"a trainable base {base.architecture}",
                remedy="Freeze the base: Part(…, frozen=True).",
            )
        noise = self._noise(n, call)
        return noise, self._base_log_prob(noise, call)

    @final
    def _base_log_prob(self, noise: Tensor, call: Call) -> Tensor:
        base = self._base()
        if base is None:
            return noise_for(self.space).log_prob(noise)
        return base_log_prob(base, noise, call.rng)

    @final
    def _noise(self, n: int, call: Call) -> Tensor:
        """Draw from the base distribution, [n, d]."""
        base, options = self._base(), call.options
        temperature = options.temperature if isinstance(options, FlowSampleOptions) else 1.0
        plain = base is None and self.space.kind is not Kind.ANGLE
        if temperature != 1 and not plain:
            raise OptionError(
                "Only a flow from normal noise has a temperature",
                received=f"temperature={temperature}",
                remedy="Leave it out.",
            )
        if base is not None:
            return base.sample(n, rng=call.rng)
        return self._plain_noise(n, call) * temperature

    @final
    def _plain_noise(self, n: int, call: Call) -> Tensor:
        rows = torch.empty(n, self.space.size, device=self.device, dtype=self.dtype)
        return noise_for(self.space).fill(rows, call.rng)

    @final
    def _base(self) -> Any:
        """Give the part `base`, or None."""
        return self._modules.get("base")

    @final
    def _shaped(self, rows: Tensor) -> Tensor:
        """Give flat rows the shape of samples."""
        return rows.unflatten(1, self.space.shape) if self.space.shape else rows[:, 0]


def vector_of(call: Call) -> Tensor | None:
    """Give a call's context as one vector a row, or None."""
    return None if call.context is None else call.context.as_vector()


def rows_of(z: Any) -> Tensor:
    """Give samples in network space as flat rows, [n, d]."""
    return z.reshape(len(z), -1)
