"""GaussianMixture: a trained mixture of normal distributions with diagonal covariances."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Self, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_core import config as configuration
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.reparameterized import Reparameterized
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.normal import real_space


@final
class GaussianMixtureConfig(configuration.Config):
    """Fields of a mixture.

    space: what one sample is. components: how many normal distributions. spread: standard
    deviation of the normal distribution that their means are first drawn from. scale: their first
    standard deviation.
    """

    space: Space
    components: Annotated[int, pydantic.Field(ge=1)] = 8
    spread: pydantic.PositiveFloat = 1.0
    scale: pydantic.PositiveFloat = 0.5

    @pydantic.model_validator(mode="after")
    def _real(self) -> Self:
        real_space(self.space, "a Gaussian mixture")
        return self


@final
class GaussianMixture(Generator, DensityModel, Reparameterized):
    """p(x) = Σₖ wₖ Πᵢ N(xᵢ; μₖᵢ, σₖᵢ²), all of it trained by gradient.

    A small one, made to be the base of a flow. Reparameterised samples carry the gradients of the
    weights too, by implicit differentiation (Figurnov et al. 2018, arXiv:1805.08498, section 3).
    """

    architecture: ClassVar[str] = "flows/gaussian-mixture"
    Config: ClassVar[type[configuration.Config]] = GaussianMixtureConfig

    config: GaussianMixtureConfig

    def _build(self) -> None:
        shape = (self.config.components, self.space.size)
        self.logits = nn.Parameter(torch.zeros(shape[0]))
        self.means = nn.Parameter(torch.empty(shape).normal_(0, self.config.spread))
        self.log_scales = nn.Parameter(torch.full(shape, math.log(self.config.scale)))

    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        del call
        return self._entry_log_probs(_flat(z)).sum(-1).add(self._log_weights()).logsumexp(-1)

    def _sample(self, n: int, call: Call) -> Tensor:
        labels = torch.multinomial(
            self._log_weights().exp(), n, replacement=True, generator=call.rng
        )
        noise = torch.empty(n, self.space.size, device=self.device, dtype=self.dtype)
        noise = noise.normal_(generator=call.rng)
        x = self.means[labels] + noise * self.log_scales[labels].exp()
        return x.reshape(n, *self.space.shape)

    def _rsample(self, n: int, call: Call) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            drawn = _flat(self._sample(n, call))
        x = self._attached(drawn).reshape(n, *self.space.shape)
        return x, self._log_prob(x, call)

    def _attached(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """Give the same samples with their gradients in the parameters.

        Entry by entry, a sample keeps its value u of the conditional distribution function
        F(xᵢ | x₁ … xᵢ₋₁; θ) when θ changes: dxᵢ = −dF / p (Figurnov et al. 2018, section 3).
        """
        log_belief, entries = self._log_weights().expand(len(x), -1), []
        for i in range(x.shape[1]):
            fixed = x[:, i]
            belief = log_belief.softmax(-1)
            noise = (fixed.unsqueeze(1) - self.means[:, i]) / self.log_scales[:, i].exp()
            below = (belief * torch.special.ndtr(noise)).sum(-1)
            density = (belief * self._one_log_prob(fixed, i).exp()).sum(-1).detach()
            tiny = torch.finfo(x.dtype).tiny
            entries.append(fixed - (below - below.detach()) / density.clamp_min(tiny))
            log_belief = log_belief + self._one_log_prob(entries[-1], i)
        return torch.stack(entries, 1)

    def _log_weights(self) -> Float[Tensor, " k"]:
        return self.logits.log_softmax(0)

    def _one_log_prob(self, entry: Float[Tensor, " n"], i: int) -> Float[Tensor, "n k"]:
        """Give log N(xᵢ; μₖᵢ, σₖᵢ²) of one entry under each component."""
        return _normal_log_prob(entry.unsqueeze(1), self.means[:, i], self.log_scales[:, i])

    def _entry_log_probs(self, x: Float[Tensor, "n d"]) -> Float[Tensor, "n k d"]:
        """Give log N(xᵢ; μₖᵢ, σₖᵢ²) of every entry under each component."""
        return _normal_log_prob(x.unsqueeze(1), self.means, self.log_scales)


def _normal_log_prob(x: Tensor, mean: Tensor, log_scale: Tensor) -> Tensor:
    noise = (x - mean) * (-log_scale).exp()
    return -0.5 * noise.square() - log_scale - 0.5 * math.log(2 * math.pi)


def _flat(z: Tensor) -> Tensor:
    return z.reshape(len(z), -1)
