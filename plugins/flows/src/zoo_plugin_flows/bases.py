"""What a flow asks of the model that it takes as its base distribution."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.errors import ConfigError
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.reparameterized import Reparameterized
from zoo_core.interfaces.space import Space


def check_base(base: Any, space: Space) -> None:
    """Check that a base is a distribution of noise of this space. Raises ConfigError."""
    if (base.space.kind, base.space.shape) != (space.kind, space.shape) or base.space.ragged:
        raise ConfigError(
            f"The base of this flow is a distribution of {space}",
            received=f"{base.architecture}, a model of {base.space}",
            remedy="Give a base of the flat rows that the flow maps data to.",
        )
    if base.is_conditional:
        raise ConfigError(
            "The base of a flow takes no condition",
            received=f"{base.architecture} with a conditioner",
            remedy="Tell the condition to the flow: conditioner=….",
        )


def reparameterizes(base: Any) -> bool:
    """Say whether a flow from this base has reparameterised samples.

    Draws from a base that isn't trained depend on no parameter, so that any sampler will do.
    """
    if base is None or Reparameterized in base.provides:
        return True
    return not any(parameter.requires_grad for parameter in base.parameters())


def base_log_prob(base: Any, noise: Tensor, rng: torch.Generator) -> Tensor:
    """Give the base's log-density of each row of noise.

    Noise that overflowed has the density 0 (−inf), not the base's complaint about bad data; NaN
    stays NaN, so that a training that went wrong is seen.
    """
    finite = noise.isfinite().all(1)
    log_prob = base.log_prob(torch.where(finite[:, None], noise, 0.0), rng=rng)
    broken = torch.where(noise.isnan().any(1), torch.nan, -torch.inf)
    return torch.where(finite, log_prob, broken)


def combined(log_det: tuple[DensityKind, str], base: Any) -> tuple[DensityKind, str]:
    """Say what the sum of a log-determinant and a base's log-density is, and how it is got."""
    if base is None:
        return log_det
    kinds = {log_det[0], base.density.kind}
    how = f"base {base.architecture}" + (f" ({base.density.how})" if base.density.how else "")
    for kind in (DensityKind.UNNORMALIZED, DensityKind.ESTIMATE, DensityKind.LOWER_BOUND):
        if kind in kinds:
            return kind, ", ".join(filter(None, [log_det[1], how]))
    return DensityKind.EXACT, ", ".join(filter(None, [log_det[1], how]))
