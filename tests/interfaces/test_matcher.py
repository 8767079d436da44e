"""Matchers: how well data and conditions go together, on an exact one."""

from __future__ import annotations

from typing import final

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from models.noised_mixture import ExactMixture
from zoo_core.errors import ConditionError, DataError, DefinitionError, UnsupportedError
from zoo_core.interfaces.matcher import Matcher
from zoo_core.interfaces.noise import Noise

LABEL = zoo.Part("core/label", {"classes": 3})


@final
class Distance(Matcher):
    """−‖x − c‖² of clean data, as matching embeddings is."""

    architecture = "test/distance"

    @final
    class Config(zoo.Config):
        space: zoo.Space
        conditioner: zoo.Part | None = None
        each: int = 1

    config: Config

    def _match(self, x: Tensor, noise: Noise | None, call: zoo.Call) -> Tensor:
        context = call.context.as_vector() if call.context is not None else x
        return -(x - context).square().sum(1).repeat(self.config.each)


@pytest.fixture
def model() -> ExactMixture:
    return ExactMixture.create(space=zoo.Space.real(2), conditioner=LABEL).double()


def rows(n: int = 4) -> Tensor:
    return torch.randn(n, 2, generator=zoo.rng(0), dtype=torch.float64)


@pytest.mark.parametrize("noise", [None, Noise(0.8, 0.6), Noise(1.0, 0.0)])
def test_matches_of_an_exact_model_are_log_probabilities(
    model: ExactMixture, noise: Noise | None
) -> None:
    each = torch.stack([model.match(rows(), c, noise=noise) for c in range(3)], dim=1)
    assert torch.allclose(each.exp().sum(1), torch.ones(4, dtype=torch.float64))
    if noise is None:
        density = torch.stack([model.log_prob(rows(), condition=c) for c in range(3)], dim=1)
        assert torch.allclose(each, density.log_softmax(1))


def test_gradients_of_matches_turn_one_score_into_another(model: ExactMixture) -> None:
    """∇ log p(c | x) = ∇ log p(x | c) − ∇ log p(x), p(x) being the mean over labels."""
    noise, x = Noise(0.8, 0.6), rows().requires_grad_()
    (slope,) = torch.autograd.grad(model.match(x, 1, noise=noise).sum(), x)
    share = torch.stack([model.match(x, c, noise=noise) for c in range(3)]).exp().detach()
    score = torch.stack([model.denoise(x, noise, condition=c).score(noise) for c in range(3)])
    assert torch.allclose(slope, score[1] - (share[..., None] * score).sum(0))


def test_conditions_and_levels_are_one_for_all_or_one_a_row(model: ExactMixture) -> None:
    told, noise = [2, 0, 1, 1], Noise(torch.tensor([0.9, 0.5, 0.1, 1.0]), torch.full((4,), 0.3))
    together = model.match(rows(), told, noise=noise)
    for i in range(4):
        alone = Noise(noise.alpha[i], noise.sigma[i])  # pyright: ignore
        single = model.match(rows()[i : i + 1], told[i], noise=alone)
        assert torch.allclose(single, together[i : i + 1])


def test_wrong_questions_are_refused(model: ExactMixture) -> None:
    with pytest.raises(ConditionError):
        model.match(rows(), 3)
    with pytest.raises(DataError):
        model.match(torch.zeros(2, 3).double(), 0)
    with pytest.raises(DataError, match="noised data"):
        model.match(torch.zeros(2, 3).double(), 0, noise=Noise(1.0, 1.0))
    with pytest.raises(ConditionError, match="takes no condition"):
        Distance.create(space=zoo.Space.real(2)).match(rows().float(), 0)
    with pytest.raises(ConditionError, match="with a condition"):
        Distance.create(space=zoo.Space.real(2)).match(rows().float(), None)


def test_a_model_of_clean_data_says_that_it_knows_no_noise() -> None:
    vector = zoo.Part("core/vector", {"width": 2})
    model = Distance.create(space=zoo.Space.real(2), conditioner=vector)
    assert model.match(torch.ones(1, 2), [0.0, 1.0]).tolist() == [-1.0]
    with pytest.raises(UnsupportedError, match="noise_aware"):
        model.match(torch.ones(1, 2), [0.0, 1.0], noise=Noise(1.0, 1.0))


def test_matchers_that_give_the_wrong_shape_are_told_so() -> None:
    vector = zoo.Part("core/vector", {"width": 2})
    model = Distance.create(space=zoo.Space.real(2), conditioner=vector, each=2)
    with pytest.raises(DefinitionError, match="_match"):
        model.match(torch.ones(1, 2), [0.0, 1.0])
