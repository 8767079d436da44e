"""Filter, smoother and best path against sums over every path, written out."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch

import zoo_core as zoo
from models.hidden_markov import HiddenMarkov
from zoo_core.conformance.check import Check
from zoo_core.conformance.checks.state_model import CHECKS
from zoo_core.conformance.result import Status
from zoo_core.conformance.running import run_check
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConditionError, DataError, DefinitionError
from zoo_core.interfaces.state_model import StateModel

CODES = zoo.Space.categorical(4, ragged=True)
LABEL = zoo.Part("core/label", {"classes": 2})
X = zoo.Ragged.of(
    [torch.tensor([1, 3, 3, 0]), torch.tensor([], dtype=torch.int64), torch.tensor([2])]
)


def _model(**fields: Any) -> HiddenMarkov:
    return HiddenMarkov.create(**{"space": CODES, "states": 3} | fields).double()


def _paths(model: HiddenMarkov, codes: list[int]) -> dict[tuple[int, ...], float]:
    """p(x, path) of every path, by multiplication."""
    begin = model.initial.softmax(0).tolist()
    step, emit = model.transition.softmax(1).tolist(), model.emission.softmax(1).tolist()
    chances = {}
    for path in itertools.product(range(3), repeat=len(codes)):
        moves = [step[a][b] for a, b in itertools.pairwise(path)]
        data = [emit[state][code] for state, code in zip(path, codes, strict=True)]
        chances[path] = begin[path[0]] * math.prod(moves) * math.prod(data)
    return chances


def _posterior(chances: dict[tuple[int, ...], float], step: int) -> list[float]:
    total = sum(chances.values())
    return [sum(c for p, c in chances.items() if p[step] == s) / total for s in range(3)]


def test_the_filter_is_the_posterior_of_the_prefix() -> None:
    model, codes = _model(), X[0].tolist()
    truth = [_posterior(_paths(model, codes[:t]), t - 1) for t in range(1, 5)]
    found = model.filter(X)
    assert found.lengths.tolist() == [4, 0, 1]
    torch.testing.assert_close(found[0].exp(), torch.tensor(truth, dtype=torch.float64))


def test_the_smoother_is_the_posterior_of_the_whole() -> None:
    model = _model()
    chances = _paths(model, X[0].tolist())
    truth = torch.tensor([_posterior(chances, t) for t in range(4)], dtype=torch.float64)
    torch.testing.assert_close(model.smooth(X)[0].exp(), truth)


def test_viterbi_gives_the_best_path_and_its_figure() -> None:
    model = _model()
    chances = _paths(model, X[0].tolist())
    path, log_prob = model.viterbi(X)
    assert path.lengths.tolist() == [4, 0, 1] and path.values.dtype is torch.int64
    assert tuple(path[0].tolist()) == max(chances, key=chances.__getitem__)
    assert log_prob[0].exp().item() == pytest.approx(max(chances.values()))
    assert log_prob[1] == 0


def test_paths_add_up_to_the_density() -> None:
    model, x = _model(), X[:1]
    chances = _paths(model, x[0].tolist())
    for path, chance in list(chances.items())[::7]:
        log_prob = model.path_log_prob(x, zoo.Ragged.of([torch.tensor(path)]))
        assert log_prob.exp().item() == pytest.approx(chance)
    assert model.log_prob(x).exp().item() == pytest.approx(sum(chances.values()))


def test_gradients_flow_through_the_probability_of_a_path() -> None:
    model = _model()
    path, said = model.viterbi(X)
    assert not said.requires_grad and not model.smooth(X).values.requires_grad
    model.path_log_prob(X, path).sum().backward()
    counts = torch.zeros(3, 4, dtype=torch.float64)
    for state, code in zip(path.values.tolist(), X.values.tolist(), strict=True):
        counts[state, code] += 1
    # A softmax's gradient is what was counted minus what was expected.
    expected = counts.sum(1, keepdim=True) * model.emission.detach().softmax(1)
    torch.testing.assert_close(model.emission.grad, counts - expected)


def test_a_condition_changes_the_states() -> None:
    model = _model(conditioner=LABEL)
    one, other = (model.smooth(X, condition=c).values for c in (0, 1))
    assert not torch.allclose(one, other)
    torch.testing.assert_close(model.given(1).smooth(X).values, other)
    mixed = model.smooth(X, condition=[0, 1, 1])
    torch.testing.assert_close(mixed.values, torch.cat([one[:4], other[4:]]))
    with pytest.raises(ConditionError, match="needs a condition"):
        model.filter(X)


def test_missing_codes_are_summed_out() -> None:
    model = _model(space=zoo.Space.categorical(4, ragged=True, missing=True))
    gap = zoo.Ragged.of([torch.tensor([1, -1, 3])])
    filled = [zoo.Ragged.of([torch.tensor([1, code, 3])]) for code in range(4)]
    truth = torch.cat([model.log_prob(x) for x in filled]).logsumexp(0, keepdim=True)
    torch.testing.assert_close(model.log_prob(gap), truth)
    states = torch.stack([model.smooth(x).values for x in filled])
    shares = torch.cat([model.log_prob(x) for x in filled]) - truth
    torch.testing.assert_close(
        model.smooth(gap).values, (states + shares[:, None, None]).logsumexp(0)
    )


WRONG_PATHS = {
    "tensor": torch.zeros(5, dtype=torch.int64),
    "lengths": zoo.Ragged.of([torch.zeros(5, dtype=torch.int64)]),
    "states": zoo.Ragged(torch.full((5,), 3), X.lengths),
    "negative": zoo.Ragged(torch.full((5,), -1), X.lengths),
    "floats": zoo.Ragged(torch.zeros(5), X.lengths),
    "vectors": zoo.Ragged(torch.zeros(5, 2, dtype=torch.int64), X.lengths),
}


@pytest.mark.parametrize("which", WRONG_PATHS)
def test_wrong_paths_are_refused(which: str) -> None:
    with pytest.raises(DataError):
        _model().path_log_prob(X, WRONG_PATHS[which])


def test_data_are_sequences() -> None:
    with pytest.raises(DataError, match="model of sequences"):
        _model().filter(torch.zeros(3, dtype=torch.int64))
    with pytest.raises(DefinitionError, match="space is ragged"):
        _model(space=zoo.Space.categorical(4)).smooth(torch.zeros(3, dtype=torch.int64))


class Lopsided(HiddenMarkov):
    """Breaks the rules on shapes."""

    def _smooth(self, z: zoo.Ragged, call: zoo.Call) -> torch.Tensor:
        return super()._smooth(z, call)[:, :2]

    def _viterbi(self, z: zoo.Ragged, call: zoo.Call) -> tuple[torch.Tensor, torch.Tensor]:
        path, log_prob = super()._viterbi(z, call)
        return path, log_prob.sum()

    def _path_log_prob(self, z: zoo.Ragged, path: zoo.Ragged, call: zoo.Call) -> torch.Tensor:
        return super()._path_log_prob(z, path, call)[:, None]


def test_wrong_shapes_are_the_authors_error() -> None:
    model = Lopsided.create(space=CODES)
    with pytest.raises(DefinitionError, match="_smooth gives"):
        model.smooth(X)
    with pytest.raises(DefinitionError, match="_viterbi gives"):
        model.viterbi(X)
    with pytest.raises(DefinitionError, match="_path_log_prob gives"):
        model.path_log_prob(X, zoo.Ragged(torch.zeros(5, dtype=torch.int64), X.lengths))


def test_the_interface_is_provided() -> None:
    assert StateModel in _model().provides


MODELS: dict[str, dict[str, Any]] = {
    "codes": {},
    "codes, told": {"conditioner": LABEL},
    "codes, some missing": {"space": zoo.Space.categorical(4, ragged=True, missing=True)},
    "one state": {"states": 1},
    "two states of bits": {"space": zoo.Space.binary(ragged=True), "states": 2},
    "twenty states": {"states": 20},
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_kit_finds_nothing(name: str, check: Check[Subject]) -> None:
    model = HiddenMarkov.create(**{"space": CODES} | MODELS[name])
    result = run_check(check, Subject(model, seed=0), expected=None, api=0)
    assert result.status is Status.PASSED, str(result)


def test_the_kit_says_where_there_are_too_many_paths() -> None:
    subject = Subject(HiddenMarkov.create(space=CODES, states=40), seed=0)
    results = [run_check(check, subject, expected=None, api=0) for check in CHECKS]
    skipped = [result for result in results if result.status is Status.SKIPPED]
    assert {result.reason for result in skipped} == {"40 states have too many paths to enumerate"}
    assert len(skipped) == 4 and Status.FAILED not in {result.status for result in results}
