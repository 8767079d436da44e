"""JointModel: a model of data and their class together, p(x, y)."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo_core.errors import ConditionError, DataError, DefinitionError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.call import Call, Observed, hidden
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.context import ContextShape
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import DEFAULT_BATCH_SIZE, Generator
from zoo_core.interfaces.ragged import Ragged

_CHUNK = 4096
"""How many rows are normalised together: they stay in the cache."""


class JointModel(Classifier, DensityModel, interface=True):
    """A model of p(x, y) = p(y) p(x | y), y in 0 … K−1.

    The condition is the class: `log_prob(x, condition=y)` is log p(x | y). Without a condition,
    and where a label is −1, the class is unknown: `log_prob(x)` is the marginal,
    log Σ_y p(y) p(x | y). By Bayes' rule it is a Classifier. The conditioner is one whose
    contexts are one-hot vectors, such as core/label with `missing=True`.

    A plugin implements `_log_prob_each` and `_class_log_prior`; one that makes samples asks
    `_classes_of` in `_sample` for the class of each. One that `observes` sums missing entries out
    of `_log_prob_each`: NaN, or the code −1.

    Provisional: it may change until a second family has used it as it is.
    """

    marginalizes: ClassVar[bool] = True

    @property
    @final
    def classes(self) -> int:
        """How many classes there are, K: the conditioner's."""
        conditioner = self._conditioner()
        told = "no conditioner"
        if conditioner is not None:
            levels, shape = conditioner.space.n_levels, conditioner.context_shape
            if levels is not None and shape == ContextShape(vector=levels):
                return levels
            told = f"{conditioner.space}, encoded as {shape}"
        raise DefinitionError(
            "The condition of a model of (x, y) is a class, as a one-hot vector",
            received=told,
            remedy="Use a conditioner core/label without width.",
        )

    @property
    @final
    def class_log_prior(self) -> Float[Tensor, " classes"]:
        """The log-probabilities of the classes, log p(y) in nats, `[K]`."""
        self._require(JointModel)
        return self._class_log_prior()

    @final
    def log_joint(self, x: Any) -> Float[Tensor, "n classes"]:
        """Give log p(x, y), in nats, for each row of `x [n, *shape]` and class y, `[n, K]`.

        Gradients flow through. Raises DataError.
        """
        self._require(JointModel)
        data = self._checked(x)
        generator = self._rng(None, default_seed=0)
        z, log_det = self._to_network(data, generator, None)
        return self._each(z, Call(generator)) + self._class_log_prior() + log_det[:, None]

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
        """Draw n pairs (x, y): classes by p(y), and data given each by `sample(n, condition=y)`.

        The same rng, n and batch_size give the same pairs. Raises DataError for n below 1,
        UnsupportedError for a model without samples.
        """
        for interface in (JointModel, Generator):
            self._require(interface)
        if n < 1:
            raise DataError("n is at least 1", received=n)
        generator = self._rng(rng, default_seed=None)
        with torch.no_grad():
            y = self._class_log_prior().exp().multinomial(n, replacement=True, generator=generator)
        model: Any = self
        x = model.sample(
            n, condition=y, lengths=lengths, rng=generator, batch_size=batch_size, **options
        )
        return x, y

    @abstractmethod
    def _log_prob_each(self, z: Any, call: Call) -> Tensor:
        """Give log p(z | y) in nats for each class, `[n, K]`, z in network space.

        Whatever `call.context` tells, all classes are scored.
        """

    @abstractmethod
    def _class_log_prior(self) -> Tensor:
        """Give log p(y), `[K]`; the probabilities add up to 1, and may be 0."""

    def _log_prob_ratios(self, z: Any, call: Call) -> Tensor:
        """Give log p(z | y) of each class up to a number of the row's, `[n, K]`: for Bayes' rule.

        By default exactly; a model does less here where that number is costly.
        """
        return self._each(z, call)

    @final
    def _log_prob(self, z: Any, call: Call) -> Tensor:
        """Give log p(z | y) where the class is told, log p(z) where it isn't."""
        log_prob = self._summed(self._each(z, call), call)
        if not isinstance(call.observed, Tensor):
            return log_prob
        known = self._summed(self._each(hidden(z, ~call.observed), call), call)
        return torch.where(known.isneginf(), known, log_prob - known)

    @final
    def _log_class_prob(self, z: Any, call: Call) -> Tensor:
        """Give Bayes' rule's log p(y | z); the prior's for a row that no class makes possible."""
        return _posterior(self._log_prob_ratios(z, call), self._class_log_prior())

    def _loss(self, batch: Batch, call: Call) -> Tensor:
        """Give −log p(x, y); −log p(x) of a row whose class is unknown."""
        joint = self._each(batch.x, call) + self._class_log_prior()
        told = self._told_class(call)
        if told is not None:
            loss = -joint.gather(1, told[:, None])[:, 0]
        elif call.context is None:
            loss = -joint.logsumexp(1)
        else:
            loss = -joint.masked_fill(~self._possible(call), -torch.inf).logsumexp(1)
        return loss if call.log_det is None else loss - call.log_det

    @final
    def _classes_of(self, n: int, call: Call) -> Int64[Tensor, " n"]:
        """Draw the class of each of n samples: the one that was told, else one by its probability.

        That is p(y), or p(y | what is observed of the sample).
        """
        told = self._told_class(call)
        if told is not None:
            return told
        if isinstance(call.observed, Observed):
            z: Any = self._to_network(self._move(call.observed.values), call.rng, None)[0]
            shares = self._responsibilities(hidden(z, ~call.observed.mask), call)
        else:
            shares = self._log_shares(call).exp().expand(n, -1)
        return shares.multinomial(1, generator=call.rng)[:, 0]

    @final
    def _responsibilities(self, z: Any, call: Call) -> Tensor:
        """Give p(y | z and what is told of the class), `[n, K]`: by what an E step weighs rows."""
        return _posterior(self._log_prob_ratios(z, call), self._log_shares(call)).exp()

    @final
    def _log_shares(self, call: Call) -> Tensor:
        """Give log p(y | what is told of the class): `[K]` where nothing is, else `[n, K]`.

        A class that is told has the share 1, a prior of 0 or not.
        """
        prior = self._class_log_prior()
        if call.context is None:
            return prior
        finite = prior.clamp_min(torch.finfo(prior.dtype).min)
        return finite.masked_fill(~self._possible(call), -torch.inf).log_softmax(1)

    @final
    def _summed(self, each: Tensor, call: Call) -> Tensor:
        """Give log p(z | what is told of the class) from log p(z | y) of each."""
        told = self._told_class(call)
        if told is not None:
            return each.gather(1, told[:, None])[:, 0]
        return (each + self._log_shares(call)).logsumexp(1)

    @final
    def _told_class(self, call: Call) -> Tensor | None:
        """Give the class of each row `[n]` where every row is told one; else None."""
        if call.context is None:
            return None
        context = call.context.as_vector()
        most, told = context.max(1)
        one = (most == 1) & (context.sum(1) == 1)
        return told if bool(one.all() & (context.amin() >= 0)) else None

    @final
    def _possible(self, call: Call) -> Tensor:
        """Mark the classes that a context leaves open, `[n, K]`: several ones mean one of these."""
        context = (
            call.context.as_vector() if call.context is not None else torch.zeros(1, self.classes)
        )
        if not bool(((context == 0) | (context == 1)).all()):
            raise ConditionError(
                "The context of a model of (x, y) has ones for the classes that are possible",
                received="other numbers than 0 and 1",
                remedy="Tell one class a row; count a row of uncertain class once a class, by "
                "weight.",
            )
        return (context > 0) | (context == 0).all(1, keepdim=True)

    @final
    def _each(self, z: Any, call: Call) -> Tensor:
        each = self._log_prob_each(z, call)
        if each.shape != (len(z), self.classes):
            raise DefinitionError(
                f"{type(self).__name__}._log_prob_each gives a number a row and class, "
                f"[{len(z)}, {self.classes}]",
                received=f"shape {list(each.shape)}",
            )
        return each


def _posterior(each: Tensor, shares: Tensor) -> Tensor:
    """Give log p(y | x) from log p(x | y) and log p(y); the latter where x is impossible."""
    whole = shares.expand(each.shape)
    pairs = zip(each.split(_CHUNK), whole.split(_CHUNK), strict=True)
    return torch.cat([_normalized(one, share) for one, share in pairs])


def _normalized(each: Tensor, shares: Tensor) -> Tensor:
    joint = each + shares
    impossible = joint.detach().amax(1, keepdim=True).isneginf()
    if bool(impossible.any()):
        joint = torch.where(impossible, shares, joint)
    # Classes are few and rows are many: over the first dimension it takes half the time.
    return joint.T.contiguous().log_softmax(0).T
