"""Models that learn wrongly from sums over rows, each in one way."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from models.hidden_markov import HiddenMarkov
from models.regression import GaussianRegression
from zoo_core.interfaces.sufficient_statistics import Stats

LABEL = zoo.Part("core/label", {"classes": 3})


@final
class Means(GaussianRegression):
    """Means where sums were meant."""

    def _statistics(self, z: Tensor, weight: Tensor, call: zoo.Call) -> Stats:
        stats = super()._statistics(z, weight, call)
        return stats * (1 / weight.sum().clamp_min(1e-9).item())


@final
class FirstRow(GaussianRegression):
    """The first row's statistics, so many times."""

    def _statistics(self, z: Tensor, weight: Tensor, call: zoo.Call) -> Stats:
        return super()._statistics(z[:1].expand_as(z), weight, call)


@final
class CentredOnTheBatch(GaussianRegression):
    """Squares around the batch's own mean, which don't add up."""

    def _statistics(self, z: Tensor, weight: Tensor, call: zoo.Call) -> Stats:
        stats = super()._statistics(z, weight, call)
        centred = super()._statistics(z - z.mean(0), weight, call)
        return Stats({**stats.tensors, "squares": centred["squares"]})


@final
class Unweighted(GaussianRegression):
    def _statistics(self, z: Tensor, weight: Tensor, call: zoo.Call) -> Stats:
        return super()._statistics(z, torch.ones_like(weight), call)


@final
class SquaredWeights(GaussianRegression):
    def _statistics(self, z: Tensor, weight: Tensor, call: zoo.Call) -> Stats:
        return super()._statistics(z, weight**2, call)


@final
class RowsUnweighted(GaussianRegression):
    """Rows are counted without their weights; a weight of 0 or 1 hides it."""

    def _statistics(self, z: Tensor, weight: Tensor, call: zoo.Call) -> Stats:
        stats = super()._statistics(z, weight, call)
        return Stats({**stats.tensors, "rows": (weight > 0).sum().to(weight)})


@final
class Counting(GaussianRegression):
    """Asking is learning."""

    def _statistics(self, z: Tensor, weight: Tensor, call: zoo.Call) -> Stats:
        self.weight += 0.1
        return super()._statistics(z, weight, call)


@final
class Undivided(GaussianRegression):
    """The sum of squares for the variance."""

    def _update(self, stats: Stats) -> None:
        super()._update(stats)
        self.log_scale += stats["rows"].clamp_min(1).log() / 2


@final
class Inert(GaussianRegression):
    def _update(self, stats: Stats) -> None:
        del stats


@final
class Retyped(GaussianRegression):
    """Double precision after an update, whatever it was before."""

    def _update(self, stats: Stats) -> None:
        super()._update(stats)
        self.log_scale.data = self.log_scale.data.double()


@final
class Replaced(GaussianRegression):
    """Another parameter in the place of the old one, which an optimiser may hold."""

    def _update(self, stats: Stats) -> None:
        super()._update(stats)
        self.log_scale = nn.Parameter(self.log_scale.clone())


@final
class StatsSpent(GaussianRegression):
    """Divides the statistics themselves in place."""

    def _update(self, stats: Stats) -> None:
        super()._update(stats)
        stats["squares"].div_(2)


@final
class NothingByNothing(GaussianRegression):
    """Divides by the number of rows even where there is none."""

    def _update(self, stats: Stats) -> None:
        self.weight += stats["products"] / stats["features"].diagonal()[:, None]


@final
class TooWide(GaussianRegression):
    """A scale too large by a fifth: it rises from afar, and stays."""

    def _update(self, stats: Stats) -> None:
        super()._update(stats)
        if stats["rows"] > 0:
            self.log_scale += torch.tensor(1.2).log()


class Shrunk(GaussianRegression):
    """The mode under a prior W ~ N(0, scale²/10) of the mean, as ridge regression has it."""

    def _update(self, stats: Stats) -> None:
        if stats["rows"] == 0:
            return
        counts = stats["features"]
        ridge = counts + 10 * torch.eye(len(counts), dtype=self.dtype)
        old = self.weight.clone()
        products = stats["products"] + counts @ old  # around 0, where the prior stands
        new = torch.linalg.solve(ridge, products)
        step = new - old
        squares = stats["squares"] - 2 * (step * stats["products"]).sum(0)
        squares = squares + (step * (counts @ step)).sum(0) + 10 * (new**2).sum(0)
        self.weight.copy_(new)
        self.log_scale.copy_((squares / (stats["rows"] + len(new))).log() / 2)

    def _log_prior(self) -> Tensor:
        white = self.weight / self.log_scale.exp()
        return -(5 * white**2 + self.log_scale).sum()


@final
class PriorUntold(Shrunk):
    def _log_prior(self) -> Tensor:
        return torch.zeros(())


@final
class HardCounts(HiddenMarkov):
    """Each step counts for its most probable state alone."""

    def _smooth(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        best = super()._smooth(z, call).argmax(1)
        return nn.functional.one_hot(best, self.n_states).to(self.dtype).log()


@final
class PaddedMoves(HiddenMarkov):
    """Moves are counted where the sequence has ended."""

    def moves(self, z: zoo.Ragged, weight: Tensor, call: zoo.Call) -> Tensor:
        longest = zoo.Ragged(z.padded()[0].flatten(), z.lengths.amax().expand(len(z)))
        return super().moves(longest, weight, call)


_REAL: dict[str, Any] = {"space": zoo.Space.real(2)}
_TOLD: dict[str, Any] = {"space": zoo.Space.real(2), "conditioner": LABEL}
_CODES: dict[str, Any] = {"space": zoo.Space.categorical(4, ragged=True)}


def _mutant(
    name: str,
    broken: type[zoo.Model],
    caught_by: str,
    sound: type[zoo.Model] = GaussianRegression,
    fields: dict[str, Any] = _REAL,
) -> Mutant:
    return Mutant(name, lambda: broken.create(**fields), lambda: sound.create(**fields), caught_by)


_PARTS = "statistics-of-parts-add-up"
_WEIGHTS = "weights-count-rows"
_VALUES = "an-update-changes-values-alone"
_RISES = "a-step-never-lowers-the-likelihood"
_SAMPLES = "samples-teach-the-model-itself"

MUTANTS: list[Mutant] = [
    _mutant("means for sums", Means, _PARTS),
    _mutant("statistics of the first row", FirstRow, _PARTS),
    _mutant("squares around the batch's mean", CentredOnTheBatch, _PARTS, fields=_TOLD),
    _mutant("moves counted in the padding", PaddedMoves, _PARTS, HiddenMarkov, _CODES),
    _mutant("weights ignored", Unweighted, _WEIGHTS),
    _mutant("weights squared", SquaredWeights, _WEIGHTS, fields=_TOLD),
    _mutant("rows counted without weights", RowsUnweighted, "statistics-scale-with-the-weights"),
    _mutant("statistics that teach", Counting, "statistics-change-nothing"),
    _mutant("update changes a type", Retyped, _VALUES),
    _mutant("update replaces a parameter", Replaced, _VALUES),
    _mutant("update spends the statistics", StatsSpent, _VALUES),
    _mutant("update divides nothing by nothing", NothingByNothing, _VALUES),
    _mutant("update does nothing", Inert, "an-update-follows-the-statistics"),
    _mutant("update forgets to divide", Undivided, _RISES, fields=_TOLD),
    _mutant("update has a prior that it doesn't tell", PriorUntold, _RISES, Shrunk),
    _mutant("hard counts for expected ones", HardCounts, _SAMPLES, HiddenMarkov, _CODES),
    _mutant("update makes the scale too large", TooWide, _SAMPLES),
]
