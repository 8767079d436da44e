"""DensityModel: figures against closed forms, and what they are said to be."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

import zoo_core as zoo
from models.bound import LinearVAE
from models.energy import QuarticEnergy
from models.gaussian import Gaussian
from models.markov import GaussianChain
from zoo_core.errors import DataError, DefinitionError, OptionError, UnsupportedError


@pytest.fixture
def gaussian() -> Gaussian:
    return Gaussian.create(space=zoo.Space.real(3)).double()


def _truth(model: Gaussian) -> MultivariateNormal:
    return MultivariateNormal(model.loc, scale_tril=model.factor.tril())


def test_an_exact_density_is_the_closed_form(gaussian: Gaussian) -> None:
    x = gaussian.sample(20, rng=zoo.rng(0))
    assert torch.allclose(gaussian.log_prob(x), _truth(gaussian).log_prob(x))
    assert gaussian.density == zoo.Density(zoo.DensityKind.EXACT, zoo.Measure.DENSITY)


def test_the_conditional_density_is_joint_over_marginal(gaussian: Gaussian) -> None:
    x = gaussian.sample(5, rng=zoo.rng(0))
    mask = torch.tensor([True, False, True])
    truth = _truth(gaussian)
    known = MultivariateNormal(truth.loc[mask], truth.covariance_matrix[mask][:, mask])
    expected = truth.log_prob(x) - known.log_prob(x[:, mask])
    assert torch.allclose(gaussian.log_prob(x, observed=mask), expected)


def test_gradients_flow_to_data_and_weights(gaussian: Gaussian) -> None:
    x = gaussian.sample(4, rng=zoo.rng(0)).requires_grad_()
    (score,) = torch.autograd.grad(gaussian.log_prob(x).sum(), x, create_graph=True)
    expected = -(x - gaussian.loc) @ torch.linalg.inv(_truth(gaussian).covariance_matrix)
    assert torch.allclose(score, expected)
    gaussian.log_prob(x).sum().backward()
    assert gaussian.loc.grad is not None


def test_a_bound_lies_below_the_truth_and_rises_with_the_number_of_samples() -> None:
    model = LinearVAE.create(space=zoo.Space.real(3)).double()
    x = model.sample(200, rng=zoo.rng(0))
    truth = model.exact_log_prob(x).mean().detach()
    means = [
        model.log_prob(x, rng=zoo.rng(1), samples=k).mean().detach() for k in (1, 10, 100, 1000)
    ]
    assert all(a < b for a, b in pairwise(means))
    assert means[-1] < truth + 0.01
    assert truth - means[-1] < 0.05
    assert model.density_of(samples=64).how == "IWAE-64"
    assert not model.density.comparable(zoo.Density(zoo.DensityKind.EXACT, zoo.Measure.DENSITY))
    with pytest.raises(OptionError):
        model.density_of(sample=64)


def test_a_stochastic_bound_repeats_unless_it_is_given_an_rng() -> None:
    model = LinearVAE.create(space=zoo.Space.real(3))
    x = model.sample(4, rng=zoo.rng(0))
    assert torch.equal(model.log_prob(x), model.log_prob(x))
    assert not torch.equal(model.log_prob(x, rng=zoo.rng(1)), model.log_prob(x, rng=zoo.rng(2)))


def test_an_energy_says_that_it_is_unnormalised() -> None:
    model = QuarticEnergy.create(space=zoo.Space.real(2))
    assert model.density.kind is zoo.DensityKind.UNNORMALIZED
    assert model.log_prob(torch.ones(1, 2)).tolist() == [-2.0]


def test_missing_steps_of_sequences_are_integrated_out() -> None:
    chain = GaussianChain.create(space=zoo.Space.real(ragged=True, missing=True)).double()
    whole = chain.sample(3, lengths=6, rng=zoo.rng(0))
    assert isinstance(whole, zoo.Ragged)
    a = chain.raw.detach().tanh()
    steps = torch.arange(6)
    cov = a ** (steps[:, None] - steps[None, :]).abs()
    seen = torch.tensor([1, 2, 5])
    values = whole.values.reshape(3, 6).clone()
    truth = MultivariateNormal(torch.zeros(3).double(), cov[seen][:, seen])
    hidden = torch.ones(6, dtype=torch.bool)
    hidden[seen] = False
    holes = values.masked_fill(hidden, torch.nan)
    figure = chain.log_prob(zoo.Ragged(holes.reshape(-1), whole.lengths))
    assert torch.allclose(figure, truth.log_prob(values[:, seen]))


def test_wrong_data_are_refused(gaussian: Gaussian) -> None:
    for bad in (torch.zeros(3), torch.zeros(2, 4), torch.zeros(0, 3), [[1.0, 2.0, float("nan")]]):
        with pytest.raises(DataError):
            gaussian.log_prob(bad)
    with pytest.raises(DataError, match="sequences"):
        GaussianChain.create(space=zoo.Space.real(ragged=True)).log_prob(torch.zeros(2, 1))
    with pytest.raises(DataError, match="mask"):
        gaussian.log_prob(torch.zeros(2, 3), observed=torch.ones(3))


def test_lists_arrays_and_other_precisions_are_accepted(gaussian: Gaussian) -> None:
    x = torch.zeros(2, 3)
    expected = gaussian.log_prob(x.double())
    assert torch.equal(gaussian.log_prob(x), expected)
    assert torch.equal(gaussian.log_prob(x.numpy()), expected)
    assert torch.equal(gaussian.log_prob(x.tolist()), expected)


def test_figures_do_not_depend_on_how_rows_are_batched(gaussian: Gaussian) -> None:
    x = gaussian.sample(9, rng=zoo.rng(0))
    parts = torch.cat([gaussian.log_prob(chunk) for chunk in x.split(2)])
    assert torch.allclose(gaussian.log_prob(x), parts, rtol=1e-12)


def test_a_torch_distribution_view(gaussian: Gaussian) -> None:
    view = gaussian.as_distribution(rng=zoo.rng(0))
    x = view.sample((4, 5))
    assert x.shape == (4, 5, 3)
    assert torch.allclose(view.log_prob(x), _truth(gaussian).log_prob(x))
    assert view.event_shape == (3,)
    assert bool(view.support.check(x).all())
    assert view.sample(()).shape == (3,)
    with pytest.raises(UnsupportedError):
        QuarticEnergy.create(space=zoo.Space.real(2)).as_distribution().sample((1,))


def test_a_plugin_that_scores_the_wrong_shape_is_told_so() -> None:
    class Wrong(zoo.DensityModel):
        architecture = "test/wrong"

        class Config(zoo.Config):
            space: zoo.Space

        def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
            return -z

    with pytest.raises(DefinitionError, match="one number a row"):
        Wrong.create(space=zoo.Space.real(2)).log_prob(torch.zeros(3, 2))


def test_the_loss_is_that_of_the_default_options() -> None:
    model = LinearVAE.create(space=zoo.Space.real(2))
    x = torch.randn(5, 2, generator=zoo.rng(0))
    loss = model.loss(zoo.Batch(x), rng=zoo.rng(1))
    torch.testing.assert_close(loss, -model.log_prob(x, rng=zoo.rng(1)))
