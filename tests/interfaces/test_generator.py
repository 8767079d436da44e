"""Generator: what the public methods promise, on the small models."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from models.energy import QuarticEnergy
from models.gaussian import Gaussian
from models.markov import GaussianChain
from zoo_core.errors import (
    ConditionError,
    DataError,
    DefinitionError,
    OptionError,
    UnsupportedError,
)


@pytest.fixture
def gaussian() -> Gaussian:
    return Gaussian.create(space=zoo.Space.real(3))


def test_same_rng_same_samples_another_others(gaussian: Gaussian) -> None:
    first = gaussian.sample(10, rng=zoo.rng(0))
    assert torch.equal(first, gaussian.sample(10, rng=zoo.rng(0)))
    assert not torch.equal(first, gaussian.sample(10, rng=zoo.rng(1)))
    assert not torch.equal(gaussian.sample(4), gaussian.sample(4))


def test_batches_joined_are_the_samples(gaussian: Gaussian) -> None:
    whole = gaussian.sample(10, rng=zoo.rng(0), batch_size=4)
    chunks = list(gaussian.sample_batches(10, rng=zoo.rng(0), batch_size=4))
    assert [len(chunk) for chunk in chunks] == [4, 4, 2]
    assert torch.equal(whole, torch.cat(chunks))


def test_sampling_touches_no_global_generator(gaussian: Gaussian) -> None:
    before = torch.random.get_rng_state()
    gaussian.sample(3)
    gaussian.log_prob(torch.zeros(2, 3))
    Gaussian.create(space=zoo.Space.real(3), seed=5)
    assert torch.equal(before, torch.random.get_rng_state())


def test_samples_carry_no_gradient_but_gradients_can_be_had_inside(gaussian: Gaussian) -> None:
    x = gaussian.sample(3, rng=zoo.rng(0))
    assert not x.requires_grad
    assert not x.is_inference()


def test_observed_entries_are_kept_to_the_bit(gaussian: Gaussian) -> None:
    known = zoo.Observed(torch.tensor([0.1, 0.0, -0.7]), torch.tensor([True, False, True]))
    x = gaussian.sample(50, observed=known, rng=zoo.rng(0))
    assert torch.equal(x[:, [0, 2]], torch.tensor([0.1, -0.7]).expand(50, 2))
    assert x[:, 1].std() > 0


def test_conditional_samples_follow_the_conditional_density(gaussian: Gaussian) -> None:
    mask = torch.tensor([True, False, False])
    x = gaussian.sample(2_000, observed=zoo.Observed(torch.ones(3), mask), rng=zoo.rng(0))
    cov = (gaussian.factor.tril() @ gaussian.factor.tril().T).detach()
    mean = gaussian.loc[1:].detach() + cov[1:, 0] / cov[0, 0] * (1 - gaussian.loc[0].detach())
    # Five standard errors: a false alarm in less than 1e-5 of seeds.
    assert torch.allclose(x[:, 1:].mean(0), mean, atol=5 * float(cov.diagonal().max()) ** 0.5 / 44)


def test_what_a_model_cannot_do_it_says(gaussian: Gaussian) -> None:
    chain = GaussianChain.create(space=zoo.Space.real(ragged=True, missing=True))
    with pytest.raises(UnsupportedError, match="part of the sample"):
        chain.sample(2, observed=zoo.Observed(torch.zeros(1), torch.ones(1)))
    with pytest.raises(UnsupportedError, match="length"):
        gaussian.sample(2, lengths=3)
    with pytest.raises(ConditionError, match="takes no condition"):
        gaussian.sample(2, condition=1)
    with pytest.raises(OptionError, match="temperature"):
        gaussian.sample(2, temperature=0.5)
    with pytest.raises(DataError):
        gaussian.sample(0)
    assert zoo.Generator not in QuarticEnergy.create(space=zoo.Space.real(2)).provides


def test_ragged_samples_have_the_lengths_asked_for() -> None:
    chain = GaussianChain.create(space=zoo.Space.real(ragged=True, missing=True))
    x = chain.sample(5, lengths=[1, 2, 3, 0, 4], rng=zoo.rng(0), batch_size=2)
    assert isinstance(x, zoo.Ragged)
    assert x.lengths.tolist() == [1, 2, 3, 0, 4]
    with pytest.raises(DataError, match="lengths"):
        chain.sample(2, lengths=[1, 2, 3])


def test_a_plugin_that_makes_the_wrong_shape_is_told_so() -> None:
    class Wrong(zoo.Generator):
        architecture = "test/wrong"

        class Config(zoo.Config):
            space: zoo.Space

        def _sample(self, n: int, call: zoo.Call) -> Tensor:
            return torch.zeros(n + 1, 2)

    with pytest.raises(DefinitionError, match="_sample"):
        Wrong.create(space=zoo.Space.real(2)).sample(3)
