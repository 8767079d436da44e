"""An invertible linear map between couplings, so that every feature meets every other."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn


@final
class LULinear(nn.Module):
    """z = L U x + b with L unit lower and U upper triangular, its diagonal positive.

    The decomposition of Glow, Kingma and Dhariwal 2018 (arXiv:1807.03039), equation 10, without
    its permutation. It starts as the identity.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.triangles = nn.Parameter(torch.zeros(features, features))
        self.log_diagonal = nn.Parameter(torch.zeros(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(
        self, x: Float[Tensor, "n features"]
    ) -> tuple[Float[Tensor, "n features"], Float[Tensor, ""]]:
        """Map x, and give the log-determinant, which is the same for every row."""
        lower, upper = self._factors()
        return x @ (lower @ upper).mT + self.bias, self.log_diagonal.sum()

    def inverse(
        self, z: Float[Tensor, "n features"]
    ) -> tuple[Float[Tensor, "n features"], Float[Tensor, ""]]:
        """Undo `forward`, and give the inverse's log-determinant."""
        lower, upper = self._factors()
        half = torch.linalg.solve_triangular(
            lower, (z - self.bias).mT, upper=False, unitriangular=True
        )
        return torch.linalg.solve_triangular(upper, half, upper=True).mT, -self.log_diagonal.sum()

    def _factors(self) -> tuple[Tensor, Tensor]:
        lower = self.triangles.tril(-1) + torch.eye(
            len(self.bias), dtype=self.bias.dtype, device=self.bias.device
        )
        upper = self.triangles.triu(1) + torch.diag(self.log_diagonal.exp())
        return lower, upper
