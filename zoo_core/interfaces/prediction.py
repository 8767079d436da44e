"""Prediction: what a denoiser believes that noised data are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.noise import Noise, over_rows


@final
@dataclass(frozen=True, eq=False)
class Prediction:
    """The expected data and noise of x = alpha·x0 + sigma·eps, `[n, *shape]` each, data units.

    The pair satisfies that equation. One of the two follows from the other, but not accurately:
    eps is lost where there is little noise, x0 where little of the data is left. So both are
    held, and everything else derives from them. Provisional until a second family has used it
    unchanged.
    """

    x0: Float[Tensor, "n ..."]
    eps: Float[Tensor, "n ..."]

    @classmethod
    def from_x0(
        cls, x: Float[Tensor, "n ..."], x0: Float[Tensor, "n ..."], noise: Noise
    ) -> Prediction:
        """Complete predicted data by eps = (x − alpha·x0)/sigma.

        Rows without noise are their own data, whatever was predicted; of noise that isn't there
        the expectation is zero.
        """
        alpha, sigma = noise.over(x)
        clean = sigma == 0
        # Divisors are made harmless first: `where` alone would let NaN into gradients.
        eps = (x - alpha * x0) / torch.where(clean, 1.0, sigma)
        x0 = torch.where(clean, x / torch.where(clean, alpha, 1.0), x0)
        return cls(x0, torch.where(clean, 0.0, eps))

    @classmethod
    def from_eps(
        cls, x: Float[Tensor, "n ..."], eps: Float[Tensor, "n ..."], noise: Noise
    ) -> Prediction:
        """Complete predicted noise by x0 = (x − sigma·eps)/alpha.

        Raises DataError where alpha is 0: what the data are doesn't follow from pure noise.
        """
        alpha, sigma = noise.over(x)
        if bool((alpha == 0).any()):
            raise DataError(
                "Predicted noise says what the data are where some of them is left",
                received="alpha 0",
                remedy="Predict x0 or v, or begin the path at a larger alpha.",
            )
        return cls((x - sigma * eps) / alpha, eps)

    @classmethod
    def from_v(
        cls, x: Float[Tensor, "n ..."], v: Float[Tensor, "n ..."], noise: Noise
    ) -> Prediction:
        """Complete predicted v = alpha·eps − sigma·x0; accurate from pure noise to pure data.

        Salimans & Ho 2022, arXiv:2202.00512, appendix D, where alpha² + sigma² = 1; here any.
        """
        alpha, sigma = noise.over(x)
        norm = alpha**2 + sigma**2
        return cls((alpha * x - sigma * v) / norm, (sigma * x + alpha * v) / norm)

    @property
    def velocity(self) -> Float[Tensor, "n ..."]:
        """Give eps − x0: dx/dt on the straight path x = (1 − t)·x0 + t·eps.

        The marginal velocity field of Lipman et al. 2023, arXiv:2210.02747, eq. 8, as time runs
        from data to noise.
        """
        return self.eps - self.x0

    def v(self, noise: Noise) -> Float[Tensor, "n ..."]:
        """Give alpha·eps − sigma·x0."""
        alpha, sigma = noise.over(self.x0)
        return alpha * self.eps - sigma * self.x0

    def score(self, noise: Noise) -> Float[Tensor, "n ..."]:
        """Give ∇ log p(x) of the noised data, −eps/sigma; not defined without noise.

        Tweedie's formula (Efron 2011, J. Am. Stat. Assoc. 106:1602, eq. 1.4).
        """
        return -self.eps / noise.over(self.eps)[1]

    def add_score(self, score: Float[Tensor, "n ..."], noise: Noise) -> Prediction:
        """Add to the score, as the gradient of a log-likelihood does; the pair stays consistent.

        eps falls by sigma·score and x0 rises by sigma²/alpha·score; where no data are left, x
        says nothing and nothing is added (Dhariwal & Nichol 2021, arXiv:2105.05233, eq. 14).
        """
        alpha, sigma = noise.over(self.x0)
        gone = alpha == 0
        rise = torch.where(gone, 0.0, sigma**2 / torch.where(gone, 1.0, alpha))
        fall = torch.where(gone, 0.0, sigma)
        return Prediction(self.x0 + rise * score, self.eps - fall * score)

    def lerp(self, other: Prediction, weight: float | Tensor) -> Prediction:
        """Go from this one (weight 0, to the bit) to another (weight 1, to the bit), or beyond.

        The weight is a number, or one a row.
        """
        across = over_rows(weight, self.x0)
        return Prediction(
            torch.lerp(self.x0, other.x0, across), torch.lerp(self.eps, other.eps, across)
        )
