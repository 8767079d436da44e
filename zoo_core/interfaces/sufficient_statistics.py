"""SufficientStatistics: a model that learns from sums over its data, by exact steps of EM."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.errors import DataError, DefinitionError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.requests import checked_weight


@final
@dataclass(frozen=True, eq=False)
class Stats:
    """Named sums over rows: those of two sets of rows add up to those of both.

    `3 * stats` are the statistics of rows that weigh three times as much. Statistics are those
    under the parameters by which they were made: add up only what one set of parameters gave.
    """

    tensors: Mapping[str, Tensor]

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))

    def __getitem__(self, name: str) -> Tensor:
        return self.tensors[name]

    def __add__(self, other: Stats) -> Stats:
        if self._shapes() != other._shapes():
            raise DataError(
                "Statistics that are added have the same names and shapes",
                received=f"{self._shapes()} and {other._shapes()}",
                remedy="Add statistics of one model.",
            )
        return Stats({name: tensor + other[name] for name, tensor in self.tensors.items()})

    def __mul__(self, factor: float) -> Stats:
        return Stats({name: tensor * factor for name, tensor in self.tensors.items()})

    __rmul__ = __mul__

    def to(self, device: torch.device | str) -> Stats:
        """Move to a device."""
        return Stats({name: tensor.to(device) for name, tensor in self.tensors.items()})

    def _shapes(self) -> dict[str, list[int]]:
        return {name: list(tensor.shape) for name, tensor in sorted(self.tensors.items())}


class SufficientStatistics(Model, interface=True):
    """A model that learns from sums over rows; a plugin implements `_statistics` and `_update`.

    `statistics` is the E step of expectation-maximisation and `update` its M step (Dempster,
    Laird & Rubin 1977, section 2), so that Σ weight · log p(x) + log_prior() never falls; where
    nothing is hidden, one step is the fit. Since sums add up, rows may come batch by batch.

    Provisional: it may change until a second family has used it as it is.
    """

    @final
    @torch.no_grad()
    def statistics(self, x: Any, *, condition: Any = None, weight: Any = None) -> Stats:
        """Give the expected statistics of rows `x [n, *shape]` under the present parameters.

        `weight [n]` counts each row so many times; one of weight 0 counts as absent. Raises
        DataError, ConditionError.
        """
        self._require(SufficientStatistics)
        data = self._checked(x)
        n = len(data)
        weights = checked_weight(weight, n, whole=False)
        if weights is None:
            weights = torch.ones(n)
        generator = self._rng(None, default_seed=0)
        z, _ = self._to_network(data, generator, None)
        call = Call(generator, context=self._context_of(condition, n))
        stats = self._statistics(z, weights.to(self.device, self.dtype), call)
        if not isinstance(stats, Stats):
            raise DefinitionError(
                f"{type(self).__name__}._statistics gives Stats", received=type(stats).__name__
            )
        return stats

    @final
    @torch.no_grad()
    def update(self, stats: Stats) -> None:
        """Set the parameters that maximise the expected log-likelihood plus `log_prior`.

        Tensors are changed in place, never their shapes or types, nor the statistics. What no row
        tells about (all weights 0) is never NaN afterwards. Raises DataError for statistics that
        are not finite, UnsupportedError for a view by `given`.
        """
        self._require(SufficientStatistics)
        self._refuse_given("be updated")
        wrong = [name for name, t in stats.tensors.items() if not bool(t.isfinite().all())]
        if wrong:
            raise DataError("Statistics are finite numbers", received=f"others in {wrong}")
        self._update(stats.to(self.device))

    @final
    def log_prior(self) -> Tensor:
        """Give what `update` maximises beside the log-likelihood, in nats: a number.

        The log of a prior or a penalty's negative, up to a constant; 0 for maximum likelihood.
        """
        self._require(SufficientStatistics)
        return self._log_prior()

    @abstractmethod
    def _statistics(self, z: Tensor | Ragged, weight: Tensor, call: Call) -> Stats:
        """Give the sums over rows in network space, each times its `weight [n]`.

        Moments are best taken around the present parameters: those about zero lose their digits
        where the mean is large.
        """

    @abstractmethod
    def _update(self, stats: Stats) -> None:
        """Set the parameters in place from statistics on the model's device."""

    def _log_prior(self) -> Tensor:
        return torch.zeros((), device=self.device, dtype=self.dtype)
