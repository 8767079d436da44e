"""Activation normalisation: an affine map of each feature that starts from a batch's moments."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_plugin_flows.bijection import Bijection
from zoo_plugin_flows.moments import batch_moments


@final
class ActNorm(Bijection):
    """z = exp(s) · (x − m)/σ + b, with m and σ the moments of the first batch trained on.

    Glow, Kingma and Dhariwal 2018 (arXiv:1807.03039), section 3.1: after the first batch z has
    mean zero and variance one, and from then on every entry is a matter of s and b. The moments
    are buffers and s and b start at zero, instead of s and b taking the moments up: so a moving
    average of the weights starts right, sharded weights are never written to, and what is saved
    says by itself whether it was initialised. Until then, m = 0 and σ = 1.
    """

    mean: Tensor
    deviation: Tensor
    initialized: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))
        self.register_buffer("initialized", torch.tensor(False))
        self.log_scale = nn.Parameter(torch.zeros(features))
        self.shift = nn.Parameter(torch.zeros(features))

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Normalise; the first time in training mode, take the moments first."""
        if self.training and not self.initialized:
            self._initialize(x)
        log_scale = self._log_scale()
        z = torch.addcmul(self.shift, x - self.mean, log_scale.exp())
        return z, log_scale.sum().expand(len(x))

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Undo `forward`."""
        log_scale = self._log_scale()
        x = torch.addcmul(self.mean, z - self.shift, (-log_scale).exp())
        return x, -log_scale.sum().expand(len(z))

    def _log_scale(self) -> Tensor:
        return self.log_scale - self.deviation.log()

    @torch.no_grad()
    def _initialize(self, x: Tensor) -> None:
        """Take over the moments; a feature that doesn't vary keeps its scale."""
        mean, variance = batch_moments(x)
        deviation = variance.sqrt()
        self.mean.copy_(mean)
        self.deviation.copy_(torch.where(deviation > 1e-6 * (1 + mean.abs()), deviation, 1.0))
        self.initialized.fill_(True)
