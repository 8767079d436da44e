"""Denoiser: a model that tells data from the noise that was added to them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import DataError, DefinitionError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.guidance import guided
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.noise import Noise, noised_rows, require_noise
from zoo_core.interfaces.prediction import Prediction


class Denoiser(Model, interface=True):
    """A model that tells data from noise; a plugin implements `_denoise` and `_path`.

    Diffusion models and flow matching are Denoisers; a sampler is a plain function of
    `guided(call)`, `path(steps)` and `start(n, noise)`. Everything is in data units, the loss and
    `_sample` too: a Denoiser has no maps to network space, which would make noise of one size
    unequal among entries; a network that wants its input scaled does so inside. Provisional until
    a second family has used it unchanged.
    """

    exact: ClassVar[bool] = False
    """Whether x0 is the mean of data given noised ones under the model's own density, as a closed
    form is; what is learned only approaches it."""

    _compilable: ClassVar[tuple[str, ...]] = ("_denoise",)

    @final
    def denoise(
        self, x: Float[Tensor, "n ..."], noise: Noise, *, condition: Any = None
    ) -> Prediction:
        """Predict the data and the noise in x = alpha·x0 + sigma·eps, `[n, *shape]`.

        The prediction is the pair of means E[x0 | x] and E[eps | x], as near as the model comes
        to them (Ho et al. 2020, arXiv:2006.11239, eq. 12). `condition` is one for all or one a
        row. Gradients flow through. Raises DataError or ConditionError.
        """
        self._require(Denoiser)
        require_noise(noise)
        x = noised_rows(self, x)
        context = self._context_of(condition, len(x))
        call = Call(self._rng(None, default_seed=0), context=context)
        return self._each(call, x, noise, [context])[0]

    @final
    def path(self, steps: int) -> list[Noise]:
        """List steps + 1 levels of noise, from the most noisy to clean: alpha 1, sigma 0.

        A sampler that calls the denoiser once a step begins at the first, with `start`, and ends
        at the last. Raises DataError for less than one step.
        """
        self._require(Denoiser)
        if steps < 1:
            raise DataError("A path has at least one step", received=steps)
        levels = list(self._path(steps))
        if len(levels) != steps + 1:
            raise DefinitionError(
                f"{type(self).__name__}._path({steps}) gives {steps + 1} levels",
                received=len(levels),
            )
        return levels

    @final
    def start(
        self, n: int, noise: Noise, *, rng: torch.Generator | None = None
    ) -> Float[Tensor, "n ..."]:
        """Draw n rows as noisy as the first level of a path, `[n, *shape]`, for a sampler to begin.

        They stand for alpha·x0 + sigma·eps where nothing of x0 is known: sigma·eps of a model whose
        data lie around 0; others say themselves where their data lie. The same rng gives the
        same rows, without one they are fresh. Raises DataError for n less than 1.
        """
        self._require(Denoiser)
        if n < 1:
            raise DataError("n is at least 1", received=n)
        rng, shape = self._rng(rng, default_seed=None), (n, *self.space.shape)
        eps = torch.randn(shape, generator=rng, device=self.device, dtype=self.dtype)
        return self._start(eps, noise)

    @final
    def guided(self, call: Call) -> Callable[[Tensor, Noise], Prediction]:
        """Give what a sampler in `_sample(n, call)` steps with: the denoiser of this call.

        It is told the call's context and is inside of its guidance. x is in data units and isn't
        checked.
        """

        def each(x: Tensor, noise: Noise, contexts: Sequence[Context | None]) -> list[Prediction]:
            return self._each(call, x, noise, contexts)

        denoise = guided(each, call.guidance)
        return lambda x, noise: denoise(x, noise, [call.context])[0]

    @abstractmethod
    def _denoise(self, x: Tensor, noise: Noise, call: Call) -> Prediction:
        """Predict for x `[n, *shape]` in data units; `noise` has an alpha and a sigma a row."""

    @abstractmethod
    def _path(self, steps: int) -> Sequence[Noise]:
        """List steps + 1 levels of noise, most noisy first, the last `Noise(1.0, 0.0)`."""

    def _start(self, eps: Tensor, noise: Noise) -> Tensor:
        """Turn N(0, I) `[n, *shape]` into rows to begin with; sigma·eps unless it's overridden.

        Where data lie around another point, alpha times that point belongs to it.
        """
        return noise.over(eps)[1] * eps

    @final
    def _each(
        self, call: Call, x: Tensor, noise: Noise, contexts: Sequence[Context | None]
    ) -> list[Prediction]:
        """Predict x under each context, all of them in one pass of the network."""
        self._refuse_maps()
        k, n = len(contexts), len(x)
        context, noise = contexts[0], noise.rows(x)
        if k > 1:
            context = Context.cat([one for one in contexts if one is not None])
            x = x.repeat(k, *[1] * (x.ndim - 1))
            noise = Noise(*(torch.as_tensor(part).repeat(k) for part in (noise.alpha, noise.sigma)))
        predicted = self._denoise(x, noise, replace(call, context=context, guidance=()))
        if predicted.x0.shape != x.shape or predicted.eps.shape != x.shape:
            raise DefinitionError(
                f"{type(self).__name__}._denoise predicts x0 and eps of the shape of x, "
                f"{list(x.shape)}",
                received=f"{list(predicted.x0.shape)} and {list(predicted.eps.shape)}",
            )
        parts = zip(predicted.x0.split(n), predicted.eps.split(n), strict=True)
        return [Prediction(x0, eps) for x0, eps in parts]

    @final
    def _refuse_maps(self) -> None:
        if len(self.preprocessing.maps):
            raise DefinitionError(
                f"{type(self).__name__} is a Denoiser, and works in data units",
                received="maps to network space, of _preprocessing()",
                remedy="Scale inside of the network, by numbers of the configuration or buffers.",
            )
