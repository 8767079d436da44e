"""Denoisers: what the public methods promise, on an exact one."""

from __future__ import annotations

from typing import final

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from models.noised_mixture import ExactMixture, Mixture, MixtureDiffusion
from zoo_core.errors import ConditionError, DataError, DefinitionError
from zoo_core.interfaces.denoiser import Denoiser
from zoo_core.interfaces.noise import Noise
from zoo_core.interfaces.prediction import Prediction
from zoo_core.interfaces.preprocessing import Standardize

LABEL = zoo.Part("core/label", {"classes": 3})
NOISE = Noise(0.8, 0.6)


@pytest.fixture
def model() -> ExactMixture:
    return ExactMixture.create(space=zoo.Space.real(2, 2), conditioner=LABEL).double()


def rows(n: int) -> Tensor:
    return torch.randn(n, 2, 2, generator=zoo.rng(0), dtype=torch.float64)


def same(a: Prediction, b: Prediction) -> bool:
    return torch.allclose(a.x0, b.x0, atol=1e-12) and torch.allclose(a.eps, b.eps, atol=1e-12)


def test_predictions_are_means_given_the_noised_data() -> None:
    """Held against importance weights of data that were drawn: E[f | x] = Σ f p(x | x0) / Σ p."""
    model = ExactMixture.create(space=zoo.Space.real(2)).double()
    x = torch.tensor([[0.5, -0.3], [1.5, 1.0]], dtype=torch.float64)
    x0 = model.sample(200_000, rng=zoo.rng(0), batch_size=200_000)
    gap = x[:, None] - 0.8 * x0
    weight = (-0.5 * (gap / 0.6).square().sum(-1)).softmax(1)[..., None]
    prediction = model.denoise(x, NOISE)
    assert torch.allclose(prediction.x0, (weight * x0).sum(1), atol=0.02)
    assert torch.allclose(prediction.eps, (weight * gap / 0.6).sum(1), atol=0.02)


def test_conditions_and_levels_are_one_for_all_or_one_a_row(model: ExactMixture) -> None:
    x, told = rows(3), [0, 2, 1]
    alpha, sigma = torch.tensor([0.9, 0.5, 1.0]), torch.tensor([0.1, 0.5, 0.0])
    together = model.denoise(x, Noise(alpha, sigma), condition=told)
    for i in range(3):
        noise = Noise(float(alpha[i]), float(sigma[i]))
        alone = model.denoise(x[i : i + 1], noise, condition=told[i])
        assert same(alone, Prediction(together.x0[i : i + 1], together.eps[i : i + 1]))
    assert same(model.denoise(x, NOISE, condition=1), model.given(1).denoise(x, NOISE))


def test_wrong_questions_are_refused(model: ExactMixture) -> None:
    with pytest.raises(DataError, match=r"\[n, 2, 2\]"):
        model.denoise(torch.zeros(3, 2).double(), NOISE, condition=0)
    with pytest.raises(DataError, match="one for each"):
        model.denoise(rows(3), Noise(torch.ones(2), 1.0), condition=0)
    with pytest.raises(ConditionError, match="needs a condition"):
        model.denoise(rows(3), NOISE)
    with pytest.raises(DataError, match="at least one step"):
        model.path(0)
    with pytest.raises(DataError, match="n is at least 1"):
        model.start(0, NOISE)


def test_gradients_flow_through(model: ExactMixture) -> None:
    x = rows(3).requires_grad_()
    model.denoise(x, NOISE, condition=0).x0.sum().backward()
    assert x.grad is not None
    assert bool((x.grad != 0).all())
    assert model.mixture.mean.grad is not None


def test_data_units_are_the_users(model: ExactMixture) -> None:
    """Noised data leave a bounded space, and are taken as they are."""
    unit = ExactMixture.create(space=zoo.Space.unit(2)).double()
    x = torch.tensor([[-2.0, 3.0]], dtype=torch.float64)
    assert torch.allclose(NOISE.add(*_pair(unit.denoise(x, NOISE))), x)


def _pair(prediction: Prediction) -> tuple[Tensor, Tensor]:
    return prediction.x0, prediction.eps


@pytest.mark.parametrize("steps", [1, 7])
def test_a_path_has_a_level_more_than_steps(model: ExactMixture, steps: int) -> None:
    path = model.path(steps)
    assert len(path) == steps + 1
    assert (path[-1].alpha, path[-1].sigma) == (1.0, 0.0)


def test_a_sampler_starts_with_noise_alone(model: ExactMixture) -> None:
    x = model.start(3, NOISE, rng=zoo.rng(0))
    assert torch.equal(x, 0.6 * rows(3))
    assert not torch.equal(model.start(3, NOISE), model.start(3, NOISE))


def test_a_denoiser_says_where_its_samplers_start() -> None:
    @final
    class Centred(MixtureDiffusion):
        def _start(self, eps: Tensor, noise: Noise) -> Tensor:
            return noise.add(torch.full_like(eps, 0.5), eps)

    centred = Centred.create(space=zoo.Space.real(2, 2)).double()
    assert torch.equal(centred.start(3, NOISE, rng=zoo.rng(0)), 0.4 + 0.6 * rows(3))


def test_a_sampler_goes_down_the_path_to_the_data() -> None:
    """Means and spreads of the samples are the mixture's, to five standard errors."""
    told = {"space": zoo.Space.real(2), "conditioner": LABEL}
    x = MixtureDiffusion.create(**told).sample(4000, condition=2, rng=zoo.rng(0))
    truth = ExactMixture.create(**told).sample(4000, condition=2, rng=zoo.rng(1))
    assert isinstance(x, Tensor)
    assert isinstance(truth, Tensor)
    error = 5 * truth.std(0) * (2 / 4000) ** 0.5
    assert bool(((x.mean(0) - truth.mean(0)).abs() < error).all())
    assert torch.allclose(x.std(0), truth.std(0), rtol=0.1)


def test_denoisers_that_give_the_wrong_shape_are_told_so() -> None:
    @final
    class Wrong(Mixture):
        def _denoise(self, x: Tensor, noise: Noise, call: zoo.Call) -> Prediction:
            return Prediction(x[:, :1], x)

        def _path(self, steps: int) -> list[Noise]:
            return [Noise(1.0, 0.0)]

    wrong = Wrong.create(space=zoo.Space.real(2))
    with pytest.raises(DefinitionError, match="_denoise"):
        wrong.denoise(torch.zeros(1, 2), NOISE)
    with pytest.raises(DefinitionError, match="_path"):
        wrong.path(3)


def test_denoisers_have_no_network_space() -> None:
    @final
    class Mapped(MixtureDiffusion):
        def _preprocessing(self) -> tuple[Standardize]:
            return (Standardize(),)

    mapped = Mapped.create(space=zoo.Space.real(2))
    for call in (lambda: mapped.denoise(torch.zeros(1, 2), NOISE), lambda: mapped.sample(2)):
        with pytest.raises(DefinitionError, match="data units"):
            call()


def test_the_public_methods_are_final() -> None:
    with pytest.raises(DefinitionError, match="denoise is final"):
        type("Other", (Mixture,), {"denoise": None})
    model = MixtureDiffusion.create(space=zoo.Space.real(2))
    assert Denoiser in model.provides
