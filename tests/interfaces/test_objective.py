"""Objectives: what a model may declare, and how its losses are told apart."""

from __future__ import annotations

from typing import final

import pytest
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.errors import DefinitionError, OptionError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.objective import Objective, check_objectives
from zoo_core.interfaces.space import Space


@final
class Pair(Model):
    """Two layers, each with a loss of its own."""

    architecture = "test/pair"

    def _space(self) -> Space:
        return Space.real(1)

    def _build(self) -> None:
        self.first = nn.Linear(1, 1)
        self.first_rate = nn.Parameter(torch.zeros(1))

    def _objectives(self) -> tuple[Objective, ...]:
        return Objective("one", ("first",), steps=2), Objective("two", ("first_rate",))

    def _loss(self, batch: Batch, call: Call) -> Tensor:
        return torch.full((len(batch),), {"one": 1.0, "two": 2.0}[str(call.objective)])


def test_an_objective_trains_the_modules_and_parameters_that_it_names() -> None:
    one, two = Pair.create().objectives
    assert [one.trains(name) for name in ("first.weight", "first.bias", "first_rate")] == [
        True,
        True,
        False,
    ]
    assert two.trains("first_rate")
    assert Objective("all").trains("anything")


def test_a_loss_is_asked_for_by_its_objective() -> None:
    model, batch = Pair.create(), Batch(torch.zeros(3, 1))
    assert model.loss(batch).tolist() == [1.0] * 3
    assert model.loss(batch, objective="two").tolist() == [2.0] * 3
    with pytest.raises(OptionError, match="one, two"):
        model.loss(batch, objective="three")


@pytest.mark.parametrize(
    "objectives",
    [
        (),
        (Objective("a"), Objective("a")),
        (Objective(""),),
        (Objective("a", steps=0),),
        (Objective("a", ("firs",)),),
    ],
)
def test_a_wrong_declaration_is_refused(objectives: tuple[Objective, ...]) -> None:
    with pytest.raises(DefinitionError, match="Pair._objectives"):
        check_objectives(objectives, ["first.weight", "first.bias"], "Pair")


def test_objectives_are_public() -> None:
    assert zoo.Objective is Objective
