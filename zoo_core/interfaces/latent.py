"""Latent: a model whose samples are decoded from hidden variables that it can infer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from zoo_core.errors import DataError, DefinitionError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.model import Model


class Posterior(ABC):
    """A distribution q(h | x) of the hidden variables of each of n rows."""

    @property
    @abstractmethod
    def mean(self) -> Float[Tensor, "n ..."]:
        """E[h | x], `[n, *latent_shape]`, differentiable."""

    @abstractmethod
    def log_prob(self, h: Float[Tensor, "n ..."]) -> Float[Tensor, " n"]:
        """Give log q(h | x) in nats, one number a row, differentiable.

        Raises UnsupportedError where h is a function of x, which has no density.
        """

    @abstractmethod
    def rsample(self, rng: torch.Generator) -> Float[Tensor, "n ..."]:
        """Draw h for each row, differentiable (Kingma & Welling 2014, section 2.4).

        The same rng gives the same draws.
        """


class Latent(Model, interface=True):
    """A model x ≈ g(h) with an inference of h; a plugin implements `_posterior` and `_decode`.

    Variational and plain autoencoders are of this kind. Data are arrays, in data space on both
    sides; h are floating arrays of `latent_shape`.

    Provisional: it may change until a second family has used it as it is.
    """

    _compilable: ClassVar[tuple[str, ...]] = ("_decode",)

    @property
    @abstractmethod
    def latent_shape(self) -> tuple[int, ...]:
        """The shape of the hidden variables of one sample."""

    @final
    def posterior(self, x: Any, *, condition: Any = None) -> Posterior:
        """Give q(h | x) for each row of `x [n, *shape]` as the user has it.

        Gradients flow through. Raises DataError, ConditionError.
        """
        self._require(Latent)
        data = self._checked(x)
        if not isinstance(data, Tensor):
            raise DefinitionError("A Latent model's space is of arrays", received=self.space)
        generator = self._rng(None, default_seed=0)
        context = self._context_of(condition, len(data))
        z: Any = self._to_network(data, generator, None)[0]
        posterior = self._posterior(z, Call(generator, context=context))
        self._require_shape(posterior.mean, (len(data), *self.latent_shape), "_posterior(…).mean")
        return posterior

    @final
    def encode(self, x: Any, *, condition: Any = None) -> Float[Tensor, "n ..."]:
        """Give the posterior's mean `[n, *latent_shape]`. Raises DataError, ConditionError."""
        return self.posterior(x, condition=condition).mean

    @final
    def decode(self, h: Any, *, condition: Any = None) -> Shaped[Tensor, "n ..."]:
        """Give the data `[n, *shape]` that hidden variables `h [n, *latent_shape]` stand for.

        Without noise: the mean or the mode of p(x | h). Gradients flow through, except to codes.
        Raises DataError, ConditionError.
        """
        self._require(Latent)
        h = self._hidden(h)
        context = self._context_of(condition, len(h))
        z = self._decode(h, Call(self._rng(None, default_seed=0), context=context))
        self._require_shape(z, (len(h), *self.space.shape), "_decode")
        x = self.preprocessing.inverse(z)
        return x.to(torch.int64) if self.space.kind.discrete else x

    @final
    def reconstruct(self, x: Any, *, condition: Any = None) -> Shaped[Tensor, "n ..."]:
        """Decode what x is encoded to. Raises DataError, ConditionError."""
        return self.decode(self.encode(x, condition=condition), condition=condition)

    @final
    def interpolate(
        self, a: Any, b: Any, steps: int, *, condition: Any = None
    ) -> Shaped[Tensor, "steps n ..."]:
        """Decode the straight lines from the encoded `a [n, *shape]` to the encoded b.

        The first `[n, *shape]` are reconstructions of a, the last of b. `condition` is one for
        all, or one a row. Raises DataError, ConditionError.
        """
        if steps < 2:
            raise DataError("An interpolation has at least two steps, its ends", received=steps)
        start, end = (self.encode(x, condition=condition) for x in (a, b))
        if len(start) != len(end):
            raise DataError(
                "Both ends have the same number of rows", received=f"{len(start)} and {len(end)}"
            )
        weights = torch.linspace(0, 1, steps).tolist()
        return torch.stack(
            [self.decode(torch.lerp(start, end, w), condition=condition) for w in weights]
        )

    @abstractmethod
    def _posterior(self, z: Tensor, call: Call) -> Posterior:
        """Infer the hidden variables of z `[n, *shape]`, which is in network space."""

    @abstractmethod
    def _decode(self, h: Tensor, call: Call) -> Tensor:
        """Give `[n, *shape]` in network space for h `[n, *latent_shape]`."""

    @final
    def _hidden(self, h: Any) -> Tensor:
        """Check hidden variables."""
        right = isinstance(h, Tensor) and h.is_floating_point()
        if not right or tuple(h.shape[1:]) != self.latent_shape or not len(h):
            raise DataError(
                f"Hidden variables are floating, [n, {', '.join(map(str, self.latent_shape))}]",
                received=f"{h.dtype} of shape {list(h.shape)}"
                if isinstance(h, Tensor)
                else type(h).__name__,
            )
        if h.device != self.device:
            raise DataError(
                "Hidden variables are on the model's device",
                received=f"{h.device}, model on {self.device}",
            )
        return h.to(self.dtype)

    @final
    def _require_shape(self, made: Tensor, shape: tuple[int, ...], method: str) -> None:
        if tuple(made.shape) != shape:
            raise DefinitionError(
                f"{type(self).__name__}.{method} has the shape {list(shape)}",
                received=f"shape {list(made.shape)}",
            )
