"""zoo.wrap: what a module answers wrongly is told by the name of the function that gave it."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn
from torch.distributions import Normal

import zoo_core as zoo
from zoo_core.errors import DefinitionError

PLANE = zoo.Space.real(2)
X = torch.randn(7, 2, generator=zoo.rng(0))


class Answers(nn.Module):
    """Gives one fixed answer to everything."""

    def __init__(self, answer: Any) -> None:
        super().__init__()
        self.answer = answer

    def forward(self, *asked: Any) -> Any:
        return self.answer


WRONG_FIGURES = {
    "one number a row, \\[7\\].*Received: shape \\[7, 2\\]": torch.zeros(7, 2),
    "one number a row.*Received: shape \\[\\]": torch.tensor(0.0),
    "floating numbers in a Tensor.*torch.int64": torch.zeros(7, dtype=torch.int64),
    "floating numbers in a Tensor.*list": [0.0] * 7,
    "numbers.*NaN at row 2": torch.tensor([0.0, 1.0, math.nan, 0.0, 0.0, 0.0, 0.0]),
}


@pytest.mark.parametrize(("message", "answer"), WRONG_FIGURES.items())
def test_wrong_figures_are_told_with_the_function_s_name(message: str, answer: Any) -> None:
    module = Answers(answer)
    for role in ("log_prob", "loss"):
        model = zoo.wrap(module, space=PLANE, sample=module, **{role: module})
        with pytest.raises(
            DefinitionError, match=f"{role}, here Answers.__call__, gives {message}"
        ):
            model.log_prob(X) if role == "log_prob" else model.loss(zoo.Batch(X))


WRONG_ROWS = {
    "3 rows in a Tensor.*2 rows": torch.zeros(2, 2),
    "3 rows in a Tensor.*NoneType": None,
    "samples of real, \\[2\\].*shape \\[3, 5\\]": torch.zeros(3, 5),
    "samples of real.*nan at row 1": torch.tensor([[0.0, 0.0], [math.nan, 0.0], [0.0, 0.0]]),
}


@pytest.mark.parametrize(("message", "answer"), WRONG_ROWS.items())
def test_wrong_samples_are_told_with_the_function_s_name(message: str, answer: Any) -> None:
    model = zoo.wrap(Answers(answer), space=PLANE, sample="forward")
    with pytest.raises(DefinitionError, match=f"sample, here Answers.forward, gives {message}"):
        model.sample(3)


def test_samples_outside_of_the_space_are_refused() -> None:
    grey = zoo.wrap(Answers(torch.full((3, 2), 128.0)), space=zoo.Space.unit(2), sample="forward")
    with pytest.raises(DefinitionError, match=r"samples of unit, \[2\]. Received: 128.0"):
        grey.sample(3)
    codes = zoo.wrap(Answers(torch.ones(3, 2)), space=zoo.Space.binary(2), sample="forward")
    assert codes.sample(3).dtype is torch.int64


def test_wrong_distributions_are_told() -> None:
    loose = Answers(Normal(torch.zeros(2), 1.0))
    with pytest.raises(DefinitionError, match=r"batch_shape \[2\], event_shape \[\].*Independent"):
        zoo.wrap(loose, space=PLANE, distribution=loose).log_prob(X)
    with pytest.raises(DefinitionError, match=r"Distribution. Received: int"):
        zoo.wrap(Answers(3), space=PLANE, distribution="forward").sample(2)
