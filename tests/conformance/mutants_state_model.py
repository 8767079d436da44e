"""Models whose hidden states are wrong, each in one way."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

import zoo_core as zoo
from conformance.mutant import Mutant
from models.hidden_markov import HiddenMarkov

CODES = zoo.Space.categorical(4, ragged=True)
GAPPY = zoo.Space.categorical(4, ragged=True, missing=True)
LABEL = zoo.Part("core/label", {"classes": 3})


@final
class FilterSmooths(HiddenMarkov):
    def _filter(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        return super()._smooth(z, call)


@final
class SmootherFilters(HiddenMarkov):
    def _smooth(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        return super()._filter(z, call)


@final
class FilterPredicts(HiddenMarkov):
    """log p(z_t | x_1 … x_{t−1}): the step's own data are left out."""

    def _filter(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        emitted, mask = self.emit(z)
        return (self.forward_pass(z, call) - emitted)[mask].log_softmax(-1)


@final
class Unnormalized(HiddenMarkov):
    """log p(z_t, x) for log p(z_t | x)."""

    def _smooth(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        return (self.forward_pass(z, call) + self.backward_pass(z))[self.emit(z)[1]]


@final
class Underflowing(HiddenMarkov):
    """Products of probabilities, not sums of logarithms."""

    def forward_pass(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        return super().forward_pass(z, call).exp().log()


@final
class MarginalPath(HiddenMarkov):
    """The most probable state of each step, with the right figure."""

    def _viterbi(self, z: zoo.Ragged, call: zoo.Call) -> tuple[Tensor, Tensor]:
        path = self._smooth(z, call).argmax(1)
        return path, self._path_log_prob(z, zoo.Ragged(path, z.lengths), call)


@final
class FirstStateFree(HiddenMarkov):
    """Viterbi's figure leaves out the probability of the first state."""

    def _viterbi(self, z: zoo.Ragged, call: zoo.Call) -> tuple[Tensor, Tensor]:
        path, log_prob = super()._viterbi(z, call)
        first = torch.stack([row[0] for row in path.split(z.lengths.tolist())])
        return path, log_prob - self.begin(len(z), call).gather(1, first[:, None])[:, 0]


@final
class PaddingCounted(HiddenMarkov):
    """The backward pass begins at the longest sequence's end, whatever a sequence's own is."""

    def backward_pass(self, z: zoo.Ragged) -> Tensor:
        longest = zoo.Ragged(z.padded()[0].flatten(), z.lengths.amax().expand(len(z)))
        return super().backward_pass(longest)


@final
class EmptyPathCounted(HiddenMarkov):
    """The first state is counted where there is no first step."""

    def _viterbi(self, z: zoo.Ragged, call: zoo.Call) -> tuple[Tensor, Tensor]:
        path, log_prob = super()._viterbi(z, call)
        return path, log_prob + self.begin(len(z), call).amax(1) * (z.lengths == 0)


@final
class FirstStateForgotten(HiddenMarkov):
    """log p(x, path) begins with the first move."""

    def _path_log_prob(self, z: zoo.Ragged, path: zoo.Ragged, call: zoo.Call) -> Tensor:
        log_prob = super()._path_log_prob(z, path, call)
        states, mask = path.padded()
        first = self.begin(len(z), call).gather(1, states[:, :1]) * mask[:, :1]
        return log_prob - first.sum(1)


@final
class WrongEnd(HiddenMarkov):
    """The backward pass begins with the distribution of first states, not with 1."""

    def backward_pass(self, z: zoo.Ragged) -> Tensor:
        return super().backward_pass(z) + self.initial.log_softmax(-1)


@final
class MovesTurned(HiddenMarkov):
    """The smoother's backward pass takes each move the other way."""

    def backward_pass(self, z: zoo.Ragged) -> Tensor:
        emitted, mask = self.emit(z)
        beta = [torch.zeros_like(emitted[:, 0])]
        for t in range(emitted.shape[1] - 1, 0, -1):
            moved = (self.step().T + (emitted[:, t] + beta[0])[:, None]).logsumexp(2)
            beta.insert(0, torch.where(mask[:, t, None], moved, 0.0))
        return torch.stack(beta, 1)


@final
class MissingAsCode(HiddenMarkov):
    """The filter takes a missing code for code 0."""

    def _filter(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        return super()._filter(zoo.Ragged(z.values.clamp_min(0), z.lengths), call)


@final
class ConditionForgotten(HiddenMarkov):
    """The filter begins as the first class does, whatever is told."""

    def _filter(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        told = call.context.take(torch.zeros(len(z), dtype=torch.int64))
        return super()._filter(z, zoo.Call(call.rng, context=told))


def _mutant(name: str, broken: type[HiddenMarkov], caught_by: str, **fields: Any) -> Mutant:
    fields = {"space": CODES, **fields}
    return Mutant(
        name, lambda: broken.create(**fields), lambda: HiddenMarkov.create(**fields), caught_by
    )


_SUMS = "states-have-probabilities"
_FILTER = "the-filter-is-that-of-enumeration"
_SMOOTHER = "the-smoother-is-that-of-enumeration"
_VITERBI = "viterbi-finds-the-best-path"
_BESIDE = "states-do-not-depend-on-the-sequences-beside"

MUTANTS: list[Mutant] = [
    _mutant("smoother unnormalised", Unnormalized, _SUMS),
    _mutant("probabilities underflow", Underflowing, _SUMS),
    _mutant("filter is the smoother", FilterSmooths, _FILTER),
    _mutant("filter leaves out the present", FilterPredicts, _FILTER),
    _mutant("filter ignores the condition", ConditionForgotten, _FILTER, conditioner=LABEL),
    _mutant("filter reads missing codes as 0", MissingAsCode, _FILTER, space=GAPPY),
    _mutant("smoother is the filter", SmootherFilters, _SMOOTHER),
    _mutant("smoother turns the moves", MovesTurned, _SMOOTHER),
    _mutant("smoother ends wrongly", WrongEnd, "the-last-state-is-filtered-as-smoothed"),
    _mutant("path of the best states one by one", MarginalPath, _VITERBI),
    _mutant("best path's figure without the first state", FirstStateFree, _VITERBI),
    _mutant(
        "path's figure without the first state", FirstStateForgotten, "paths-add-up-to-the-density"
    ),
    _mutant("padding counted as steps", PaddingCounted, _BESIDE),
    _mutant("first state of an empty sequence counted", EmptyPathCounted, _BESIDE),
]
