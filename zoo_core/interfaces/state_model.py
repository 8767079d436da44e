"""StateModel: a model of sequences with a discrete hidden state at every step."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import DataError, DefinitionError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.ragged import Ragged


class StateModel(Model, interface=True):
    """A model whose steps each have a hidden state z_t in 0 … S−1, as hidden Markov models do.

    A plugin implements `n_states`, `_filter`, `_smooth`, `_viterbi` and `_path_log_prob`
    (Rabiner 1989, section III). Lengths are given: no probability is spent on where a sequence
    ends, and one without steps has probability 1.

    Provisional: it may change until a second family has used it as it is.
    """

    @property
    @abstractmethod
    def n_states(self) -> int:
        """How many states there are, S."""

    @final
    @torch.no_grad()
    def filter(self, x: Ragged, *, condition: Any = None) -> Ragged:
        """Give log p(z_t | x_1 … x_t) in nats: the lengths of x, `[S]` a step.

        Raises DataError, ConditionError.
        """
        z, _, call = self._sequences(x, condition)
        return self._per_state("_filter", self._filter(z, call), z)

    @final
    @torch.no_grad()
    def smooth(self, x: Ragged, *, condition: Any = None) -> Ragged:
        """Give log p(z_t | x) in nats, x the whole sequence: the lengths of x, `[S]` a step.

        Raises DataError, ConditionError.
        """
        z, _, call = self._sequences(x, condition)
        return self._per_state("_smooth", self._smooth(z, call), z)

    @final
    @torch.no_grad()
    def viterbi(self, x: Ragged, *, condition: Any = None) -> tuple[Ragged, Float[Tensor, " n"]]:
        """Give the most probable path of states, and log p(x, path) in nats.

        Raises DataError, ConditionError.
        """
        z, log_det, call = self._sequences(x, condition)
        path, log_prob = self._viterbi(z, call)
        if path.shape != z.values.shape[:1] or log_prob.shape != (len(z),):
            raise DefinitionError(
                f"{type(self).__name__}._viterbi gives [{len(z.values)}] and [{len(z)}]",
                received=f"shapes {list(path.shape)} and {list(log_prob.shape)}",
            )
        return Ragged(path.to(torch.int64), z.lengths), log_prob + log_det

    @final
    def path_log_prob(
        self, x: Ragged, path: Ragged, *, condition: Any = None
    ) -> Float[Tensor, " n"]:
        """Give log p(x, path) in nats; summed over all paths it is the model's `log_prob`.

        Gradients flow through. Raises DataError, ConditionError.
        """
        z, log_det, call = self._sequences(x, condition)
        log_prob = self._path_log_prob(z, self._states(path, z), call)
        if log_prob.shape != (len(z),):
            raise DefinitionError(
                f"{type(self).__name__}._path_log_prob gives one number a row, [{len(z)}]",
                received=f"shape {list(log_prob.shape)}",
            )
        return log_prob + log_det

    @abstractmethod
    def _filter(self, z: Ragged, call: Call) -> Tensor:
        """Give log p(z_t | x_1 … x_t) of all steps end to end, `[total, S]`."""

    @abstractmethod
    def _smooth(self, z: Ragged, call: Call) -> Tensor:
        """Give log p(z_t | x) of all steps end to end, `[total, S]`."""

    @abstractmethod
    def _viterbi(self, z: Ragged, call: Call) -> tuple[Tensor, Tensor]:
        """Give the best paths' states end to end `[total]`, and log p(x, path) `[n]`."""

    @abstractmethod
    def _path_log_prob(self, z: Ragged, path: Ragged, call: Call) -> Tensor:
        """Give log p(x, path), one number a row."""

    @final
    def _sequences(self, x: Any, condition: Any) -> tuple[Ragged, Tensor, Call]:
        """Check sequences and their condition, and map them to network space."""
        self._require(StateModel)
        data = self._checked(x)
        generator = self._rng(None, default_seed=0)
        z, log_det = self._to_network(data, generator, None)
        if not isinstance(z, Ragged):
            raise DefinitionError("A StateModel's space is ragged", received=self.space)
        return z, log_det, Call(generator, context=self._context_of(condition, len(z)))

    @final
    def _states(self, path: Any, z: Ragged) -> Ragged:
        """Check a path: a state for each step."""
        if not isinstance(path, Ragged):
            raise DataError("A path of states is a Ragged", received=type(path).__name__)
        path = path.to(z.values.device)
        if not torch.equal(path.lengths, z.lengths):
            raise DataError(
                "A path has a state for each step of the data",
                received=f"lengths {path.lengths.tolist()[:8]} for {z.lengths.tolist()[:8]}",
            )
        values = path.values
        inside = values.dtype is torch.int64 and bool(
            ((values >= 0) & (values < self.n_states)).all()
        )
        if values.ndim != 1 or not inside:
            raise DataError(
                f"States are int64 numbers 0 … {self.n_states - 1}, one a step",
                received=f"{values.dtype} of shape {list(values.shape)}",
            )
        return path

    @final
    def _per_state(self, method: str, log_probs: Tensor, z: Ragged) -> Ragged:
        shape = (len(z.values), self.n_states)
        if log_probs.shape != shape:
            raise DefinitionError(
                f"{type(self).__name__}.{method} gives a number a step and state, {list(shape)}",
                received=f"shape {list(log_probs.shape)}",
            )
        return Ragged(log_probs, z.lengths)
