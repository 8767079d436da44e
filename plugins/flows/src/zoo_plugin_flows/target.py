"""The density that a model is fitted to or weighed against: a function, or a model of the zoo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.density import DensityModel

Target = Callable[[Tensor], Tensor] | DensityModel
"""log p̃ of samples `[n, *shape]` in data space, `[n]` in nats, up to a constant."""


def log_density_of(target: Target, model: Any) -> Callable[[Tensor], Tensor]:
    """Give a target as a function that checks what it gives.

    Raises DataError for a model of another space; the function does for another shape.
    """
    if isinstance(target, DensityModel):
        mine, its = model.space, target.space
        if (mine.shape, mine.kind) != (its.shape, its.kind):
            raise DataError(f"The target is a density of {mine}", received=f"a model of {its}")
    function = target.log_prob if isinstance(target, DensityModel) else target

    def checked(x: Tensor) -> Tensor:
        log_density = function(x)
        if not isinstance(log_density, Tensor) or log_density.shape != (len(x),):
            raise DataError(
                f"A target's log-density is one number a sample, [{len(x)}]",
                received=list(log_density.shape) if isinstance(log_density, Tensor) else target,
            )
        return log_density

    return checked
