"""A single distribution: one of a stack, as a model."""

from __future__ import annotations

import time
from abc import abstractmethod
from typing import Any, final

import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.interfaces.call import NoOptions
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_core.interfaces.sufficient_statistics import Stats, SufficientStatistics
from zoo_plugin_classical.expectation_maximization import NetworkRows, expectation
from zoo_plugin_classical.stack import Stack


class SingleDistribution(zoo.Generator, zoo.DensityModel, SufficientStatistics):
    """p(x) of a stack of one distribution whose fit is a closed form: a model's part, or alone.

    A family says which stack in `_stack`. Missing entries are summed out, and learnt without.
    """

    stack: Stack

    @abstractmethod
    def _stack(self) -> Stack:
        """Make the stack of one distribution; `update` is the maximum, from one pass."""

    @final
    def _build(self) -> None:
        self.stack = self._stack()

    @final
    def _log_prob(self, z: Any, call: zoo.Call) -> Tensor:
        del call
        return self.stack.log_prob_each(z)[:, 0]

    @final
    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        which = torch.zeros(n, dtype=torch.int64, device=self.device)
        return self.stack.sample_each(which, call.rng)

    @final
    def _statistics(self, z: Any, weight: Tensor, call: zoo.Call) -> Stats:
        del call
        return Stats(self.stack.statistics_each(z, weight[:, None]))

    @final
    def _update(self, stats: Stats) -> None:
        self.stack.update(stats.tensors)

    @final
    def _log_prior(self) -> Tensor:
        return self.stack.log_prior()

    @final
    def _fit(self, request: FitRequest) -> FitReport:
        began = time.perf_counter()
        self._options(NoOptions, request.options)
        rows = NetworkRows(self, request.data, request.rng)
        stats, total = expectation(self, rows)
        self.update(stats)
        figures = self._figures(rows, total)
        if request.valid is not None:
            held = NetworkRows(self, request.valid, request.rng)
            figures["valid"] = -self._mean(held)
        seconds = time.perf_counter() - began
        return FitReport(1, seconds, StopReason.CONVERGED, (figures,), figures)

    def _figures(self, rows: NetworkRows, total: float) -> dict[str, float]:
        """Give minus the objective and the log-likelihood, in nats a row."""
        log_likelihood = self._mean(rows)
        objective = log_likelihood + float(self.log_prior().detach()) / total
        return {"step": 1, "loss": -objective, "log_likelihood": log_likelihood}

    @torch.no_grad()
    def _mean(self, rows: NetworkRows) -> float:
        """Give the weighted mean of log p(x)."""
        score = total = 0.0
        for z, weight, call in rows:
            score += float(weight.double() @ self._log_prob(z, call).double())
            total += float(weight.sum())
        return score / total
