"""Residual flows: maps x + g(x) whose g is a contraction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, cast, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_core import config as configuration
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.density import DensityKind
from zoo_plugin_flows.actnorm import ActNorm
from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.contraction import Contraction
from zoo_plugin_flows.fixed_point import fixed_point
from zoo_plugin_flows.flow import Flow, FlowConfig, vector_of
from zoo_plugin_flows.jacobians import Jacobians
from zoo_plugin_flows.residual_series import LogDeterminant, exact_log_det, series_log_det

Measured = Callable[[Jacobians, Tensor], Tensor]
"""Gives the log-determinant of x + g(x) at each row from the Jacobian of g."""


@final
class ResidualConfig(FlowConfig):
    """Fields of a residual flow.

    transforms: number of residual maps, each after an activation normalisation. hidden: widths of
    the hidden layers of their networks. rate: bound on the networks' Lipschitz constants; near 1
    maps are more flexible and samples take more iterations. log_det: how the log-determinant is
    got, in training too.
    """

    transforms: pydantic.PositiveInt = 8
    hidden: Annotated[tuple[pydantic.PositiveInt, ...], pydantic.Field(min_length=1)] = (64, 64)
    rate: Annotated[float, pydantic.Field(gt=0, lt=1)] = 0.9
    log_det: LogDeterminant = LogDeterminant.AUTO


@final
class ResidualLogProbOptions(configuration.Config):
    """Options of a residual flow's `log_prob`.

    log_det: how the log-determinant is got; unless given as in the configuration. Of an estimate,
    terms: how many terms of the series are always taken; probes: random signs a row.
    """

    log_det: LogDeterminant | None = None
    terms: pydantic.PositiveInt = 10
    probes: pydantic.PositiveInt = 4


_TRAINING = ResidualLogProbOptions(terms=2, probes=1)


@final
class Residual(Bijection):
    """z = x + g(x), with g a contraction.

    Invertible residual networks, Behrmann et al. 2019 (arXiv:1811.00995), theorem 1. The inverse
    iterates x ← z − g(x) to rest (algorithm 1), ten units of the last place a step.
    """

    def __init__(self, features: int, context: int, hidden: tuple[int, ...], rate: float) -> None:
        super().__init__()
        self.rate = rate
        self.network = Contraction(features, context, hidden, rate)

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Add g(x); the log-determinant is exact."""
        z, jacobians = self.done(x, context)
        return z, exact_log_det(jacobians, x)

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Undo `forward` by iteration; differentiable, the log-determinant exact."""
        x, jacobians = self.undone(z, context)
        return x, -exact_log_det(jacobians, x)

    def done(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Jacobians]:
        """Add g(x); give the Jacobian of g at x too."""
        change, jacobians = self.network.linearized(x, context, self.network.matrices())
        return x + change, jacobians

    def undone(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Jacobians]:
        """Solve x + g(x) = z for x; give the Jacobian of g there too.

        The solution carries no gradient; one more step of the iteration from it does, after its
        gradient is multiplied by (I + J)⁻ᵀ, as the implicit function theorem asks.
        """
        network, matrices = self.network, self.network.matrices()
        x = fixed_point(lambda x: z - network.value(x, context, matrices), z, self.rate)
        if torch.is_grad_enabled():
            residue = z - network.value(x, context, matrices) - x
            if residue.requires_grad:
                residue.register_hook(self._implicit(x, context, matrices))
            x = x + residue
        return x, network.linearized(x, context, matrices)[1]

    def _implicit(
        self, x: Tensor, context: Tensor | None, matrices: tuple[Tensor, ...]
    ) -> Callable[[Tensor | None], Tensor | None]:
        """Give the map of a gradient v to the solution u of u + Jᵀ u = v."""
        with torch.no_grad():
            jacobians = self.network.linearized(x, context, matrices)[1].detach()

        def solved(v: Tensor | None) -> Tensor | None:
            if v is None:
                return None
            return fixed_point(lambda u: v - jacobians.transposed_times(u), v, self.rate)

        return solved


@final
class ResidualStack(Bijection):
    """Residual maps, each after an activation normalisation.

    As a bijection its log-determinants are exact; `map` and `undo` get them as they are told.
    """

    def __init__(self, norms: list[ActNorm], residuals: list[Residual]) -> None:
        super().__init__()
        self.norms = nn.ModuleList(norms)
        self.residuals = nn.ModuleList(residuals)

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map data to noise."""
        return self.map(x, context, exact_log_det)

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map noise to data."""
        return self.undo(z, context, exact_log_det)

    def map(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None, measured: Measured
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map data to noise, with log-determinants measured so."""
        log_det = x.new_zeros(len(x))
        for norm, residual in self._layers():
            x, change = norm(x, context)
            z, jacobians = residual.done(x, context)
            log_det = log_det + change + measured(jacobians, x)
            x = z
        return x, log_det

    def undo(
        self,
        z: Float[Tensor, "n d"],
        context: Float[Tensor, "n c"] | None,
        measured: Measured | None,
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map noise to data, with log-determinants measured so, or zeros in their place."""
        log_det = z.new_zeros(len(z))
        for norm, residual in reversed(self._layers()):
            z, jacobians = residual.undone(z, context)
            if measured is not None:
                log_det = log_det - measured(jacobians, z)
            z, change = norm.inverse(z, context)
            log_det = log_det + change
        return z, log_det

    def _layers(self) -> list[tuple[ActNorm, Residual]]:
        norms = [norm for norm in self.norms if isinstance(norm, ActNorm)]
        residuals = [layer for layer in self.residuals if isinstance(layer, Residual)]
        return list(zip(norms, residuals, strict=True))


@final
class ResidualFlow(Flow):
    """A flow of residual maps.

    Residual flows for invertible generative modeling, Chen et al. 2019 (arXiv:1906.02735). Up to
    16 features the density is exact; above, an unbiased estimate of the log-density, which
    `density_of` says. Samples are iterated to rest.
    """

    architecture: ClassVar[str] = "flows/residual"
    Config: ClassVar[type[configuration.Config]] = ResidualConfig
    LogProbOptions: ClassVar[type[configuration.Config]] = ResidualLogProbOptions

    config: ResidualConfig

    def _bijection(self, features: int, context: int) -> Bijection:
        config, many = self.config, range(self.config.transforms)
        residuals = [Residual(features, context, config.hidden, config.rate) for _ in many]
        return ResidualStack([ActNorm(features) for _ in many], residuals)

    def _to_base(self, rows: Tensor, call: Call) -> tuple[Tensor, Tensor]:
        return self._stack.map(rows, vector_of(call), self._measured(call))

    def _from_base(self, noise: Tensor, call: Call) -> tuple[Tensor, Tensor]:
        return self._stack.undo(noise, vector_of(call), self._measured(call))

    def _data_from_base(self, noise: Tensor, call: Call) -> Tensor:
        return self._stack.undo(noise, vector_of(call), None)[0]

    def _log_det_kind(self, options: ResidualLogProbOptions) -> tuple[DensityKind, str]:
        if self._log_det(options) is LogDeterminant.EXACT:
            return DensityKind.EXACT, ""
        how = f"power series with Russian roulette after {options.terms} terms, "
        return DensityKind.ESTIMATE, how + f"Hutchinson's trace with {options.probes} probes"

    @property
    def _stack(self) -> ResidualStack:
        return cast(ResidualStack, self.bijection)

    def _measured(self, call: Call) -> Measured:
        asked = call.options
        options = asked if isinstance(asked, ResidualLogProbOptions) else _TRAINING
        if self._log_det(options) is LogDeterminant.EXACT:
            return exact_log_det
        rate, terms, probes = self.config.rate, options.terms, options.probes
        return lambda jacobians, x: series_log_det(jacobians, x, rate, terms, probes, call.rng)

    def _log_det(self, options: Any) -> LogDeterminant:
        """Choose between the exact and the estimated log-determinant."""
        return (options.log_det or self.config.log_det).resolved(self.space.size)
