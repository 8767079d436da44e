"""Continuous flow: data flow along a learned vector field to noise (neural ODE, FFJORD)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, cast, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core import config as configuration
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.density import DensityKind
from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.flow import Flow, FlowConfig, FlowSampleOptions, rows_of, vector_of
from zoo_plugin_flows.ode import Gradient, Solver, Solving, counted_evaluations, solve
from zoo_plugin_flows.trace import Trace, axes, signs
from zoo_plugin_flows.vector_field import VectorField


@final
class ContinuousFlowConfig(FlowConfig):
    """Fields of a continuous flow.

    hidden: widths of the hidden layers of the vector field. solver: how the equation is solved,
    with tolerances `atol` and `rtol` if it is adaptive, else with so many equal `steps`. trace: how
    the divergence is got; in training an estimate takes one random direction a row. gradient: how
    the gradient of a solution is got.
    """

    hidden: tuple[pydantic.PositiveInt, ...] = (64, 64, 64)
    solver: Solver = Solver.DOPRI5
    atol: pydantic.PositiveFloat = 1e-5
    rtol: pydantic.PositiveFloat = 1e-5
    steps: pydantic.PositiveInt = 20
    trace: Trace = Trace.AUTO
    gradient: Gradient = Gradient.BACKPROP


class SolverOptions(configuration.Config):
    """How the equation is solved in one call; what is left out is as in the configuration."""

    solver: Solver | None = None
    atol: pydantic.PositiveFloat | None = None
    rtol: pydantic.PositiveFloat | None = None
    steps: pydantic.PositiveInt | None = None


@final
class ContinuousSampleOptions(FlowSampleOptions, SolverOptions):
    """Options of a continuous flow's `sample`: the temperature, and how the equation is solved."""


@final
class ContinuousLogProbOptions(SolverOptions):
    """Options of a continuous flow's `log_prob`: how the equation is solved, and the trace got.

    probes: random directions a row that an estimated trace is averaged over.
    """

    trace: Trace | None = None
    probes: pydantic.PositiveInt = 16


@final
@dataclass(frozen=True, eq=False)
class LogProbEstimate:
    """Log-densities `[n]` in nats, the standard error of each, and what they cost.

    The standard error is that of the trace's estimate: 0 with the exact one, NaN with one probe.
    `evaluations` counts those of the vector field.
    """

    log_prob: Float[Tensor, " n"]
    standard_error: Float[Tensor, " n"]
    evaluations: int


@final
class ContinuousBijection(Bijection):
    """The solution at t = 1 of dx/dt = f(x, t, context), as a function of that at t = 0.

    Noise lies at t = 0, data at t = 1. Without further arguments the trace is the exact one, and
    the equation is solved as `solving` says.
    """

    def __init__(self, field: VectorField, solving: Solving) -> None:
        super().__init__()
        self.field = field
        self.solving = solving

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map data to noise, with the exact trace."""
        noise, log_det = self.flow(x, context, (1.0, 0.0), axes(x), self.solving)
        return noise, log_det.sum(1)

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map noise to data, with the exact trace."""
        x, log_det = self.flow(z, context, (0.0, 1.0), axes(z), self.solving)
        return x, log_det.sum(1)

    def flow(
        self,
        x: Float[Tensor, "n d"],
        context: Float[Tensor, "n c"] | None,
        interval: tuple[float, float],
        directions: Float[Tensor, "k m d"] | None,
        solving: Solving,
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, "n m"]]:
        """Move rows along the field, and integrate v · (∂f/∂x) v for each direction v of each row.

        Over the axes they sum to the log-determinant (Chen et al. 2018, theorem 1); over random
        signs their mean estimates it (Grathwohl et al. 2019, equation 8).
        """
        offsets = self.field.offsets(context)
        width, probes = x.shape[1], 0 if directions is None else directions.shape[1]

        def derivative(t: Tensor, state: Tensor) -> Tensor:
            velocity, products = self.field(t, state[:, :width], offsets, directions)
            return velocity if products is None else torch.cat((velocity, products), 1)

        start = torch.cat((x, x.new_zeros(len(x), probes)), 1)
        end = solve(derivative, start, interval, solving, self.field.tensors(offsets))
        return end[:, :width], end[:, width:]


@final
class ContinuousFlow(Flow):
    """A flow along a vector field: d log p(x(t))/dt = −tr ∂f/∂x.

    Neural ordinary differential equations, Chen et al. 2018 (arXiv:1806.07366), theorem 1, with
    the stochastic trace of FFJORD, Grathwohl et al. 2019 (arXiv:1810.01367), equation 8. Exact up
    to the solver's tolerance with the exact trace, which `density_of` says.
    """

    architecture: ClassVar[str] = "flows/continuous"
    Config: ClassVar[type[configuration.Config]] = ContinuousFlowConfig
    SampleOptions: ClassVar[type[configuration.Config]] = ContinuousSampleOptions
    LogProbOptions: ClassVar[type[configuration.Config]] = ContinuousLogProbOptions

    config: ContinuousFlowConfig

    @final
    def estimate_log_prob(
        self, x: Any, *, condition: Any = None, rng: torch.Generator | None = None, **options: Any
    ) -> LogProbEstimate:
        """Give `log_prob(x)` with its standard error and the evaluations it took.

        The same rng and options give the log-densities of `log_prob`. Raises DataError,
        ConditionError, OptionError, SolverError.
        """
        parsed = self._options(self.LogProbOptions, options)
        generator = self._rng(rng, default_seed=0)
        data = self._checked(x)
        call = Call(generator, context=self._context_of(condition, len(data)), options=parsed)
        z, before = self._to_network(data, generator, None)
        with counted_evaluations(self._path.field) as count:
            noise, products = self._moved(rows_of(z), call, (1.0, 0.0))
        log_prob = before + self._log_det(products, call) + self._base_log_prob(noise, call)
        return LogProbEstimate(log_prob, self._standard_error(products, call), count.value)

    @property
    def _path(self) -> ContinuousBijection:
        return cast(ContinuousBijection, self.bijection)

    def _bijection(self, features: int, context: int) -> Bijection:
        field = VectorField(features, context, self.config.hidden)
        return ContinuousBijection(field, self._solving(SolverOptions()))

    def _to_base(self, rows: Tensor, call: Call) -> tuple[Tensor, Tensor]:
        noise, products = self._moved(rows, call, (1.0, 0.0))
        return noise, self._log_det(products, call)

    def _from_base(self, noise: Tensor, call: Call) -> tuple[Tensor, Tensor]:
        rows, products = self._moved(noise, call, (0.0, 1.0))
        return rows, self._log_det(products, call)

    def _data_from_base(self, noise: Tensor, call: Call) -> Tensor:
        solving = self._solving(call.options)
        return self._path.flow(noise, vector_of(call), (0.0, 1.0), None, solving)[0]

    def _log_det_kind(self, options: ContinuousLogProbOptions) -> tuple[DensityKind, str]:
        solving = self._solving(options)
        if self._trace(options) is Trace.EXACT:
            return DensityKind.EXACT, f"exact trace, {solving}"
        return DensityKind.ESTIMATE, f"Hutchinson's trace with {options.probes} probes, {solving}"

    def _moved(
        self, rows: Tensor, call: Call, interval: tuple[float, float]
    ) -> tuple[Tensor, Tensor]:
        """Move rows, with the trace and the solver that the call's options say."""
        if self._trace(call.options) is Trace.EXACT:
            directions = axes(rows)
        else:
            directions = signs(rows, self._probes(call.options), call.rng)
        solving = self._solving(call.options)
        return self._path.flow(rows, vector_of(call), interval, directions, solving)

    def _log_det(self, products: Tensor, call: Call) -> Tensor:
        exact = self._trace(call.options) is Trace.EXACT
        return products.sum(1) if exact else products.mean(1)

    def _standard_error(self, products: Tensor, call: Call) -> Tensor:
        if self._trace(call.options) is Trace.EXACT:
            return products.new_zeros(len(products))
        if products.shape[1] == 1:
            return products.new_full((len(products),), torch.nan)
        return products.std(1) / products.shape[1] ** 0.5

    def _trace(self, options: Any) -> Trace:
        """Choose the trace; options are those of `log_prob`, or any others."""
        asked = options.trace if isinstance(options, ContinuousLogProbOptions) else None
        return (asked or self.config.trace).resolved(self.space.size)

    def _probes(self, options: Any) -> int:
        return options.probes if isinstance(options, ContinuousLogProbOptions) else 1

    def _solving(self, options: Any) -> Solving:
        """Take what the options leave out from the configuration; in training there are none."""
        asked = options if isinstance(options, SolverOptions) else SolverOptions()
        config = self.config
        return Solving(
            solver=asked.solver or config.solver,
            atol=asked.atol or config.atol,
            rtol=asked.rtol or config.rtol,
            steps=asked.steps or config.steps,
            gradient=config.gradient,
            each_row=isinstance(options, SolverOptions),
        )
