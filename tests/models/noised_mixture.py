"""An exact denoiser: a mixture of Gaussians, whose noised data are a mixture again."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import ClassVar

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.interfaces.denoiser import Denoiser
from zoo_core.interfaces.matcher import Matcher
from zoo_core.interfaces.noise import Noise
from zoo_core.interfaces.prediction import Prediction


class NoisedMixture(nn.Module):
    """Σ w_k N(α m_k, α² s_k² + σ²): what noise makes of Σ w_k N(m_k, s_k²)."""

    def __init__(self, components: int, size: int) -> None:
        super().__init__()
        self.mean = nn.Parameter(1.5 * torch.randn(components, size))
        self.log_scale = nn.Parameter(math.log(0.5) + 0.3 * torch.randn(components))

    def log_joint(self, x: Tensor, noise: Noise, log_weight: Tensor) -> Tensor:
        """Give log w_k N(x; …), `[n, K]`, of rows x `[n, d]`."""
        gap, variance = self._about(x, noise)
        square = gap.square().sum(-1) / variance
        return log_weight - 0.5 * (square + x.shape[1] * (2 * math.pi * variance).log())

    def predict(self, x: Tensor, noise: Noise, log_weight: Tensor) -> Prediction:
        """Give E[x0 | x] and E[eps | x], each without dividing by α or by σ."""
        alpha, sigma = noise.over(x)
        share = self.log_joint(x, noise, log_weight).softmax(1)[..., None]
        gap, variance = self._about(x, noise)
        white = gap / variance[..., None]
        x0 = self.mean + alpha[..., None] * self.log_scale.exp()[:, None] ** 2 * white
        return Prediction((share * x0).sum(1), sigma * (share * white).sum(1))

    def draw(self, log_weight: Tensor, rng: torch.Generator) -> Tensor:
        """Draw a row of each of these weights."""
        component = torch.multinomial(log_weight.exp(), 1, generator=rng)[:, 0]
        mean = self.mean[component]
        noise = torch.randn(mean.shape, generator=rng, dtype=mean.dtype)
        return mean + self.log_scale.exp()[component, None] * noise

    def _about(self, x: Tensor, noise: Noise) -> tuple[Tensor, Tensor]:
        alpha, sigma = noise.over(x)
        gap = x[:, None] - alpha[..., None] * self.mean
        return gap, alpha**2 * (2 * self.log_scale).exp() + sigma**2


class Mixture(Denoiser):
    """What models of a mixture share: three components, whose weights a condition sets."""

    class Config(zoo.Config):
        space: zoo.Space
        conditioner: zoo.Part | None = None
        components: pydantic.PositiveInt = 3

    config: Config

    def _build(self) -> None:
        self.mixture = NoisedMixture(self.config.components, self.space.size)
        self.logits = nn.Parameter(0.5 * torch.randn(self.config.components))
        self.shift = None
        if self.config.conditioner is not None:
            width = self.conditioner.context_shape.as_vector
            self.shift = nn.Linear(width, self.config.components, bias=False)
            nn.init.normal_(self.shift.weight, std=1.5)

    def log_weight(self, context: zoo.Context | None, n: int) -> Tensor:
        logits = self.logits.expand(n, -1)
        if context is not None:
            logits = logits + self.shift(context.as_vector())
        return logits.log_softmax(1)

    def _denoise(self, x: Tensor, noise: Noise, call: zoo.Call) -> Prediction:
        made = self.mixture.predict(x.flatten(1), noise, self.log_weight(call.context, len(x)))
        return Prediction(made.x0.reshape(x.shape), made.eps.reshape(x.shape))

    def _path(self, steps: int) -> list[Noise]:
        """α = cos, σ = sin of equally spaced angles, from where hardly any data are left."""
        angles = [1.57 * (steps - step) / steps for step in range(steps)]
        return [*(Noise(math.cos(angle), math.sin(angle)) for angle in angles), Noise(1.0, 0.0)]


class ExactMixture(Mixture, zoo.Generator, zoo.DensityModel, Matcher):
    """Draws, scores, denoises and matches in closed form; conditions are labels."""

    architecture = "test/exact-mixture"
    exact = True
    noise_aware: ClassVar[bool] = True

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        drawn = self.mixture.draw(self.log_weight(call.context, n), call.rng)
        return drawn.reshape(n, *self.space.shape)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self._noised(z, Noise(1.0, 0.0), self.log_weight(call.context, len(z)))

    def _match(self, x: Tensor, noise: Noise | None, call: zoo.Call) -> Tensor:
        """Bayes' rule, all labels being as likely."""
        noise = noise or Noise(1.0, 0.0)
        codes = self.conditioner.prepare(list(range(self.conditioner.config.classes)))
        told = self.log_weight(self.conditioner.encode(codes), len(codes))
        each = torch.stack([self._noised(x, noise, w.expand(len(x), -1)) for w in told], dim=1)
        here = self._noised(x, noise, self.log_weight(call.context, len(x)))
        return here - each.logsumexp(1)

    def _noised(self, x: Tensor, noise: Noise, log_weight: Tensor) -> Tensor:
        return self.mixture.log_joint(x.flatten(1), noise, log_weight).logsumexp(1)


class MixtureDiffusion(Mixture, zoo.Generator):
    """Draws by going down the path, as a diffusion model does."""

    architecture = "test/mixture-diffusion"
    guides = True

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        path = self.path(20)
        return ddim(self.guided(call), path, self.start(n, path[0], rng=call.rng))


def ddim(denoise: Callable[[Tensor, Noise], Prediction], path: list[Noise], x: Tensor) -> Tensor:
    """Go down a path without new noise (Song et al. 2021, arXiv:2010.02502, eq. 12, σ_t = 0)."""
    for here, there in itertools.pairwise(path):
        prediction = denoise(x, here)
        x = there.add(prediction.x0, prediction.eps)
    return x
