"""Maps from data space to network space, each with its log-determinant, as part of the model."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Annotated, Literal, final

import pydantic
import torch
from torch import Tensor, nn

from zoo_core.config import Config
from zoo_core.errors import DefinitionError, UnsupportedError
from zoo_core.interfaces.space import Kind, Space


@final
class Standardize(Config):
    """Subtract the mean and divide by the standard deviation of each entry, fitted on the data."""

    step: Literal["standardize"] = "standardize"


@final
class Dequantize(Config):
    """Add uniform noise to codes 0 … K−1 and divide by K.

    The density of the result, integrated over the noise, is the mass of the codes; with one draw
    a log-density is a lower bound on it (Theis et al. 2016, eqs. 5–7).
    """

    step: Literal["dequantize"] = "dequantize"


@final
class Logit(Config):
    """Map the unit interval to the line: logit(α + (1 − 2α)x) (Dinh et al. 2017, section 4.1)."""

    step: Literal["logit"] = "logit"
    alpha: Annotated[float, pydantic.Field(gt=0, lt=0.5)] = 1e-6


Step = Annotated[Standardize | Dequantize | Logit, pydantic.Field(discriminator="step")]


def default_preprocessing(space: Space) -> tuple[Standardize | Dequantize | Logit, ...]:
    """Give the usual maps from a space to the whole of R: for continuous networks such as flows."""
    if space.kind is Kind.UNIT:
        return (Logit(), Standardize())
    if space.kind in (Kind.ORDINAL, Kind.BINARY):
        return (Dequantize(), Logit(alpha=0.001), Standardize())
    if space.kind is Kind.REAL:
        return (Standardize(),)
    return ()


class EntrywiseMap(nn.Module, ABC):
    """One invertible map of each entry on its own."""

    @abstractmethod
    def forward(self, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Map `[n, *shape]` forward; give also the log-derivative of each entry (broadcastable)."""

    @abstractmethod
    def inverse(self, z: Tensor) -> Tensor:
        """Map back."""

    @abstractmethod
    def inverse_log_slope(self, z: Tensor) -> Tensor:
        """Give the log-derivative of `inverse` at z (broadcastable).

        Raises UnsupportedError for a map that is no smooth one.
        """


@final
class StandardizeMap(EntrywiseMap):
    """z = (x − loc)/scale; missing entries stay missing."""

    loc: Tensor
    scale: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("loc", torch.zeros(shape))
        self.register_buffer("scale", torch.ones(shape))

    def forward(self, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Standardise."""
        del rng
        return (x - self.loc) / self.scale, -self.scale.log()

    def inverse(self, z: Tensor) -> Tensor:
        """Undo it."""
        return z * self.scale + self.loc

    def inverse_log_slope(self, z: Tensor) -> Tensor:
        """Give log scale."""
        return self.scale.log().expand(z.shape)

    def set_moments(self, mean: Tensor, variance: Tensor) -> None:
        """Take moments over; an entry that never varies keeps the scale 1."""
        scale = variance.sqrt()
        self.loc.copy_(mean)
        self.scale.copy_(torch.where(scale > 1e-8 * (1 + mean.abs()), scale, 1.0))


@final
class DequantizeMap(EntrywiseMap):
    """z = (x + u)/K, u uniform on [0, 1)."""

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels = levels

    def forward(self, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Add noise and divide by the number of levels."""
        noise = torch.rand(x.shape, generator=rng, device=x.device, dtype=x.dtype)
        return (x + noise) / self.levels, x.new_tensor(float(self.levels)).log().neg()

    def inverse(self, z: Tensor) -> Tensor:
        """Round down to codes."""
        return (z * self.levels).floor().clamp(0, self.levels - 1)

    def inverse_log_slope(self, z: Tensor) -> Tensor:
        """Refuse: rounding has no slope."""
        del z
        raise UnsupportedError("Rounding to codes has no slope")


@final
class LogitMap(EntrywiseMap):
    """z = logit(α + (1 − 2α)x)."""

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Map the unit interval to the line."""
        del rng
        inner = self.alpha + (1 - 2 * self.alpha) * x
        slope = x.new_tensor(1 - 2 * self.alpha).log()
        return inner.logit(), slope - inner.log() - (1 - inner).log()

    def inverse(self, z: Tensor) -> Tensor:
        """Map the line to the unit interval; what falls beyond its ends is put on them."""
        return ((z.sigmoid() - self.alpha) / (1 - 2 * self.alpha)).clamp(0, 1)

    def inverse_log_slope(self, z: Tensor) -> Tensor:
        """Give log σ(z) + log σ(−z) − log(1 − 2α)."""
        slope = math.log(1 - 2 * self.alpha)
        return nn.functional.logsigmoid(z) + nn.functional.logsigmoid(-z) - slope


@final
class Preprocessing(nn.Module):
    """A chain of entrywise maps from data space to network space; the empty chain is identity."""

    def __init__(self, steps: Iterable[Standardize | Dequantize | Logit], space: Space) -> None:
        super().__init__()
        self.missing = space.missing
        self.maps = nn.ModuleList(_build_map(step, space) for step in steps)
        if len(self.maps):
            self._refuse(space)

    def _refuse(self, space: Space) -> None:
        """Raise DefinitionError for a space whose samples no chain of maps takes."""
        if space.ragged or space.entries is not None:
            raise DefinitionError(
                "Preprocessing maps arrays of one shape and one kind",
                received=space,
                remedy="Leave `preprocessing` empty for sequences and mixed tables.",
            )
        if space.kind.discrete and not isinstance(self.maps[0], DequantizeMap):
            raise DefinitionError(
                "Codes are made real numbers by Dequantize, first of all",
                received=f"{type(self.maps[0]).__name__} of {space}",
                remedy="Leave `preprocessing` empty, or begin it with Dequantize.",
            )

    @property
    def dequantizes(self) -> bool:
        """Whether codes become real numbers, so that a density is a bound on a mass."""
        return any(isinstance(step, DequantizeMap) for step in self.maps)

    def forward(self, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """Map `[n, *shape]` to network space; give the log-derivative of every entry too.

        Missing entries contribute no log-derivative.
        """
        log_slope = torch.zeros_like(x)
        for step in self._maps():
            x, slope = step(x, rng)
            log_slope = log_slope + slope
        if self.missing:
            log_slope = torch.where(torch.isnan(x), 0.0, log_slope)
        return x, log_slope

    def inverse(self, z: Tensor) -> Tensor:
        """Map network space back to data space."""
        for step in reversed(self._maps()):
            z = step.inverse(z)
        return z

    def inverse_with_log_slope(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Map network space back; give the log-derivative of every entry of that map too.

        Raises UnsupportedError where codes are rounded.
        """
        log_slope = torch.zeros_like(z)
        for step in reversed(self._maps()):
            log_slope = log_slope + step.inverse_log_slope(z)
            z = step.inverse(z)
        return z, log_slope

    @torch.no_grad()
    def fit(
        self,
        batches: Iterable[tuple[Tensor, Tensor | None]],
        make_rng: Callable[[], torch.Generator],
    ) -> None:
        """Set the moments of each standardising step: one weighted pass over the data a step.

        `batches` is a re-iterable of `(x [n, *shape], weight [n] or None)`.
        """
        for index, step in enumerate(self._maps()):
            if isinstance(step, StandardizeMap):
                before, rng = self._maps()[:index], make_rng()
                step.set_moments(*_moments((_through(before, x, rng), w) for x, w in batches))

    def _maps(self) -> list[EntrywiseMap]:
        return [step for step in self.maps if isinstance(step, EntrywiseMap)]


def _build_map(step: Standardize | Dequantize | Logit, space: Space) -> EntrywiseMap:
    if isinstance(step, Standardize):
        return StandardizeMap(space.shape)
    if isinstance(step, Logit):
        return LogitMap(step.alpha)
    if space.n_levels is None or space.missing:
        raise DefinitionError(
            "Dequantising is for codes of a known number, none of which is missing",
            received=space,
            remedy="Leave Dequantize out of `preprocessing`.",
        )
    return DequantizeMap(space.n_levels)


def _through(maps: list[EntrywiseMap], x: Tensor, rng: torch.Generator) -> Tensor:
    for step in maps:
        x, _ = step(x, rng)
    return x


def _moments(batches: Iterable[tuple[Tensor, Tensor | None]]) -> tuple[Tensor, Tensor]:
    """Weighted mean and variance of each entry in float64, merged batch by batch.

    Merging centred moments (Chan et al. 1983, eq. 2.1) loses no digits where the mean is large.
    """
    total = mean = spread = torch.zeros((), dtype=torch.float64)
    for x, weight in batches:
        x = x.double()
        w = x.new_ones(len(x)) if weight is None else weight.double()
        w = w.reshape(-1, *[1] * (x.ndim - 1)) * ~torch.isnan(x)
        x = torch.nan_to_num(x)
        n = w.sum(0)
        centre = (w * x).sum(0) / n.clamp_min(torch.finfo(x.dtype).tiny)
        scatter = (w * (x - centre) ** 2).sum(0)
        total, mean, spread = total.to(x.device), mean.to(x.device), spread.to(x.device)
        both = (total + n).clamp_min(torch.finfo(x.dtype).tiny)
        gap = centre - mean
        spread = spread + scatter + gap**2 * total * n / both
        mean = mean + gap * n / both
        total = total + n
    return mean, spread / total.clamp_min(torch.finfo(torch.float64).tiny)
