"""Batch normalisation as a layer of a flow."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.moments import batch_moments

_DECAY = 0.95
_FLOOR = 1e-5


@final
class BatchNorm(Bijection):
    """z = exp(s) · (x − m)/√(v + ε) + b, with m and v moving averages over training batches.

    Density estimation using Real NVP, Dinh et al. 2017 (arXiv:1605.08803), section 3.7 and
    appendix E: training normalises by the averages that the batch at hand has just entered, and
    gradients go through that batch's share. In evaluation mode m and v are constants, so the
    density is exact and rows don't depend on each other; in training mode they do.
    """

    mean: Tensor
    variance: Tensor
    batches: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("variance", torch.ones(features))
        self.register_buffer("batches", torch.tensor(0))
        self.log_scale = nn.Parameter(torch.zeros(features))
        self.shift = nn.Parameter(torch.zeros(features))

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Normalise; in training mode, let the batch enter the averages first."""
        mean, variance = self._entered(x) if self.training else (self.mean, self.variance)
        log_scale = self._log_scale(variance)
        z = torch.addcmul(self.shift, x - mean, log_scale.exp())
        return z, log_scale.sum().expand(len(x))

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Undo `forward` as it is in evaluation mode."""
        log_scale = self._log_scale(self.variance)
        x = torch.addcmul(self.mean, z - self.shift, (-log_scale).exp())
        return x, -log_scale.sum().expand(len(z))

    def _log_scale(self, variance: Tensor) -> Tensor:
        return self.log_scale - 0.5 * (variance + _FLOOR).log()

    def _entered(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Average the batch's moments in, and keep the averages.

        The first batches weigh more, so that zero and one are forgotten at once.
        """
        decay = (self.batches / (self.batches + 1.0)).clamp(max=_DECAY).to(x.dtype)
        mean, variance = batch_moments(x)
        mean = decay * self.mean + (1 - decay) * mean
        variance = decay * self.variance + (1 - decay) * variance
        with torch.no_grad():
            self.mean.copy_(mean)
            self.variance.copy_(variance)
            self.batches.add_(1)
        return mean, variance
