"""Next codes: probabilities of whole sequences, code by code, with a cache and without."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from models.attention import Attention
from models.recurrence import Recurrence
from zoo_core.conformance.check import Check
from zoo_core.conformance.checks.next_token import CHECKS
from zoo_core.conformance.result import Status
from zoo_core.conformance.running import run_check
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConditionError, DataError, DefinitionError
from zoo_core.interfaces.next_token import NextToken

CODES = zoo.Space.categorical(3, ragged=True)
LABEL = zoo.Part("core/label", {"classes": 2})


def _model(**fields: Any) -> Recurrence:
    return Recurrence.create(**{"space": CODES} | fields).double()


def _ragged(*rows: list[int]) -> zoo.Ragged:
    return zoo.Ragged.of([torch.tensor(row, dtype=torch.int64) for row in rows])


def test_the_figures_are_ratios_of_sequences_probabilities() -> None:
    model, prefix = _model(), [2, 0]
    truth = [
        model.log_prob(_ragged([*prefix, code])) - model.log_prob(_ragged(prefix))
        for code in range(3)
    ]
    log_probs, _ = model.next_log_prob(_ragged(prefix))
    torch.testing.assert_close(log_probs, torch.stack(truth, 1))


def test_sequences_of_one_length_have_probability_one() -> None:
    every = _ragged(*[list(row) for row in itertools.product(range(3), repeat=3)])
    assert _model().log_prob(every).exp().sum().item() == pytest.approx(1)


def test_the_empty_prefix_and_others_beside() -> None:
    model = _model()
    log_probs, _ = model.next_log_prob(_ragged([], [1, 1, 0]))
    assert log_probs.shape == (2, 3)
    alone, _ = model.next_log_prob(_ragged([]))
    torch.testing.assert_close(log_probs[:1], alone)
    torch.testing.assert_close(log_probs[0, 2], model.log_prob(_ragged([2]))[0])


def test_a_cache_goes_on_where_the_prefix_ended() -> None:
    model = _model()
    _, cache = model.next_log_prob(_ragged([], [1, 1, 0]))
    figures, cache = model.next_log_prob(_ragged([2, 0], [1]), cache=cache)
    whole, _ = model.next_log_prob(_ragged([2, 0], [1, 1, 0, 1]))
    torch.testing.assert_close(figures, whole)
    figures, _ = model.next_log_prob(_ragged([1], [0]), cache=cache)
    whole, _ = model.next_log_prob(_ragged([2, 0, 1], [1, 1, 0, 1, 0]))
    torch.testing.assert_close(figures, whole)


def test_a_caller_can_sample_from_it() -> None:
    """10 000 sequences of two codes, drawn code by code, are as frequent as they are probable."""
    model, rng, n = _model(), zoo.rng(0), 10_000
    prefix, cache, drawn = zoo.Ragged(torch.empty(0, dtype=torch.int64), torch.zeros(n)), None, []
    for _ in range(2):
        log_probs, cache = model.next_log_prob(prefix, cache=cache)
        codes = log_probs.exp().multinomial(1, generator=rng)[:, 0]
        drawn.append(codes)
        prefix = zoo.Ragged(codes, torch.ones(n, dtype=torch.int64))
    counts = torch.bincount(3 * drawn[0] + drawn[1], minlength=9)
    every = _ragged(*[list(row) for row in itertools.product(range(3), repeat=2)])
    expected = n * model.log_prob(every).exp().detach()
    chi_square = ((counts - expected) ** 2 / expected).sum()
    p = torch.special.gammaincc(torch.tensor(4.0), chi_square.float() / 2)
    assert p > 1e-4


def test_a_condition_changes_the_figures() -> None:
    model, prefix = _model(conditioner=LABEL), _ragged([1], [1])
    mixed, cache = model.next_log_prob(prefix, condition=[0, 1])
    assert not torch.allclose(mixed[0], mixed[1])
    torch.testing.assert_close(model.given([0, 1]).next_log_prob(prefix)[0], mixed)
    with pytest.raises(ConditionError, match="needs a condition"):
        model.next_log_prob(prefix, cache=cache)


def test_gradients_flow_through() -> None:
    model = _model()
    log_probs, _ = model.next_log_prob(_ragged([1, 2]))
    (direct,) = torch.autograd.grad(log_probs[0, 0], model.start)
    ratio = model.log_prob(_ragged([1, 2, 0])) - model.log_prob(_ragged([1, 2]))
    (expected,) = torch.autograd.grad(ratio.sum(), model.start)
    torch.testing.assert_close(direct, expected)


def test_a_cache_is_used_once_and_for_its_own_rows() -> None:
    model = _model()
    _, cache = model.next_log_prob(_ragged([1], [2]))
    with pytest.raises(DataError, match="same rows"):
        model.next_log_prob(_ragged([0]), cache=cache)
    with pytest.raises(DataError, match="at least a step a row"):
        model.next_log_prob(_ragged([0], []), cache=cache)
    model.next_log_prob(_ragged([0], [0]), cache=cache)
    with pytest.raises(DataError, match="used once"):
        model.next_log_prob(_ragged([0], [0]), cache=cache)


def test_wrong_prefixes_are_refused() -> None:
    model = _model()
    with pytest.raises(DataError, match="model of sequences"):
        model.next_log_prob(torch.zeros(2, dtype=torch.int64))
    with pytest.raises(DataError, match="lie between 0 and 2"):
        model.next_log_prob(_ragged([3]))
    with pytest.raises(DataError, match="at least one row"):
        model.next_log_prob(zoo.Ragged(torch.empty(0, dtype=torch.int64), torch.empty(0)))


@pytest.mark.parametrize(
    "space", [zoo.Space.categorical(3), zoo.Space.categorical(3, 2, ragged=True)], ids=str
)
def test_a_space_of_other_data_is_the_authors_error(space: zoo.Space) -> None:
    with pytest.raises(DefinitionError, match="sequences of codes"):
        _model(space=space).next_log_prob(_ragged([0]))


class Lopsided(Recurrence):
    """Breaks the rule on shapes."""

    def _next_log_prob(self, steps: zoo.Ragged, state: Any, call: zoo.Call) -> tuple[Tensor, Any]:
        log_probs, state = super()._next_log_prob(steps, state, call)
        return log_probs[:, :2], state


def test_wrong_shapes_are_the_authors_error() -> None:
    with pytest.raises(DefinitionError, match="_next_log_prob gives"):
        Lopsided.create(space=CODES).next_log_prob(_ragged([0]))


def test_the_interface_is_provided() -> None:
    assert NextToken in _model().provides


MODELS: dict[str, Callable[[], zoo.Model]] = {
    "recurrence": lambda: Recurrence.create(space=CODES),
    "recurrence, told": lambda: Recurrence.create(space=CODES, conditioner=LABEL),
    "recurrence of bits": lambda: Recurrence.create(space=zoo.Space.binary(ragged=True)),
    "attention": lambda: Attention.create(space=CODES),
    "attention, told": lambda: Attention.create(space=CODES, conditioner=LABEL),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_the_kit_finds_nothing(name: str, check: Check[Subject]) -> None:
    result = run_check(check, Subject(MODELS[name](), seed=0), expected=None, api=0)
    assert result.status is Status.PASSED, str(result)
