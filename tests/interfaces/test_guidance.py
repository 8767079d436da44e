"""Guidance: middleware between sampler and denoiser, and its way through `sample`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, final

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from models.gaussian import Gaussian
from models.noised_mixture import ExactMixture, MixtureDiffusion
from zoo_core.errors import ConditionError, OptionError, UnsupportedError
from zoo_core.interfaces.guidance import (
    BoundGuidance,
    ClassifierFree,
    Denoise,
    Guidance,
    bind_all,
    guided,
)
from zoo_core.interfaces.noise import Noise
from zoo_core.interfaces.prediction import Prediction

TOLD = {"space": zoo.Space.real(2), "conditioner": zoo.Part("core/label", {"classes": 3})}
NOISE = Noise(0.8, 0.6)


@pytest.fixture
def model() -> MixtureDiffusion:
    return MixtureDiffusion.create(**TOLD).double()


def drawn(model: MixtureDiffusion, *guidance: Guidance, n: int = 5) -> Tensor:
    x = model.sample(n, condition=1, guidance=guidance, rng=zoo.rng(0), batch_size=2)
    assert isinstance(x, Tensor)
    return x


@final
@dataclass(frozen=True)
class Added(Guidance, BoundGuidance):
    """Adds a number to x0, or multiplies it, and keeps the pair consistent."""

    number: float = 0.0
    factor: float = 1.0

    def bind(self, model: zoo.Model, n: int) -> BoundGuidance:
        return self

    def take(self, rows: slice) -> Self:
        return self

    def __call__(
        self, denoise: Denoise, x: Tensor, noise: Noise, contexts: Sequence[zoo.Context | None]
    ) -> list[Prediction]:
        return [
            Prediction.from_x0(x, self.factor * p.x0 + self.number, noise)
            for p in denoise(x, noise, contexts)
        ]


def led(model: MixtureDiffusion, x: Tensor, guidance: Sequence[Guidance]) -> Prediction:
    """Predict under condition 1 inside of guidance."""
    call = zoo.Call(
        zoo.rng(0),
        context=model.conditioner.context(1, len(x)).to("cpu", x.dtype),
        guidance=bind_all(guidance, model, len(x)),
    )
    return model.guided(call)(x, NOISE)


def rows(n: int = 4) -> Tensor:
    return torch.randn(n, 2, generator=zoo.rng(3), dtype=torch.float64)


def test_guided_scores_are_the_combination_of_the_densities_gradients(
    model: MixtureDiffusion,
) -> None:
    """∇ log p(x)(p(x | c)/p(x))^s of the noised densities, by autograd."""
    x, scale = rows().requires_grad_(), torch.tensor([0.0, 1.0, 2.5, -1.0], dtype=torch.float64)

    def log_density(context: zoo.Context) -> Tensor:
        weight = model.log_weight(context.to("cpu", x.dtype), len(x))
        return model.mixture.log_joint(x, NOISE, weight).logsumexp(1)

    null = log_density(model.conditioner.null.expand(len(x)))
    told = log_density(model.conditioner.context(1, len(x)))
    (truth,) = torch.autograd.grad((null + scale * (told - null)).sum(), x)
    score = led(model, x, [ClassifierFree(scale)]).score(NOISE)
    assert torch.allclose(score, truth, atol=1e-10)


def test_a_negative_takes_the_place_of_null(model: MixtureDiffusion) -> None:
    x = rows()
    told, other = (model.denoise(x, NOISE, condition=c) for c in (1, 2))
    for negative in (2, [2, 2, 2, 2], model.conditioner.context(2)):
        found = led(model, x, [ClassifierFree(3.0, negative=negative)])
        assert torch.allclose(found.x0, other.lerp(told, 3.0).x0, atol=1e-12)
    assert torch.allclose(drawn(model, ClassifierFree(3.0, negative=1)), drawn(model), atol=1e-9)


def test_the_first_is_nearest_the_network(model: MixtureDiffusion) -> None:
    x = rows()
    plain = model.denoise(x, NOISE, condition=1)
    add, double = Added(number=1.0), Added(factor=2.0)
    assert torch.allclose(led(model, x, [add, double]).x0, 2 * (plain.x0 + 1))
    assert torch.allclose(led(model, x, [double, add]).x0, 2 * plain.x0 + 1)
    # An affine change of every prediction commutes with their affine combination.
    either = [led(model, x, pair) for pair in _both_orders(ClassifierFree(3.0), add)]
    assert torch.allclose(either[0].eps, either[1].eps)


def _both_orders(a: Guidance, b: Guidance) -> list[list[Guidance]]:
    return [[a, b], [b, a]]


def test_no_guidance_and_neutral_guidance_are_the_same_to_the_bit(model: MixtureDiffusion) -> None:
    unguided = model.sample(5, condition=1, rng=zoo.rng(0), batch_size=2)
    assert torch.equal(drawn(model), unguided)
    assert torch.equal(drawn(model, ClassifierFree(1.0)), unguided)
    assert torch.equal(drawn(model, ClassifierFree([1.0] * 5)), unguided)


def test_every_sample_has_its_own_scale_across_batches(model: MixtureDiffusion) -> None:
    together = drawn(model, ClassifierFree([1.0, 3.0, 1.0, 0.0, 3.0]))
    for scale, picked in ((1.0, [0, 2]), (3.0, [1, 4]), (0.0, [3])):
        alone = drawn(model, ClassifierFree(scale))
        assert torch.allclose(together[picked], alone[picked], atol=1e-9)
    assert not torch.allclose(drawn(model, ClassifierFree(3.0)), drawn(model))


def test_scale_zero_is_not_being_told(model: MixtureDiffusion) -> None:
    null = model.sample(5, condition=model.conditioner.null, rng=zoo.rng(0), batch_size=2)
    assert torch.allclose(drawn(model, ClassifierFree(0.0)), null, atol=1e-9)


def test_guidance_leads_towards_the_condition() -> None:
    """The more, the likelier the condition becomes given the samples."""
    model, judge = MixtureDiffusion.create(**TOLD), ExactMixture.create(**TOLD)
    shares = []
    for scale in (0.0, 1.0, 3.0):
        x = model.sample(300, condition=1, guidance=[ClassifierFree(scale)], rng=zoo.rng(0))
        shares.append(float(judge.match(x, 1).exp().mean().detach()))
    assert shares == sorted(shares)
    assert shares[2] > shares[0] + 0.1


def test_samples_end_where_guidance_says(model: MixtureDiffusion) -> None:
    x = drawn(model, Added(factor=0.0, number=2.0))
    assert torch.allclose(x, torch.full_like(x, 2.0))


def test_what_is_wrong_is_said_before_sampling_begins(model: MixtureDiffusion) -> None:
    unconditional = MixtureDiffusion.create(space=zoo.Space.real(2))
    with pytest.raises(ConditionError, match="takes none"):
        unconditional.sample_batches(2, guidance=[ClassifierFree(2.0)])
    with pytest.raises(OptionError, match="list of Guidance"):
        model.sample_batches(2, condition=0, guidance=ClassifierFree(2.0))  # pyright: ignore
    for scale in ([1.0, 2.0, 3.0], float("nan"), [[1.0, 2.0]]):
        with pytest.raises(OptionError, match="one a sample"):
            model.sample_batches(2, condition=0, guidance=[ClassifierFree(scale)])  # pyright: ignore
    with pytest.raises(ConditionError):
        model.sample_batches(2, condition=0, guidance=[ClassifierFree(2.0, negative=7)])


def test_models_that_can_not_be_guided_say_so() -> None:
    gaussian = Gaussian.create(space=zoo.Space.real(2))
    with pytest.raises(UnsupportedError, match="can't be guided"):
        gaussian.sample(2, guidance=[Added()])
    assert len(gaussian.sample(2, guidance=[])) == 2


def test_nothing_around_a_denoiser_is_the_denoiser(model: MixtureDiffusion) -> None:
    def denoise(
        x: Tensor, noise: Noise, contexts: Sequence[zoo.Context | None]
    ) -> list[Prediction]:
        return [Prediction(x, x) for _ in contexts]

    assert guided(denoise, ()) is denoise
