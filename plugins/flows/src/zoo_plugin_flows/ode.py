"""Solving the ordinary differential equation of a continuous flow, by torchdiffeq."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, final

import torch
import torchdiffeq
from torch import Tensor, nn

from zoo_core.errors import ZooError

Derivative = Callable[[Tensor, Tensor], Tensor]
_MOST_STEPS = 10_000


class SolverError(ZooError, RuntimeError):
    """A differential equation can't be solved to the tolerance that was asked for."""


@final
class Solver(StrEnum):
    """A Runge–Kutta method; the first four choose their steps by the tolerances.

    `dopri5`, `dopri8`: Dormand and Prince, orders 5 and 8. `bosh3`: Bogacki and Shampine, order 3.
    `adaptive_heun`: order 2. `rk4`, `midpoint`, `euler`: so many equal `steps`.
    """

    DOPRI5 = "dopri5"
    DOPRI8 = "dopri8"
    BOSH3 = "bosh3"
    ADAPTIVE_HEUN = "adaptive_heun"
    RK4 = "rk4"
    MIDPOINT = "midpoint"
    EULER = "euler"

    @property
    def adaptive(self) -> bool:
        """Whether tolerances choose the steps."""
        return self not in (Solver.RK4, Solver.MIDPOINT, Solver.EULER)


@final
class Gradient(StrEnum):
    """How the gradient of a solution is got.

    `backprop`: through every step; exact for the steps taken, memory grows with them. `adjoint`:
    by a second equation, solved backwards in constant memory and to the same tolerances (Chen et
    al. 2018, arXiv:1806.07366, algorithm 1).
    """

    BACKPROP = "backprop"
    ADJOINT = "adjoint"


@final
@dataclass(frozen=True)
class Solving:
    """How an equation is solved: the method, its tolerances or number of steps, the gradient.

    With `each_row` every row keeps the tolerances, otherwise their root mean square does, which
    takes a quarter fewer evaluations.
    """

    solver: Solver
    atol: float
    rtol: float
    steps: int
    gradient: Gradient
    each_row: bool = True

    def __str__(self) -> str:
        """Say it in words."""
        if not self.solver.adaptive:
            return f"{self.solver} with {self.steps} steps"
        return f"{self.solver} with atol {self.atol:g} and rtol {self.rtol:g}"

    def options(self) -> dict[str, Any]:
        """Give torchdiffeq's options."""
        if self.solver.adaptive:
            norm = worst_row if self.each_row else root_mean_square
            return {"norm": norm, "max_num_steps": _MOST_STEPS}
        return {"grid_constructor": self._grid}

    def _grid(self, derivative: Derivative, start: Tensor, t: Tensor) -> Tensor:
        del derivative, start
        first, last = t.tolist()
        return torch.linspace(first, last, self.steps + 1, dtype=t.dtype, device=t.device)


def worst_row(state: Tensor) -> Tensor:
    """Give the largest root mean square of a row: so each row keeps the tolerance by itself."""
    return state.abs().max() if state.ndim < 2 else state.square().mean(-1).max().sqrt()


def root_mean_square(state: Tensor) -> Tensor:
    """Give the root mean square of all numbers."""
    return state.square().mean().sqrt()


def solve(
    derivative: Derivative,
    start: Tensor,
    interval: tuple[float, float],
    solving: Solving,
    tensors: tuple[Tensor, ...],
) -> Tensor:
    """Solve y' = derivative(t, y) from y = start over the interval; give the last y.

    `tensors` are all that the derivative depends on besides t and y, for the adjoint's gradient;
    none of them may be computed from another, whose gradient would then count twice.
    Raises SolverError where the tolerance can't be kept.
    """
    t = torch.tensor(interval, dtype=start.dtype, device=start.device)
    common: dict[str, Any] = {
        "rtol": solving.rtol,
        "atol": solving.atol,
        "method": str(solving.solver),
        "options": solving.options(),
    }
    try:
        if solving.gradient is Gradient.BACKPROP or not torch.is_grad_enabled():
            path: Any = torchdiffeq.odeint(derivative, start, t, **common)
        else:
            wanted = tuple(tensor for tensor in tensors if tensor.requires_grad)
            path = torchdiffeq.odeint_adjoint(derivative, start, t, adjoint_params=wanted, **common)
        return path[-1]
    except AssertionError as error:  # what torchdiffeq raises where it gives up
        raise SolverError(
            f"The differential equation is solved with {solving}",
            received=str(error),
            remedy="Loosen atol and rtol, take double precision, or take a solver of equal steps.",
        ) from None


@final
class EvaluationCount:
    """How often a vector field was evaluated."""

    def __init__(self) -> None:
        self.value = 0


@contextmanager
def counted_evaluations(field: nn.Module) -> Iterator[EvaluationCount]:
    """Count the evaluations of a vector field inside a `with` block, the adjoint's too."""
    count = EvaluationCount()

    def seen(*_: object) -> None:
        count.value += 1

    handle = field.register_forward_hook(seen)
    try:
        yield count
    finally:
        handle.remove()
