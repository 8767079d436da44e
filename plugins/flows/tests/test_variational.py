"""Fitting flows to unnormalised densities, and weighing their samples."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal

import zoo_core as zoo
from zoo_core.errors import DataError, OptionError, TrainingError, UnsupportedError
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.continuous import ContinuousFlow
from zoo_plugin_flows.gaussian_mixture import GaussianMixture
from zoo_plugin_flows.importance import Weighed, importance_sample
from zoo_plugin_flows.normal import Normal
from zoo_plugin_flows.pareto import GeneralizedPareto, fit_generalized_pareto
from zoo_plugin_flows.realnvp import RealNVP
from zoo_plugin_flows.variational import VariationalOptions, fit_to_density

LOG_Z = 3.0


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


COVARIANCE = torch.tensor([[2.0, 0.9], [0.9, 0.6]])
GAUSSIAN = MultivariateNormal(torch.tensor([1.0, -2.0]), COVARIANCE)


def gaussian(x: Tensor) -> Tensor:
    """A normal distribution times e³."""
    return GAUSSIAN.log_prob(x) + LOG_Z


def banana(x: Tensor) -> Tensor:
    """x₁ ~ N(0, 1), x₂ ~ N(x₁², ½²), without its normaliser: log Z = log(2π · ½)."""
    return -0.5 * x[:, 0] ** 2 - 0.5 * ((x[:, 1] - x[:, 0] ** 2) / 0.5) ** 2


@pytest.mark.parametrize("estimator", ["path", "total"])
def test_a_gaussian_is_recovered_with_its_normaliser(estimator: str) -> None:
    model = Normal.create(space=Space.real(2), covariance="full")
    report = fit_to_density(
        model, gaussian, rng=rng(), steps=400, learning_rate=0.1, estimator=estimator
    )
    torch.testing.assert_close(model.mean, GAUSSIAN.mean, atol=0.02, rtol=0)
    drawn = model.sample(100_000, rng=rng(), batch_size=100_000)
    torch.testing.assert_close(drawn.mT.cov(), COVARIANCE, atol=0.05, rtol=0.03)
    assert -report.history[-1]["loss"] == pytest.approx(LOG_Z, abs=0.02)
    assert report.steps == 400 and len(report.history) == 100


def test_the_path_gradient_vanishes_where_model_and_target_agree() -> None:
    """And the total one does not: only its mean is zero (Roeder et al. 2017)."""
    model = Normal.create(space=Space.real(2), covariance="full")
    for estimator, still in (("path", True), ("total", False)):
        before = [parameter.detach().clone() for parameter in model.parameters()]
        target = MultivariateNormal(torch.zeros(2), torch.eye(2)).log_prob
        fit_to_density(
            model, target, rng=rng(), steps=1, batch_size=8, estimator=estimator, clip_norm=None
        )
        # Adam's step has the size of the learning rate whatever the gradient's; a gradient of
        # rounding errors is told apart by its size.
        sizes = [p.grad.abs().max().item() for p in model.parameters() if p.grad is not None]
        assert (max(sizes) < 1e-5) == still
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), before, strict=True):
                parameter.copy_(value)


def test_both_gradients_have_the_same_mean() -> None:
    """Averaged over many samples both are the gradient of the divergence."""
    gradients = []
    for estimator in ("path", "total"):
        flow = RealNVP.create(space=Space.real(2), transforms=2, hidden=[8]).double()
        with torch.no_grad():
            for parameter in flow.parameters():
                noise = torch.randn(parameter.shape, generator=rng(), dtype=torch.float64)
                parameter += 0.2 * noise
        fit_to_density(
            flow,
            banana,
            rng=rng(),
            steps=1,
            batch_size=200_000,
            estimator=estimator,
            clip_norm=None,
        )
        gradients.append(
            torch.cat([p.grad.flatten() for p in flow.parameters() if p.grad is not None])
        )
    scale = gradients[0].abs().max()
    torch.testing.assert_close(gradients[0] / scale, gradients[1] / scale, atol=0.03, rtol=0)


@pytest.fixture(scope="module")
def fitted() -> RealNVP:
    flow = RealNVP.create(space=Space.real(2), transforms=4, hidden=[32])
    fit_to_density(flow, banana, rng=rng(), steps=400, learning_rate=1e-2, anneal=100)
    return flow


def test_a_banana_is_fitted(fitted: RealNVP) -> None:
    weighed = importance_sample(fitted, banana, 20_000, rng=rng())
    assert weighed.log_normalizer == pytest.approx(
        math.log(math.pi), abs=5 * weighed.log_normalizer_error
    )
    assert weighed.log_normalizer_error < 0.01
    assert weighed.effective_sample_size > 10_000
    assert weighed.pareto_k < weighed.pareto_k_limit
    x = weighed.x
    moments = torch.stack((x[:, 0], x[:, 1], x[:, 0] ** 2, x[:, 1] ** 2), 1)
    mean, error = weighed.expectation(moments)
    expected = torch.tensor([0.0, 1.0, 1.0, 3.25])  # E x₂² = E x₁⁴ + ¼
    assert ((mean - expected).abs() < 5 * error).all()


def test_the_loss_bounds_the_normaliser(fitted: RealNVP) -> None:
    with torch.no_grad():
        x, log_prob = fitted.rsample(20_000, rng=rng(3))
        bound = (banana(x) - log_prob).mean().item()
    assert bound < math.log(math.pi)
    assert bound > math.log(math.pi) - 0.1


def test_a_model_of_the_zoo_is_a_target() -> None:
    target = zoo.create("data/moons", noise=0.5)
    flow = RealNVP.create(space=Space.real(2), transforms=2, hidden=[16])
    fit_to_density(flow, target, rng=rng(), steps=100, learning_rate=1e-2)
    weighed = importance_sample(flow, target, 5000, rng=rng())
    assert weighed.log_normalizer == pytest.approx(0, abs=0.1)


def test_a_trainable_target_is_left_alone() -> None:
    target = Normal.create(space=Space.real(2))
    for estimator in ("path", "total"):
        model = Normal.create(space=Space.real(2), mean=1.0)
        fit_to_density(model, target, rng=rng(), steps=2, estimator=estimator)
        assert all(parameter.grad is None for parameter in target.parameters())


@pytest.mark.parametrize("base", [None, "flows/gaussian-mixture"])
def test_a_continuous_flow_is_fitted(base: str | None) -> None:
    part = None if base is None else zoo.Part(base, {"components": 2, "scale": 1.0})
    flow = ContinuousFlow.create(
        space=Space.real(2), hidden=(16,), solver="midpoint", steps=4, base=part
    )
    report = fit_to_density(flow, gaussian, rng=rng(), steps=60, batch_size=32, learning_rate=0.05)
    assert -report.history[-1]["loss"] == pytest.approx(LOG_Z, abs=0.4)


def test_the_same_rng_gives_the_same_fit() -> None:
    fits = []
    for _ in range(2):
        flow = RealNVP.create(space=Space.real(2), transforms=2, hidden=[8])
        fit_to_density(flow, banana, rng=rng(4), steps=5)
        fits.append(torch.cat([p.detach().flatten() for p in flow.parameters()]))
    assert torch.equal(*fits)


def test_annealing_rises_to_one() -> None:
    options = VariationalOptions(steps=100, anneal=50, first_weight=0.2)
    assert [options.weight(step) for step in (0, 25, 50, 99)] == pytest.approx([0.2, 0.6, 1, 1])
    with pytest.raises(OptionError, match="anneal"):
        fit_to_density(Normal.create(space=Space.real(2)), gaussian, steps=10, anneal=10)


def test_what_cannot_be_fitted_says_so() -> None:
    codes = RealNVP.create(space=Space.binary(2), transforms=2, hidden=[8])
    with pytest.raises(UnsupportedError, match="gradients"):
        fit_to_density(codes, banana)
    with pytest.raises(DataError, match="one number a sample"):
        fit_to_density(Normal.create(space=Space.real(2)), lambda x: x)
    with pytest.raises(DataError, match="density of"):
        fit_to_density(Normal.create(space=Space.real(3)), zoo.create("data/moons"))
    with pytest.raises(OptionError, match="stepps"):
        fit_to_density(Normal.create(space=Space.real(2)), gaussian, stepps=3)


def test_a_target_without_mass_at_a_sample_stops_the_fit_with_good_weights() -> None:
    model = Normal.create(space=Space.real(2))
    with pytest.raises(TrainingError, match="step 1"):
        fit_to_density(model, lambda x: torch.where(x[:, 0] > 0, gaussian(x), -math.inf))
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_a_mode_is_kept() -> None:
    model = Normal.create(space=Space.real(2))
    model.train()
    fit_to_density(model, gaussian, rng=rng(), steps=1)
    assert model.training


@pytest.mark.parametrize("k", [-0.5, 0.2, 0.5, 0.9, 1.5])
def test_the_shape_of_a_pareto_tail_is_found(k: float) -> None:
    """Within 4 standard errors, (1 + k)/√n for the maximum likelihood (Smith 1987)."""
    n = 20_000
    share = torch.rand(n, generator=rng(), dtype=torch.float64)
    drawn = GeneralizedPareto(k, 2.0).quantile(share)
    fitted = fit_generalized_pareto(drawn)
    error = (1 + max(k, 0)) / n**0.5
    assert fitted.shape == pytest.approx(k, abs=4 * error)
    assert fitted.scale == pytest.approx(2.0, rel=4 * (2 * (1 + max(k, 0))) ** 0.5 / n**0.5)


@pytest.mark.parametrize("k", [0.2, 0.5, 0.8])
def test_the_tail_of_weights_has_the_shape_it_must(k: float) -> None:
    """x ~ Exp(1) weighed by exp(k x) has P(w > t) = t^(−1/k): exactly a Pareto tail."""
    x = torch.empty(200_000, dtype=torch.float64).exponential_(generator=rng())
    weighed = Weighed(x, k * x)
    tail = 3 * 200_000**0.5
    assert weighed.pareto_k == pytest.approx(k, abs=4 * (1 + k) / tail**0.5 + 0.01)


def test_weights_of_the_exact_target_are_even() -> None:
    model = Normal.create(space=Space.real(3))
    weighed = importance_sample(model, model, 1000, rng=rng())
    assert weighed.effective_sample_size == pytest.approx(1000)
    assert weighed.log_normalizer == pytest.approx(0, abs=1e-6)
    assert weighed.log_normalizer_error < 1e-6
    assert weighed.pareto_k < weighed.pareto_k_limit


def test_a_proposal_that_is_too_narrow_is_found_out() -> None:
    """w ∝ exp(x²/2 (1/σ² − 1)) for q = N(0, σ²): k = 1 − σ² = .96 at σ = .2 (to first order)."""
    model = Normal.create(space=Space.real(1), scale=0.2)
    weighed = importance_sample(model, Normal.create(space=Space.real(1)), 20_000, rng=rng())
    assert weighed.pareto_k > weighed.pareto_k_limit
    assert weighed.effective_sample_size < 2000


def test_the_figures_are_those_of_a_known_case() -> None:
    """Weights 1, 1, 2: mean 4/3, effective size 16/6; expectations by hand."""
    weighed = Weighed(torch.tensor([0.0, 1.0, 2.0]), torch.tensor([1.0, 1.0, 2.0]).log())
    assert weighed.log_normalizer == pytest.approx(math.log(4 / 3))
    assert weighed.effective_sample_size == pytest.approx(16 / 6)
    mean, error = weighed.expectation(weighed.x)
    assert mean.item() == pytest.approx(1.25)
    squares = (1.25**2 + 0.25**2) / 16 + 0.75**2 / 4
    assert error.item() == pytest.approx(squares**0.5)
    relative = torch.tensor([0.75, 0.75, 1.5])
    assert weighed.log_normalizer_error == pytest.approx(relative.std().item() / 3**0.5)


def test_smoothing_lowers_the_error_of_heavy_weights() -> None:
    """Mean of Exp(1) weights exp(.6 x) is 1/.4; over repetitions the smoothed mean errs less."""
    plain, smooth = [], []
    for seed in range(60):
        x = torch.empty(1000, dtype=torch.float64).exponential_(generator=rng(seed))
        weighed = Weighed(x, 0.6 * x)
        plain.append(math.exp(weighed.log_normalizer) - 2.5)
        smooth.append(math.exp(weighed.smoothed().log_normalizer) - 2.5)
    assert torch.tensor(smooth).square().mean() < torch.tensor(plain).square().mean()


def test_smoothing_keeps_the_order_and_the_rest() -> None:
    x = torch.empty(1000, dtype=torch.float64).exponential_(generator=rng())
    weighed = Weighed(x, 0.5 * x)
    smooth = weighed.smoothed().log_weight
    assert torch.equal(smooth.argsort(), weighed.log_weight.argsort())
    assert smooth.max() <= weighed.log_weight.max()
    rest = weighed.log_weight.argsort()[:-95]
    torch.testing.assert_close(smooth[rest], weighed.log_weight[rest])


def test_only_exact_densities_are_weighed() -> None:
    flow = ContinuousFlow.create(space=Space.real(20), hidden=(8,))
    with pytest.raises(UnsupportedError, match="exact density"):
        importance_sample(flow, lambda x: -x.square().sum(-1), 10)


def test_few_weights_have_no_tail() -> None:
    weighed = Weighed(torch.zeros(4), torch.tensor([0.0, 1.0, 2.0, 3.0]))
    assert weighed.pareto_k == math.inf
    assert torch.equal(weighed.smoothed().log_weight, weighed.log_weight)


def test_a_mixture_target_may_lose_a_mode_and_says_nothing() -> None:
    """What reverse KL is known for; importance weights from one mode look fine too."""
    target = GaussianMixture.create(space=Space.real(1), components=2, scale=0.3)
    with torch.no_grad():
        target.means.copy_(torch.tensor([[-6.0], [6.0]]))
    model = Normal.create(space=Space.real(1), mean=3.0)
    fit_to_density(model, target, rng=rng(), steps=300, learning_rate=0.05)
    weighed = importance_sample(model, target, 2000, rng=rng())
    assert weighed.log_normalizer == pytest.approx(math.log(0.5), abs=0.05)


def test_options_are_typed() -> None:
    wrong: dict[str, Any] = {"estimator": "none"}
    with pytest.raises(OptionError, match="estimator"):
        fit_to_density(Normal.create(space=Space.real(2)), gaussian, **wrong)
