"""The schedule of a discrete diffusion: which level of noise a network's time stands for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, final

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from zoo_core.errors import ConfigError, DataError, UnsupportedError
from zoo_core.interfaces.noise import Noise
from zoo_core.interfaces.prediction import Prediction

_ROUNDING = 8
"""Levels that differ by so many units of the data's rounding are the same level."""
_AT_ZERO = 2.0**-24
"""What stands for no signal at all when times are interpolated, relative to the level before."""


class Target(StrEnum):
    """What a network predicts: noise, v = alpha·eps − sigma·x0, or data."""

    EPSILON = "epsilon"
    V = "v_prediction"
    SAMPLE = "sample"


@final
@dataclass(frozen=True, eq=False)
class Schedule:
    """Levels of noise at the times 0 … T − 1, in the network's own units.

    There x_t = √ᾱ_t·x0 + √(1 − ᾱ_t)·eps (Ho et al. 2020, arXiv:2006.11239, eq. 4).
    `signal [T]` is ᾱ in double precision.
    """

    signal: Tensor
    target: Target

    @classmethod
    def of(cls, scheduler: Any) -> Schedule | None:
        """Read a scheduler's schedule; None for one that has no discrete times of this kind.

        Raises UnsupportedError for noise predicted where no signal is left, and for a target
        that no paper names; ConfigError for a schedule that doesn't fall.
        """
        # A scheduler either is of the discrete kind and has the product, or knows nothing of it.
        signal = getattr(scheduler, "alphas_cumprod", None)
        if not isinstance(signal, Tensor) or len(signal) < 2:
            return None
        signal, target = signal.double(), scheduler.config.get("prediction_type", Target.EPSILON)
        if target not in list(Target):
            raise UnsupportedError(
                f"A network predicts one of {', '.join(Target)}", received=f"{target!r}"
            )
        if not bool((signal.diff() < 0).all()):
            raise ConfigError("The signal falls from each time to the next", received=signal)
        if signal[-1] == 0 and target == Target.EPSILON:
            raise UnsupportedError(
                "Predicted noise says what the data are where some of them is left",
                received="a schedule that ends without any (rescale_betas_zero_snr)",
                remedy="Such a schedule goes with networks that predict v or the data.",
            )
        return cls(signal, Target(target))

    def at(self, times: Shaped[Tensor, " n"]) -> tuple[Tensor, Tensor]:
        """Give √ᾱ and √(1 − ᾱ) at whole times, in double precision."""
        signal = self.signal.to(times.device)[times]
        return signal.sqrt(), (1 - signal).sqrt()

    def time(self, noise: Noise, dtype: torch.dtype) -> Float[Tensor, ...]:
        """Give the time of each level, in double precision: exactly whole on the schedule.

        Between its levels times are interpolated in the log-SNR, as diffusers' samplers of
        continuous noise do (Karras et al. 2022, arXiv:2206.00364, appendix C.3.4); beyond its
        ends they are the ends. `dtype` is that of the data, whose rounding a level has.
        """
        level = -noise.log_snr.detach().double()
        table = self._noisiness.to(level.device)
        level = level.clamp(table[0], table[-1]).contiguous()
        above = torch.searchsorted(table, level).clamp(1, len(table) - 1)
        low, high = table[above - 1], table[above]
        time = above - 1 + (level - low) / (high - low)
        near = time.round()
        off = (table[near.long()] - level).abs()
        rounding = _ROUNDING * torch.finfo(dtype).eps * level.abs().clamp(min=1)
        return torch.where(off <= rounding, near, time)

    def levels(self, times: list[int]) -> list[Noise]:
        """Give the levels of whole times."""
        alpha, sigma = self.at(torch.tensor(times))
        return [Noise(a, s) for a, s in zip(alpha.tolist(), sigma.tolist(), strict=True)]

    def prediction(self, x: Tensor, output: Tensor, noise: Noise) -> Prediction:
        """Complete what the network put out for x into the pair of data and noise."""
        if self.target is Target.EPSILON:
            return Prediction.from_eps(x, output, noise)
        if self.target is Target.V:
            return Prediction.from_v(x, output, noise)
        return Prediction.from_x0(x, output, noise)

    def output(self, prediction: Prediction, noise: Noise) -> Tensor:
        """Give what a network would have put out to predict this."""
        if self.target is Target.EPSILON:
            return prediction.eps
        return prediction.v(noise) if self.target is Target.V else prediction.x0

    @property
    def _noisiness(self) -> Tensor:
        """The negative log-SNR, which rises with time; finite at the end too."""
        last = torch.where(self.signal[-1] > 0, self.signal[-1], self.signal[-2] * _AT_ZERO)
        signal = torch.cat([self.signal[:-1], last[None]])
        return torch.log1p(-signal) - signal.log()


def times_of(scheduler: Any, steps: int) -> list[int]:
    """List the times at which a sampler of so many steps asks the network, the noisiest first.

    They are those of DDIM under the scheduler's configuration, whatever kind the scheduler is.
    Raises DataError for more steps than there are times.
    """
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler

    ddim: Any = DDIMScheduler.from_config(scheduler.config)
    if steps > ddim.config.num_train_timesteps:
        raise DataError(
            f"A path has at most as many steps as there are times: "
            f"{ddim.config.num_train_timesteps}",
            received=steps,
        )
    ddim.set_timesteps(steps)
    return ddim.timesteps.tolist()
