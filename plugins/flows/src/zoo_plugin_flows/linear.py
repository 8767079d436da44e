"""Learned linear maps by triangular factors, whose determinant costs nothing."""

from __future__ import annotations

from enum import StrEnum
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_plugin_flows.bijection import Bijection


@final
class LinearStart(StrEnum):
    """What a linear map is before training: a random rotation, or the identity."""

    ROTATION = "rotation"
    IDENTITY = "identity"


@final
class LULinear(Bijection):
    """z = W x with W = P L (U + diag(s)): log |det W| = Σ log |s|.

    Glow, Kingma and Dhariwal 2018 (arXiv:1807.03039), equations 10 and 11. P and the signs of s
    stay as they start. `factors` holds L below the diagonal, U above it and log |s| on it.
    """

    rows: Tensor
    signs: Tensor

    def __init__(self, features: int, start: LinearStart = LinearStart.ROTATION) -> None:
        super().__init__()
        rows, signs = torch.arange(features), torch.ones(features)
        factors = torch.zeros(features, features)
        if start is LinearStart.ROTATION:
            rows, signs, factors = _factorized(_rotation(features))
        self.register_buffer("rows", rows)
        self.register_buffer("signs", signs)
        self.factors = nn.Parameter(factors)

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Multiply each row by W."""
        lower, upper = self._triangles()
        return x @ (lower @ upper)[self.rows].mT, self._log_det().expand(len(x))

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Multiply each row by W⁻¹, which two triangular solves give."""
        lower, upper = self._triangles()
        permuted = torch.eye(len(lower), dtype=z.dtype, device=z.device)[self.rows].mT
        inner = torch.linalg.solve_triangular(lower, permuted, upper=False, unitriangular=True)
        inverse = torch.linalg.solve_triangular(upper, inner, upper=True)
        return z @ inverse.mT, -self._log_det().expand(len(z))

    def _triangles(self) -> tuple[Tensor, Tensor]:
        """Give L, with ones on its diagonal, and U + diag(s)."""
        ones = torch.ones_like(self.signs)
        scale = self.signs * self.factors.diagonal().exp()
        return self.factors.tril(-1) + ones.diag(), self.factors.triu(1) + scale.diag()

    def _log_det(self) -> Tensor:
        return self.factors.diagonal().sum()


def _rotation(features: int) -> Tensor:
    """Draw an orthogonal matrix uniformly (Haar measure), from torch's seeded generator."""
    q, r = torch.linalg.qr(torch.randn(features, features))
    return q * r.diagonal().sign()


def _factorized(matrix: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Give the row order of P, the signs of s, and the factors of a matrix."""
    permutation, lower, upper = torch.linalg.lu(matrix)
    scale = upper.diagonal()
    factors = lower.tril(-1) + upper.triu(1) + scale.abs().log().diag()
    return permutation.argmax(1), scale.sign(), factors
