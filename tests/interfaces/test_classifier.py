"""Classifiers: class probabilities of an exact mixture."""

from __future__ import annotations

import math
from typing import Any, final

import pytest
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.errors import DataError, DefinitionError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.preprocessing import Standardize


@final
class Nearest(Classifier):
    """p(y | z) ∝ N(z; m_y, I) of three classes, as likely as each other, of standardised data."""

    architecture = "test/nearest"

    @final
    class Config(zoo.Config):
        space: zoo.Space
        named: int = 3

    config: Config

    def _build(self) -> None:
        self.centres = nn.Parameter(torch.randn(3, self.space.size))

    def _preprocessing(self) -> tuple[Any, ...]:
        return (Standardize(),)

    @property
    def classes(self) -> int:
        return self.config.named

    def _log_class_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        gap = z.flatten(1)[:, None] - self.centres
        return (-0.5 * gap.square().sum(2)).log_softmax(1)


@pytest.fixture
def model() -> Nearest:
    model = Nearest.create(space=zoo.Space.real(2)).double()
    data = 2 * torch.randn(200, 2, generator=zoo.rng(1)) - 1
    model.fit_preprocessing(Batch(data), zoo.rng(0))
    return model


def test_probabilities_are_those_of_bayes_rule(model: Nearest) -> None:
    maps: Any = model.preprocessing.maps[0]
    x = torch.randn(20, 2, generator=zoo.rng(0)).double().requires_grad_()
    z = (x - maps.loc) / maps.scale
    joint = torch.stack(
        [torch.distributions.Normal(m, 1.0).log_prob(z).sum(1) - math.log(3) for m in model.centres]
    )
    log_probs = model.log_class_prob(x)
    torch.testing.assert_close(log_probs, (joint - joint.logsumexp(0)).T)
    torch.testing.assert_close(log_probs.logsumexp(1), torch.zeros(20).double())
    (slope,) = torch.autograd.grad(log_probs[:, 0].sum(), x)
    assert slope.any()


def test_the_prediction_is_the_nearest_centre(model: Nearest) -> None:
    maps: Any = model.preprocessing.maps[0]
    centres = model.centres.detach() * maps.scale + maps.loc
    assert model.classes == 3
    assert model.predict(centres).tolist() == [0, 1, 2]
    assert model.predict(centres.tolist()).dtype is torch.int64


def test_wrong_data_are_refused(model: Nearest) -> None:
    for bad in (torch.zeros(2, 3), torch.zeros(2), torch.zeros(0, 2)):
        with pytest.raises(DataError):
            model.log_class_prob(bad)


def test_a_wrong_shape_is_the_authors_error() -> None:
    with pytest.raises(DefinitionError, match="_log_class_prob gives a number a row and class"):
        Nearest.create(space=zoo.Space.real(2), named=4).predict(torch.zeros(1, 2))


def test_the_public_methods_are_final() -> None:
    with pytest.raises(DefinitionError, match="predict is final"):
        type("Overriding", (Classifier,), {"predict": lambda self, x: x})
