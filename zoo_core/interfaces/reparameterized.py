"""Reparameterized: a model whose samples are a differentiable function of its parameters."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import DataError, DefinitionError, UnsupportedError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.randomness import child_rng


class Reparameterized(Model, interface=True):
    """A model whose samples carry gradients; a plugin implements `_rsample(n, call)`.

    A sample is x = g(ε; θ) with noise ε that knows nothing of the parameters θ, so that the
    gradient of E[f(x)] is E[∇f(g(ε; θ))] (Kingma & Welling 2014, arXiv:1312.6114, section 2.4).
    """

    _compilable: ClassVar[tuple[str, ...]] = ("_rsample",)

    @final
    def rsample(
        self, n: int, *, condition: Any = None, rng: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "n ..."], Float[Tensor, " n"]]:
        """Draw samples `[n, *shape]` with the log-density of each in nats, both differentiable.

        The log-density is what `log_prob` would give for the sample, in data space. The same rng
        and n give the same samples. Raises ConditionError, DataError, or UnsupportedError for a
        model of codes, which are no differentiable function of anything.
        """
        if n < 1:
            raise DataError("n is at least 1", received=n)
        if any(entry.kind.discrete for entry in self.space.entries or (self.space,)):
            raise UnsupportedError(
                "Codes have no reparameterised samples: rounding has no gradient",
                received=f"a model of {self.space}",
                remedy="Use sample() and log_prob(), or a model of real data.",
            )
        parent = self._rng(rng, default_seed=None)
        context = self._context_of(condition, n)
        z, log_prob = self._rsample(n, Call(child_rng(parent, self.device), context=context))
        if z.shape != (n, *self.space.shape) or log_prob.shape != (n,):
            raise DefinitionError(
                f"{type(self).__name__}._rsample gives [{n}, *{list(self.space.shape)}] and [{n}]",
                received=f"shapes {list(z.shape)} and {list(log_prob.shape)}",
            )
        x, log_slope = self.preprocessing.inverse_with_log_slope(z)
        return x, log_prob - log_slope.reshape(n, -1).sum(1)

    @abstractmethod
    def _rsample(self, n: int, call: Call) -> tuple[Tensor, Tensor]:
        """Draw n samples in network space with `call.rng`; give log-densities [n] there too."""
