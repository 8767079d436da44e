"""Models of data and their class, p(x, y): everything is exact, unknown classes summed out."""

from __future__ import annotations

import math
import time
from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.interfaces.conditionable import Conditionable
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_core.interfaces.joint import JointModel
from zoo_core.interfaces.space import Kind


class Independent(zoo.Generator, JointModel, Conditionable):
    """Entries that are independent given the class, learnt by EM where classes are unknown."""

    class Config(zoo.Config):
        space: zoo.Space
        conditioner: zoo.Part

    config: Config
    conditioner: zoo.Conditioner

    def _build(self) -> None:
        self.logits = nn.Parameter(torch.randn(self.classes))
        self._build_entries(self.classes)

    @abstractmethod
    def _build_entries(self, classes: int) -> None: ...

    @abstractmethod
    def entries(self, z: Tensor) -> Tensor:
        """log p(z_j | y) of each entry, `[n, K, d]`; of missing ones anything."""

    @abstractmethod
    def draw(self, y: Tensor, rng: torch.Generator) -> Tensor:
        """Draw a row `[n, d]` of each class."""

    @abstractmethod
    def centres(self, share: Tensor) -> Tensor:
        """The mean of each entry in a mixture of classes with these shares, `[n, d]`."""

    @abstractmethod
    def set_entries(self, z: Tensor, known: Tensor, share: Tensor) -> None:
        """Set the entries' parameters from rows, which belong to each class by `share [n, K]`."""

    def _class_log_prior(self) -> Tensor:
        return self.logits.log_softmax(0)

    def _log_prob_each(self, z: Tensor, call: zoo.Call) -> Tensor:
        z = z.flatten(1)
        known = ~self.space.is_missing(z)
        filled = torch.where(known, z, torch.zeros_like(z))
        return torch.where(known[:, None], self.entries(filled), 0.0).sum(2)

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        y = self._classes_of(n, call)
        return self.draw(y, call.rng).reshape(n, *self.space.shape)

    def _conditional_mean(self, values: Tensor, mask: Tensor, call: zoo.Call) -> Tensor:
        return self.centres(self._responsibilities(values, call)).reshape(values.shape)

    def _fit(self, request: FitRequest) -> FitReport:
        began, batch = time.perf_counter(), request.data
        assert isinstance(batch, zoo.Batch) and isinstance(batch.x, Tensor)
        z = batch.x if self.space.kind.discrete else batch.x.to(self.dtype)
        weight = torch.ones(len(z)) if batch.weight is None else batch.weight
        context = self._context_of(batch.condition, len(z))
        call = zoo.Call(request.rng, context=context)
        history: list[dict[str, float]] = []
        for step in range(21):
            figure = self.step(z.flatten(1), weight.to(self.dtype), call)
            history.append({"step": step, "loss": -figure})
        return FitReport(20, time.perf_counter() - began, StopReason.FINISHED, tuple(history))

    @torch.no_grad()
    def step(self, z: Tensor, weight: Tensor, call: zoo.Call) -> float:
        """Take a step of EM; give the mean log-likelihood before it."""
        joint = self._log_prob_each(z, call) + self.prior_of(call)
        share = joint.softmax(1) * weight[:, None]
        self.logits.copy_(share.sum(0).clamp_min(1e-30).log())
        self.set_entries(z, ~self.space.is_missing(z), share)
        return float(weight @ joint.logsumexp(1) / weight.sum())

    def prior_of(self, call: zoo.Call) -> Tensor:
        """log p(y) of the classes that each row may have, `[n, K]`."""
        return self._class_log_prior().masked_fill(~self._possible(call), -torch.inf)


class GaussianClasses(Independent):
    """Normal entries with a mean and a scale for each class."""

    architecture = "test/gaussian-classes"

    def _build_entries(self, classes: int) -> None:
        self.loc = nn.Parameter(torch.randn(classes, self.space.size))
        self.log_scale = nn.Parameter(0.3 * torch.randn(classes, self.space.size))

    def entries(self, z: Tensor) -> Tensor:
        white = (z[:, None] - self.loc) / self.log_scale.exp()
        return -0.5 * white.square() - self.log_scale - 0.5 * math.log(2 * math.pi)

    def draw(self, y: Tensor, rng: torch.Generator) -> Tensor:
        noise = torch.randn(len(y), self.space.size, generator=rng, dtype=self.dtype)
        return self.loc[y] + self.log_scale.exp()[y] * noise

    def centres(self, share: Tensor) -> Tensor:
        return share @ self.loc

    def set_entries(self, z: Tensor, known: Tensor, share: Tensor) -> None:
        z, known = z.masked_fill(~known, 0.0), known.to(z.dtype)
        rows = (share.T @ known).clamp_min(1e-30)
        self.loc.copy_(share.T @ z / rows)
        gaps = (z[:, None] - self.loc).square() * known[:, None]
        variance = torch.einsum("nk,nkd->kd", share, gaps) / rows
        self.log_scale.copy_(variance.clamp_min(1e-6).log() / 2)


class CodedClasses(Independent):
    """Codes with a probability each, for each class and entry."""

    architecture = "test/coded-classes"

    def _build_entries(self, classes: int) -> None:
        levels: Any = self.space.n_levels
        self.scores = nn.Parameter(torch.randn(classes, self.space.size, levels))

    def entries(self, z: Tensor) -> Tensor:
        table = self.scores.log_softmax(2).expand(len(z), -1, -1, -1)
        index = z[:, None, :, None].expand(-1, self.classes, -1, 1)
        return table.gather(3, index)[..., 0]

    def draw(self, y: Tensor, rng: torch.Generator) -> Tensor:
        chances = self.scores.softmax(2)[y].flatten(0, 1)
        return chances.multinomial(1, generator=rng).reshape(len(y), -1)

    def centres(self, share: Tensor) -> Tensor:
        """Categories have no mean: their most probable one."""
        table = torch.einsum("nk,kjl->njl", share, self.scores.softmax(2))
        if self.space.kind is Kind.CATEGORICAL:
            return table.argmax(2).to(self.dtype)
        return table @ torch.arange(table.shape[2], dtype=self.dtype)

    def set_entries(self, z: Tensor, known: Tensor, share: Tensor) -> None:
        one_hot = nn.functional.one_hot(z.clamp_min(0), self.scores.shape[2]).to(share.dtype)
        counts = torch.einsum("nk,njl->kjl", share, one_hot * known[..., None])
        self.scores.copy_((counts + 1e-3).log())
