"""StackModel: one distribution of a stack, as a model."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.call import Call, Observed
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.fitting import FitReport, FitRequest
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.sufficient_statistics import Stats, SufficientStatistics
from zoo_plugin_classical.expectation_maximization import (
    LOG_LIKELIHOOD,
    EMOptions,
    NetworkRows,
    fit_by_em,
)
from zoo_plugin_classical.stack import ConditionalStack, Stack, without


class StackModel(Generator, DensityModel, SufficientStatistics):
    """A model that is a stack of one: all that it does, the stack does.

    Several of them with one configuration are worked on as one stack where they are the
    components of a mixture. Fitting is by one step of EM, and by more where values are missing.
    """

    stack: Any
    """The stack; a class narrows the annotation to its own."""

    @abstractmethod
    def _stack(self, k: int) -> Stack:
        """Make a stack of k such distributions; random numbers come from torch's global state."""

    @final
    def _build(self) -> None:
        self.stack = self._stack(1)

    @final
    def _log_prob(self, z: Any, call: Call) -> Tensor:
        scores = self.stack.log_prob_each(z)[:, 0]
        if not isinstance(call.observed, Tensor):
            return scores
        return scores - self.stack.log_prob_each(without(z, call.observed))[:, 0]

    @final
    def _sample(self, n: int, call: Call) -> Tensor:
        which = torch.zeros(n, dtype=torch.int64, device=self.device)
        if not isinstance(call.observed, Observed):
            drawn = self.stack.sample_each(which, call.rng)
        elif isinstance(self.stack, ConditionalStack):
            known, _ = self.preprocessing(call.observed.values.to(self.dtype), call.rng)
            known = without(known, call.observed.mask)
            drawn = self.stack.sample_rest(known, which, call.rng)
        else:
            raise UnsupportedError(f"{self._name} can't be told a part of the sample")
        return drawn.reshape(n, *self.space.shape)

    @final
    def _statistics(self, z: Any, weight: Tensor, call: Call) -> Stats:
        total = weight.double() @ self.stack.log_prob_each(z)[:, 0].double()
        sums = self.stack.statistics_each(z, weight[:, None])
        return Stats({**sums, LOG_LIKELIHOOD: total})

    @final
    def _update(self, stats: Stats) -> None:
        self.stack.update(stats.tensors)

    @final
    def _log_prior(self) -> Tensor:
        return self.stack.log_prior()

    @final
    def _fit(self, request: FitRequest) -> FitReport:
        options = self._options(EMOptions, request.options)
        return fit_by_em(self, request, options, self._start)

    @final
    def _start(self, rows: NetworkRows, rng: torch.Generator) -> None:
        """Start from the first rows, which are all of them unless they come in batches."""
        del rng
        z, weight, _ = next(iter(rows))
        self.stack.start(z, weight[:, None])
