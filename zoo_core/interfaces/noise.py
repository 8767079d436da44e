"""Noise: how much of the data is left in noised data, and how much noise is in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import DataError, UnsupportedError
from zoo_core.interfaces.space import Space

if TYPE_CHECKING:
    from zoo_core.interfaces.boundary import Boundary


@final
@dataclass(frozen=True, eq=False)
class Noise:
    """A level of noise: x = alpha·x0 + sigma·eps, eps ~ N(0, I), in data units.

    Each is a number for all rows, or a tensor `[n]` with one a row. Data units, so that models
    whose networks see differently scaled data can be asked about the same x. Both are kept, for
    one can't be had from the other without losing digits at an end. A model's time is its own.
    Provisional until a second family has used it unchanged. Raises DataError for what is
    negative, not finite, or zero in both.
    """

    alpha: float | Tensor
    sigma: float | Tensor

    def __post_init__(self) -> None:
        given = [_number(value) for value in (self.alpha, self.sigma)]
        # Looking at values would break a compiled graph in two, and on an accelerator it would
        # wait for it at every step of a sampler.
        on_cpu = all(value.device.type == "cpu" for value in given)
        seen = on_cpu and not torch.compiler.is_compiling()
        if any(value.ndim > 1 for value in given) or (seen and not _allowed(*given)):
            raise DataError(
                "A Noise's alpha and sigma are numbers, or one a row: finite, none negative, "
                "not both zero",
                received=f"alpha {self.alpha}, sigma {self.sigma}",
            )

    @property
    def snr(self) -> Tensor:
        """The signal-to-noise ratio alpha²/sigma²; infinite where there is no noise."""
        return self.log_snr.exp()

    @property
    def log_snr(self) -> Tensor:
        """The logarithm of `snr`, `[]` or `[n]`: −∞ where no data are left, ∞ without noise."""
        return 2 * (_number(self.alpha).log() - _number(self.sigma).log())

    def over(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give alpha and sigma in the dtype and on the device of x, shaped to be multiplied by it.

        Raises DataError where there is one a row, but not for as many rows as x has.
        """
        return over_rows(self.alpha, x), over_rows(self.sigma, x)

    def rows(self, x: Tensor) -> Noise:
        """Give one alpha and one sigma for each row of x, in its dtype and on its device."""
        alpha, sigma = (value.reshape(-1).expand(len(x)) for value in self.over(x))
        return Noise(alpha, sigma)

    def add(
        self, x0: Float[Tensor, "n ..."], eps: Float[Tensor, "n ..."]
    ) -> Float[Tensor, "n ..."]:
        """Give alpha·x0 + sigma·eps."""
        alpha, sigma = self.over(x0)
        return alpha * x0 + sigma * eps


def require_noise(noise: object) -> None:
    """Raise DataError for what is no Noise, such as a step's number."""
    if not isinstance(noise, Noise):
        raise DataError(
            "A level of noise is a Noise",
            received=repr(noise)[:120],
            remedy="Give Noise(alpha, sigma), or one of model.path(steps).",
        )


def noised_rows(model: Boundary, x: Tensor) -> Tensor:
    """Check noised data of a model `[n, *shape]`, real numbers whatever the space's kind.

    They come back in the dtype of the weights. Raises DataError, or UnsupportedError for a model
    of sequences of unequal length.
    """
    if model.space.ragged:
        raise UnsupportedError("Noise is added to arrays", received=f"a model of {model.space}")
    if x.device != model.device:
        raise DataError(
            "Data are on the model's device",
            received=f"data on {x.device}, model on {model.device}",
            remedy=f"Move them: x.to({str(model.device)!r}).",
        )
    space = Space.real(*model.space.shape)
    return space.check(space.tensor(x), what="noised data").to(model.dtype)


def over_rows(value: float | Tensor, x: Tensor) -> Tensor:
    """Shape a number, or one a row, to be multiplied by x. Raises DataError for another count."""
    value = torch.as_tensor(value, dtype=x.dtype, device=x.device)
    if value.ndim and len(value) not in (1, len(x)):
        raise DataError(
            "There is one number for all rows, or one for each",
            received=f"{len(value)} for {len(x)} rows",
        )
    return value.reshape(-1, *[1] * (x.ndim - 1))


def _allowed(alpha: Tensor, sigma: Tensor) -> bool:
    finite = bool(torch.isfinite(alpha).all() and torch.isfinite(sigma).all())
    negative = bool((alpha < 0).any() or (sigma < 0).any())
    return finite and not negative and bool((alpha + sigma > 0).all())


def _number(value: float | Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else torch.tensor(value, dtype=torch.float64)
