"""JointModel: a model of data and their class together, p(x, y)."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo_core.errors import DefinitionError, UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.context import ContextShape
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import DEFAULT_BATCH_SIZE, Generator
from zoo_core.interfaces.ragged import Ragged


class JointModel(Classifier, DensityModel, interface=True):
    """A model of p(x, y) = p(y) p(x | y), y in 0 … K−1; a plugin implements `_log_joint`.

    The condition is the class: `log_prob(x, condition=y)` is log p(x | y). Without a condition,
    and where a label is −1, the class is unknown: `log_prob(x)` is the marginal,
    log Σ_y p(y) p(x | y). By Bayes' rule it is a Classifier. The conditioner is one whose
    contexts are one-hot vectors, such as core/label with `missing=True`.

    Provisional: it may change until a second family has used it as it is.
    """

    marginalizes: ClassVar[bool] = True

    @property
    @final
    def classes(self) -> int:
        """How many classes there are, K: the conditioner's."""
        conditioner: Any = self.get_submodule("conditioner")
        levels = conditioner.space.n_levels
        if levels is None or conditioner.context_shape != ContextShape(vector=levels):
            raise DefinitionError(
                "The condition of a model of (x, y) is a class, as a one-hot vector",
                received=f"{conditioner.space}, encoded as {conditioner.context_shape}",
                remedy="Use a conditioner core/label without width.",
            )
        return levels

    @property
    def class_log_prior(self) -> Float[Tensor, " classes"]:
        """The log-probabilities of the classes, log p(y) in nats, `[K]`."""
        return self._class_log_prior()

    @final
    def log_joint(self, x: Any) -> Float[Tensor, "n classes"]:
        """Give log p(x, y), in nats, for each row of `x [n, *shape]` and class y, `[n, K]`.

        Gradients flow through. Raises DataError.
        """
        data = self._checked(x)
        generator = self._rng(None, default_seed=0)
        z, log_det = self._to_network(data, generator, None)
        return self._joint(z, Call(generator)) + log_det[:, None]

    @final
    def sample_joint(
        self,
        n: int,
        *,
        lengths: Any = None,
        rng: torch.Generator | None = None,
        batch_size: int = DEFAULT_BATCH_SIZE,
        **options: Any,
    ) -> tuple[Tensor | Ragged, Int64[Tensor, " n"]]:
        """Draw n pairs (x, y): classes by p(y), and data given each.

        The same rng, n and batch_size give the same pairs. Raises UnsupportedError for a model
        without samples.
        """
        if not isinstance(self, Generator) or Generator not in self.provides:
            raise UnsupportedError(f"{self._name} makes no samples")
        generator = self._rng(rng, default_seed=None)
        with torch.no_grad():
            y = self.class_log_prior.exp().multinomial(n, replacement=True, generator=generator)
        x = self.sample(
            n, condition=y, lengths=lengths, rng=generator, batch_size=batch_size, **options
        )
        return x, y

    @abstractmethod
    def _log_joint(self, z: Any, call: Call) -> Tensor:
        """Give log p(z, y) in nats, `[n, K]`, z in network space; `call` has no context."""

    @abstractmethod
    def _class_log_prior(self) -> Tensor:
        """Give log p(y), `[K]`; the probabilities add up to 1."""

    @final
    def _log_prob(self, z: Any, call: Call) -> Tensor:
        """Give log p(z | y) where the class is told, log p(z) where it isn't."""
        joint, prior = self._joint(z, call), self._class_log_prior()
        if call.context is None:
            return joint.logsumexp(1)
        possible = self._possible(call.context.as_vector())
        told = prior.expand_as(joint).masked_fill(~possible, -torch.inf)
        return joint.masked_fill(~possible, -torch.inf).logsumexp(1) - told.logsumexp(1)

    @final
    def _log_class_prob(self, z: Any, call: Call) -> Tensor:
        return self._joint(z, call).log_softmax(1)

    def _loss(self, batch: Batch, call: Call) -> Tensor:
        """Give −log p(x, y); −log p(x) of a row whose class is unknown."""
        joint = self._joint(batch.x, call)
        if call.context is not None:
            joint = joint.masked_fill(~self._possible(call.context.as_vector()), -torch.inf)
        loss = -joint.logsumexp(1)
        return loss if call.log_det is None else loss - call.log_det

    @final
    def _classes_of(self, n: int, call: Call) -> Int64[Tensor, " n"]:
        """Give the class of each of n samples: the one that was told, else one drawn by p(y)."""
        chances = self._class_log_prior().exp().expand(n, -1)
        if call.context is not None:
            chances = chances * self._possible(call.context.as_vector())
        return chances.multinomial(1, generator=call.rng)[:, 0]

    @final
    def _possible(self, context: Tensor) -> Tensor:
        """Mark the classes that a context leaves open, `[n, K]`: one, or all for a zero vector."""
        return (context > 0) | (context == 0).all(1, keepdim=True)

    @final
    def _joint(self, z: Any, call: Call) -> Tensor:
        joint = self._log_joint(z, call)
        if joint.shape != (len(z), self.classes):
            raise DefinitionError(
                f"{type(self).__name__}._log_joint gives a number a row and class, "
                f"[{len(z)}, {self.classes}]",
                received=f"shape {list(joint.shape)}",
            )
        return joint
