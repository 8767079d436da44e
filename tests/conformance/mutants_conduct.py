"""Models that misbehave to their surroundings, data or modes, each in one way."""

from __future__ import annotations

import os
import random
from typing import Any, ClassVar, final

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.plain import Lax, Plain, mutant
from zoo_core.interfaces.space import Space


@final
class AlwaysDropping(Plain):
    """Dropout that doesn't ask for the mode."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(nn.functional.dropout(z, 0.5, training=True), call)


@final
class RunningMean(Plain):
    """A running mean of all that is scored, in evaluation mode too."""

    def _build(self) -> None:
        super()._build()
        self.register_buffer("mean", torch.zeros(2))

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        with torch.no_grad():
            self.get_buffer("mean").lerp_(z.mean(0), 0.1)
        return super()._log_prob(z, call)


@final
class AlwaysTraining(Plain):
    def train(self, mode: bool = True) -> AlwaysTraining:
        del mode
        return self


@final
class GlobalDraws(Plain):
    def _noise(self, n: int, call: zoo.Call) -> Tensor:
        return torch.randn(n, 2, dtype=self.dtype)


@final
class PythonsDraws(Plain):
    def _noise(self, n: int, call: zoo.Call) -> Tensor:
        return torch.tensor([[random.gauss(), random.gauss()] for _ in range(n)]).to(self.dtype)


@final
class Seeding(Plain):
    """Seeds the global generator, as scripts do."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        torch.manual_seed(0)
        return super()._sample(n, call)


@final
class DefaultDtype(Plain):
    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        torch.set_default_dtype(torch.float64)
        return super()._log_prob(z, call)


@final
class Environment(Plain):
    def _build(self) -> None:
        super()._build()
        os.environ["PLAIN_MODEL"] = os.environ.get("PLAIN_MODEL", "") + "x"


class LaxSpace(Plain):
    def _space(self) -> Space:
        return Lax.real(2)


@final
class Broadcasting(LaxSpace):
    """Any shape that broadcasts is scored."""


@final
class Averaging(LaxSpace):
    """Rows of any number, none included."""


@final
class NaNScoring(LaxSpace):
    pass


@final
class Converting(Plain):
    """Takes whatever can be made a tensor."""

    def _space(self) -> Space:
        return Greedy.real(2)


@final
class Greedy(Space):  # type: ignore[misc]  # Space is final; this one takes whatever there is
    def tensor(self, values: Any) -> Tensor:
        return torch.zeros(3, 2) if isinstance(values, str) else values.real.float()


@final
class AnyOption(zoo.Config):
    model_config = pydantic.ConfigDict(extra="ignore")


@final
class LaxOptions(Plain):
    LogProbOptions: ClassVar[type[zoo.Config]] = AnyOption


@final
class SinglePrecision(Plain):
    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z, call).float()


@final
class SinglePrecisionSamples(Plain):
    def _noise(self, n: int, call: zoo.Call) -> Tensor:
        return torch.randn(n, 2, generator=call.rng)

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return self.loc.float() + self.log_scale.exp().float() * self._noise(n, call)


@final
class BatchNormalised(Plain):
    """Centres each batch by its own mean."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z - z.mean(0), call)


@final
class PositionDependent(Plain):
    """A row's score depends on where in the batch it stands."""

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z, call) + 1e-3 * torch.arange(len(z), dtype=z.dtype)


@final
class ThreadDependent(Plain):
    """Draws one chunk a thread."""

    def _noise(self, n: int, call: zoo.Call) -> Tensor:
        threads = torch.get_num_threads()
        noise = torch.randn(n, 2, generator=call.rng, dtype=self.dtype)
        return noise.roll(threads - 1, 0)


@final
class MeanLoss(Plain):
    def _loss(self, batch: zoo.Batch, call: zoo.Call) -> Tensor:
        return super()._loss(batch, call).mean()


@final
class DetachedLoss(Plain):
    def _loss(self, batch: zoo.Batch, call: zoo.Call) -> Tensor:
        return super()._loss(batch, call).detach() + 0 * self.loc.sum()


@final
class ContrastedLoss(Plain):
    """Each row's loss takes the batch's mean off."""

    def _loss(self, batch: zoo.Batch, call: zoo.Call) -> Tensor:
        loss = super()._loss(batch, call)
        return loss + 0.1 * loss.mean()


MUTANTS = [
    mutant("eval mode ignored by dropout", AlwaysDropping, "evaluation-repeats-to-the-bit"),
    mutant("eval mode ignored by a running mean", RunningMean, "evaluation-changes-no-tensor"),
    mutant("a train() that does nothing", AlwaysTraining, "train-and-eval-reach-every-module"),
    mutant("draws from torch's global generator", GlobalDraws, "global-generators-are-left-alone"),
    mutant("draws from Python's generator", PythonsDraws, "global-generators-are-left-alone"),
    mutant("seeds the global generator", Seeding, "global-generators-are-left-alone"),
    mutant("sets the default dtype", DefaultDtype, "global-settings-are-left-alone"),
    mutant("writes into the environment", Environment, "global-settings-are-left-alone"),
    mutant("scores what broadcasts", Broadcasting, "wrong-shapes-are-refused"),
    mutant("scores no rows", Averaging, "no-rows-are-refused"),
    mutant("scores NaN", NaNScoring, "values-outside-the-space-are-refused"),
    mutant("scores text", Converting, "other-kinds-of-data-are-refused"),
    mutant("ignores unknown options", LaxOptions, "unknown-options-are-refused"),
    mutant("scores in single precision only", SinglePrecision, "double-precision-works"),
    mutant("samples in single precision only", SinglePrecisionSamples, "double-precision-works"),
    mutant(
        "statistics of the batch in log_prob",
        BatchNormalised,
        "log-prob-does-not-depend-on-the-batch",
    ),
    mutant("log_prob by position", PositionDependent, "log-prob-does-not-depend-on-the-batch"),
    mutant(
        "draws by the number of threads",
        ThreadDependent,
        "the-number-of-threads-changes-only-rounding",
    ),
    mutant("a loss averaged over rows", MeanLoss, "the-loss-is-one-number-a-row"),
    mutant("a loss without gradient", DetachedLoss, "the-loss-is-one-number-a-row"),
    mutant("a loss of several rows", ContrastedLoss, "the-loss-of-a-row-is-its-own"),
]
