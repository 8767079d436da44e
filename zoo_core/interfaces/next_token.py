"""NextToken: a model of sequences of codes that says how likely each code is to come next."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, final

from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import DataError, DefinitionError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.ragged import Ragged


@final
class Cache:
    """What a model keeps of the prefixes that it has seen, so as not to read them again.

    Opaque to the caller, and used once: the call that takes it may change what is in it, and
    gives the one for the call after.
    """

    def __init__(self, state: Any, rows: int) -> None:
        self._state, self._rows, self._used = state, rows, False

    def take(self, rows: int) -> Any:
        """Give what the model kept, once. Raises DataError for other rows, or a second time."""
        if self._used:
            raise DataError(
                "A cache is used once",
                received="one that an earlier call has taken",
                remedy="Go on with the cache that that call gave.",
            )
        if rows != self._rows:
            raise DataError(
                "A cache is of the same rows as the prefix",
                received=f"a cache of {self._rows} rows, a prefix of {rows}",
            )
        state, self._state, self._used = self._state, None, True
        return state


class NextToken(Model, interface=True):
    """A model of sequences of codes, one code a step; a plugin implements `_next_log_prob`.

    Of a DensityModel, log p(x) = Σ_t log p(x_t | x_1 … x_{t−1}) (the chain rule) is the sum of
    the figures here. Lengths are given: no probability is spent on where a sequence ends. A
    model that ends its sequences itself has a code for the end, one of its space's levels, which
    counts where it stands in the data.

    Provisional: it may change until a second family has used it as it is.
    """

    @property
    def window(self) -> int | None:
        """How many codes a sequence has at most; None without a limit."""
        return None

    @final
    def next_log_prob(
        self, prefix: Ragged, *, condition: Any = None, cache: Cache | None = None
    ) -> tuple[Float[Tensor, "n levels"], Cache]:
        """Give log p(next code | prefix) in nats, of every code, and a cache of the prefix.

        Prefixes may be of unequal lengths, 0 among them. With the `cache` of an earlier call,
        `prefix` is what has come since, at least a step a row; the figures equal those of the
        whole prefix without one. The condition is the same each time. Gradients flow through.
        Raises DataError, ConditionError.
        """
        self._require(NextToken)
        steps, levels = self._prefix(prefix), self.space.n_levels
        if cache is not None and bool((steps.lengths == 0).any()):
            raise DataError(
                "Beside a cache, a prefix is what has come since: at least a step a row",
                received=f"lengths {steps.lengths.tolist()[:8]}",
                remedy="Give a row that has ended any code, and ignore its figures.",
            )
        n = len(steps)
        state = None if cache is None else cache.take(n)
        generator = self._rng(None, default_seed=0)
        call = Call(generator, context=self._context_of(condition, n))
        log_probs, state = self._next_log_prob(steps, state, call)
        if log_probs.shape != (n, levels):
            raise DefinitionError(
                f"{type(self).__name__}._next_log_prob gives a number a row and code, "
                f"[{n}, {levels}]",
                received=f"shape {list(log_probs.shape)}",
            )
        return log_probs, Cache(state, n)

    @abstractmethod
    def _next_log_prob(self, steps: Ragged, state: Any, call: Call) -> tuple[Tensor, Any]:
        """Give log p(next code) `[n, levels]` after more steps, and what to keep.

        `state` is what the call before kept, and may be changed; None where the steps are the
        first.
        """

    @final
    def _prefix(self, prefix: Any) -> Ragged:
        """Check a prefix."""
        space = self.space
        if not (space.ragged and space.n_levels is not None and space.shape == ()):
            raise DefinitionError(
                "A NextToken model's space is sequences of codes, one a step", received=space
            )
        checked = self._checked(prefix)
        if not isinstance(checked, Ragged):
            raise DataError("Prefixes are sequences", received=type(prefix).__name__)
        return checked
