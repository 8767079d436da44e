"""Guidance: what stands between a sampler and a denoiser, and leads the samples somewhere."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Self, final

import torch
from torch import Tensor

from zoo_core.errors import ConditionError, OptionError
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.noise import Noise
from zoo_core.interfaces.prediction import Prediction

if TYPE_CHECKING:
    from zoo_core.interfaces.model import Model

Denoise = Callable[[Tensor, Noise, Sequence[Context | None]], list[Prediction]]
"""From noised rows and several contexts for all of them: one prediction for each context."""


class Guidance(ABC):
    """A way to lead samples, as people ask for it: `model.sample(n, guidance=[…])`.

    It knows neither the model nor how many samples there will be until it is bound. Of several
    the first is nearest the network. Provisional until a second family has used it unchanged.
    """

    @abstractmethod
    def bind(self, model: Model, n: int) -> BoundGuidance:
        """Prepare for n samples of a model. Raises ConditionError or OptionError."""


class BoundGuidance(ABC):
    """Middleware around a denoiser: it may ask for other contexts, and changes what comes back.

    What it gives is a prediction for each context that it was asked for, each pair (x0, eps)
    consistent with x.
    """

    @abstractmethod
    def take(self, rows: slice) -> Self:
        """Give the guidance of these rows."""

    @abstractmethod
    def __call__(
        self, denoise: Denoise, x: Tensor, noise: Noise, contexts: Sequence[Context | None]
    ) -> list[Prediction]:
        """Predict by `denoise`; one prediction for each of the contexts."""


def guided(denoise: Denoise, guidance: Sequence[BoundGuidance]) -> Denoise:
    """Put guidance around a denoiser, the first nearest to it."""
    for one in guidance:
        denoise = partial(one, denoise)
    return denoise


def bind_all(guidance: Any, model: Model, n: int) -> tuple[BoundGuidance, ...]:
    """Bind each of a list. Raises OptionError for what is no list of Guidance."""
    if not isinstance(guidance, Sequence) or not all(isinstance(g, Guidance) for g in guidance):
        raise OptionError(
            "guidance is a list of Guidance",
            received=type(guidance).__name__,
            remedy="For example guidance=[ClassifierFree(3.0)].",
        )
    return tuple(one.bind(model, n) for one in guidance)


@final
@dataclass(frozen=True, eq=False)
class ClassifierFree(Guidance):
    """Classifier-free guidance: prediction(null) + scale·(prediction(told) − prediction(null)).

    Ho & Salimans 2022, arXiv:2207.12598, eq. 6, with scale = 1 + w. The neutral scale is 1: the
    samples are those without guidance. At 0 they are those of a model that isn't told; above 1
    they follow the condition more than the model believes that data do. The scale is a number,
    or one a sample. `negative`, a condition for all samples or one a sample, takes the place of
    null: samples are led away from it.
    """

    scale: float | Sequence[float] | Tensor
    negative: Any = None

    def bind(self, model: Model, n: int) -> BoundGuidance:
        """Give each sample its scale and prepare the negative.

        Raises ConditionError for a model that takes no condition, or a wrong negative;
        OptionError for scales that aren't one, or one a sample, each finite.
        """
        conditioner = model._conditioner()
        if conditioner is None:
            raise ConditionError(
                "Classifier-free guidance leads towards a condition",
                received="a model that takes none",
            )
        scale = torch.as_tensor(self.scale, dtype=torch.float64)
        if scale.shape not in ((), (n,)) or not bool(torch.isfinite(scale).all()):
            raise OptionError("scale is a number, or one a sample, finite", received=self.scale)
        # Half precision has no 7.3: a scale is rounded where it enters, not before.
        scale = scale.to(torch.promote_types(model.dtype, torch.float32)).to(model.device).expand(n)
        return BoundClassifierFree(model, scale, self._negative(model, n))

    def _negative(self, model: Model, n: int) -> Codes | Context:
        if self.negative is None:
            return model._conditioner().null.expand(n)
        if isinstance(self.negative, Codes | Context):
            return self.negative.expand(n)
        return model._codes_of(self.negative, n)


@final
@dataclass(frozen=True, eq=False)
class BoundClassifierFree(BoundGuidance):
    """ClassifierFree for n samples of a model: `scale [n]`, and what they are led away from."""

    model: Model
    scale: Tensor
    negative: Codes | Context

    def take(self, rows: slice) -> Self:
        """Give the guidance of these rows."""
        return replace(self, scale=self.scale[rows], negative=self.negative.take(rows))

    def __call__(
        self, denoise: Denoise, x: Tensor, noise: Noise, contexts: Sequence[Context | None]
    ) -> list[Prediction]:
        """Predict for the contexts, led away from the negative."""
        if self.is_neutral:
            return denoise(x, noise, contexts)
        *told, null = denoise(x, noise, [*contexts, self.null])
        scale = self.scale.to(null.x0.dtype)
        return [null.lerp(prediction, scale) for prediction in told]

    @cached_property
    def is_neutral(self) -> bool:
        """Whether no sample is led anywhere: then null isn't asked for, which saves half."""
        return bool((self.scale == 1).all())

    @cached_property
    def null(self) -> Context | None:
        """The negative, encoded once for all steps."""
        return self.model._encoded(self.negative)
