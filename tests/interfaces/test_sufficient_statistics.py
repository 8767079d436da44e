"""Sums over rows and steps of EM, against least squares and against plain loops."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from typing import Any, final

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from models.hidden_markov import HiddenMarkov
from models.mixture import Mixture
from models.regression import GaussianRegression
from zoo_core.conformance.check import Check
from zoo_core.conformance.checks.sufficient_statistics import CHECKS
from zoo_core.conformance.result import Status
from zoo_core.conformance.running import run_check
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConditionError, DataError, DefinitionError, UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.preprocessing import Standardize
from zoo_core.interfaces.sufficient_statistics import Stats, SufficientStatistics

LABEL = zoo.Part("core/label", {"classes": 3})
REAL = zoo.Space.real(2, 2)
CODES = zoo.Space.categorical(3, ragged=True)


def _rows(n: int = 50) -> Tensor:
    return 2 + 3 * torch.randn(n, 2, generator=zoo.rng(0), dtype=torch.float64)


@pytest.fixture
def gaussian() -> GaussianRegression:
    return GaussianRegression.create(space=zoo.Space.real(2)).double()


def test_one_step_is_the_closed_form(gaussian: GaussianRegression) -> None:
    x, weight = _rows(), torch.rand(50, generator=zoo.rng(1), dtype=torch.float64)
    gaussian.update(gaussian.statistics(x, weight=weight))
    mean = (weight[:, None] * x).sum(0) / weight.sum()
    variance = (weight[:, None] * (x - mean) ** 2).sum(0) / weight.sum()
    torch.testing.assert_close(gaussian.weight[0], mean)
    torch.testing.assert_close((2 * gaussian.log_scale).exp(), variance)


def test_a_condition_makes_it_least_squares() -> None:
    model = GaussianRegression.create(space=zoo.Space.real(2), conditioner=LABEL).double()
    x, labels = _rows(), torch.arange(50) % 3
    model.update(model.statistics(x, condition=labels))
    one_hot = torch.nn.functional.one_hot(labels, 3).double()
    solution = torch.linalg.lstsq(one_hot, x).solution
    torch.testing.assert_close(model.weight.data, solution)
    torch.testing.assert_close((2 * model.log_scale).exp(), ((x - one_hot @ solution) ** 2).mean(0))


def test_statistics_in_single_precision_keep_their_digits_far_from_zero() -> None:
    model = GaussianRegression.create(space=zoo.Space.real(2))
    x = 1e4 + _rows(1000)
    for _ in range(2):
        model.update(model.statistics(x.float()))
    assert torch.allclose((2 * model.log_scale).exp().double(), x.var(0, correction=0), rtol=1e-3)


def test_rows_may_come_batch_by_batch(gaussian: GaussianRegression) -> None:
    x = _rows()
    total = gaussian.statistics(x[:7])
    for start in range(7, 50, 10):
        total = total + gaussian.statistics(x[start : start + 10])
    gaussian.update(total)
    torch.testing.assert_close(gaussian.weight[0], x.mean(0))


def test_the_statistics_of_a_mixture_are_those_of_its_parts() -> None:
    mixture = _mixture().double()
    x = torch.cat([_rows(), _rows() - 20])
    before = mixture.log_prob(x).sum()
    for _ in range(20):
        mixture.update(mixture.statistics(x))
        after = mixture.log_prob(x).sum()
        assert after >= before - 1e-9 * before.abs()
        before = after
    means = torch.stack([part.weight[0] for part in mixture.components]).sort(0).values
    truth = torch.stack([x[50:].mean(0), x[:50].mean(0)])
    torch.testing.assert_close(means, truth, atol=1e-6, rtol=0)


def test_expected_counts_are_those_over_all_paths() -> None:
    model = HiddenMarkov.create(space=CODES, states=2).double()
    codes = torch.tensor([0, 2, 1])
    stats = model.statistics(zoo.Ragged.of([codes]))
    begin, step = model.initial.softmax(0), model.transition.softmax(1)
    emit = model.emission.softmax(1)
    moves, total = torch.zeros(2, 2, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    for path in torch.cartesian_prod(*[torch.arange(2)] * 3):
        chance = begin[path[0]] * emit[path, codes].prod() * step[path[:-1], path[1:]].prod()
        total = total + chance
        for a, b in itertools.pairwise(path):
            moves[a, b] = moves[a, b] + chance
    torch.testing.assert_close(stats["moves"], moves / total)
    assert stats["first"].sum().item() == pytest.approx(1)
    assert stats["codes"].sum().item() == pytest.approx(3)


def test_statistics_are_values() -> None:
    stats = Stats({"a": torch.ones(2), "b": torch.zeros(())})
    twice = stats + stats
    assert twice["a"].tolist() == [2, 2] and stats["a"].tolist() == [1, 1]
    assert (0.5 * twice)["a"].tolist() == (twice * 0.5)["a"].tolist() == [1, 1]
    tensors: Any = stats.tensors
    with pytest.raises(TypeError):
        tensors["a"] = torch.zeros(2)
    with pytest.raises(FrozenInstanceError):
        stats.tensors = {}
    for other in ({"a": torch.ones(2)}, {"a": torch.ones(3), "b": torch.zeros(())}):
        with pytest.raises(DataError, match="same names and shapes"):
            stats + Stats(other)


def test_no_gradients_are_kept(gaussian: GaussianRegression) -> None:
    stats = gaussian.statistics(_rows())
    assert not any(tensor.requires_grad for tensor in stats.tensors.values())
    gaussian.update(stats)
    assert gaussian.weight.requires_grad and gaussian.weight.is_leaf


def test_no_prior_is_told_where_there_is_none(gaussian: GaussianRegression) -> None:
    assert gaussian.log_prior() == 0 and gaussian.log_prior().dtype is torch.float64


@pytest.mark.parametrize("weight", [[-1.0] * 50, [1.0], [float("nan")] * 50])
def test_wrong_weights_are_refused(gaussian: GaussianRegression, weight: list[float]) -> None:
    with pytest.raises(DataError, match="Weights are 50 finite numbers"):
        gaussian.statistics(_rows(), weight=weight)


def test_wrong_data_and_conditions_are_refused(gaussian: GaussianRegression) -> None:
    with pytest.raises(DataError, match="shape"):
        gaussian.statistics(torch.zeros(3, 5))
    with pytest.raises(ConditionError, match="takes no condition"):
        gaussian.statistics(_rows(), condition=1)
    model = GaussianRegression.create(space=zoo.Space.real(2), conditioner=LABEL)
    with pytest.raises(ConditionError, match="needs a condition"):
        model.statistics(_rows())


def test_a_view_gives_statistics_but_is_not_updated() -> None:
    model = GaussianRegression.create(space=zoo.Space.real(2), conditioner=LABEL)
    stats = model.given(1).statistics(_rows())
    assert stats["features"][1, 1] == stats["rows"] == 50
    with pytest.raises(UnsupportedError, match="can't be updated"):
        model.given(1).update(stats)


def test_statistics_that_are_not_finite_change_nothing(gaussian: GaussianRegression) -> None:
    before, stats = gaussian.weight.clone(), gaussian.statistics(_rows())
    with pytest.raises(DataError, match="finite"):
        gaussian.update(stats * float("nan"))
    assert torch.equal(gaussian.weight, before)


@final
class Bare(SufficientStatistics):
    """Gives a tensor where Stats are due."""

    architecture = "test/bare"

    def _space(self) -> zoo.Space:
        return zoo.Space.real(2)

    def _statistics(self, z: Tensor, weight: Tensor, call: zoo.Call) -> Any:
        return z.sum(0)

    def _update(self, stats: Stats) -> None:
        del stats


def test_a_tensor_for_statistics_is_the_authors_error() -> None:
    with pytest.raises(DefinitionError, match="_statistics gives Stats"):
        Bare.create().statistics(_rows())


def test_final_methods_stay() -> None:
    with pytest.raises(DefinitionError, match="is final"):
        type("Late", (Bare,), {"update": lambda self, stats: None})


class Standardized(GaussianRegression):
    """The same in a network space of its own."""

    def _preprocessing(self) -> tuple[Standardize, ...]:
        return (Standardize(),)


def _standardized() -> Standardized:
    model = Standardized.create(space=zoo.Space.real(2))
    model.fit_preprocessing(Batch(_rows().float()), zoo.rng(0))
    return model


def test_statistics_are_of_network_space() -> None:
    model, x = _standardized().double(), _rows()
    model.update(model.statistics(x))
    truth = torch.distributions.Normal(x.mean(0), x.std(0, correction=0))
    torch.testing.assert_close(model.log_prob(x), truth.log_prob(x).sum(1))


def _mixture() -> Mixture:
    zoo.register(GaussianRegression)
    part = zoo.Part("test/gaussian-regression", {})
    return Mixture.create(space=zoo.Space.real(2), components=(part, part))


MODELS: dict[str, Callable[[], zoo.Model]] = {
    "gaussian": lambda: GaussianRegression.create(space=zoo.Space.real()),
    "gaussian, told": lambda: GaussianRegression.create(space=REAL, conditioner=LABEL),
    "gaussian, standardised": _standardized,
    "mixture": _mixture,
    "hidden markov": lambda: HiddenMarkov.create(space=CODES),
    "hidden markov of bits": lambda: HiddenMarkov.create(space=zoo.Space.binary(ragged=True)),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_kit_finds_nothing(name: str, check: Check[Subject]) -> None:
    result = run_check(check, Subject(MODELS[name](), seed=0), expected=None, api=0)
    assert result.status is Status.PASSED, str(result)
