"""Base distributions: their densities and samples, and flows from them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal
from torch.distributions import Normal as TorchNormal

import zoo_core as zoo
from zoo_core.errors import ConfigError, UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.part import Part
from zoo_core.interfaces.reparameterized import Reparameterized
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.flow import Flow
from zoo_plugin_flows.gaussian_mixture import GaussianMixture
from zoo_plugin_flows.normal import Normal
from zoo_plugin_flows.nsf import NSF
from zoo_plugin_flows.realnvp import RealNVP
from zoo_plugin_flows.uniform import Uniform

Make = Callable[..., Flow]
BASES: dict[str, dict[str, Any]] = {
    "flows/normal": {"covariance": "full"},
    "flows/uniform": {"low": -3.0, "high": 3.0},
    "flows/gaussian-mixture": {"components": 3},
    "data/moons": {"noise": 0.2},
    "flows/realnvp": {"transforms": 2, "hidden": [8]},
}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=[NSF, RealNVP])
def make(request: pytest.FixtureRequest) -> Make:
    """Build a small flow of two families, its weights away from the identity's."""

    def build(space: Space, scale: float = 0.1, **fields: object) -> Flow:
        flow = request.param.create(space=space, transforms=4, hidden=[16, 16], **fields)
        with torch.no_grad():
            for parameter in flow.parameters():
                parameter += scale * torch.randn(parameter.shape, generator=rng())
        return flow.eval()

    return build


def normal(**fields: Any) -> Normal:
    model = Normal.create(space=Space.real(3), covariance="full", **fields).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += torch.randn(parameter.shape, generator=rng(), dtype=torch.float64)
    return model


def mixture(d: int = 3) -> GaussianMixture:
    model = GaussianMixture.create(space=Space.real(d), components=4).double()
    with torch.no_grad():
        model.logits += torch.randn(4, generator=rng(), dtype=torch.float64)
        model.log_scales += 0.3 * torch.randn(4, d, generator=rng(1), dtype=torch.float64)
    return model


def torch_mixture(model: GaussianMixture) -> MixtureSameFamily:
    entries = TorchNormal(model.means, model.log_scales.exp(), validate_args=False)
    return MixtureSameFamily(Categorical(logits=model.logits), Independent(entries, 1))


def test_normal_equals_torch() -> None:
    model = normal()
    factor = model.below.tril(-1) + torch.diag(model.log_scale.exp())  # pyright: ignore
    other = MultivariateNormal(model.mean, scale_tril=factor)
    x = torch.randn(50, 3, generator=rng(), dtype=torch.float64)
    torch.testing.assert_close(model.log_prob(x), other.log_prob(x))
    drawn = model.sample(200_000, rng=rng(), batch_size=200_000)
    torch.testing.assert_close(drawn.mT.cov(), other.covariance_matrix, rtol=0.05, atol=0.05)


def test_a_fixed_normal_keeps_what_it_is_told() -> None:
    model = Normal.create(space=Space.real(2), mean=(1.0, -1.0), scale=(0.5, 2.0), trainable=False)
    assert not [*model.parameters()]
    drawn = model.sample(50_000, rng=rng(), batch_size=50_000)
    torch.testing.assert_close(drawn.mean(0), torch.tensor([1.0, -1.0]), atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.std(0), torch.tensor([0.5, 2.0]), atol=0.05, rtol=0)


def test_mixture_equals_torch() -> None:
    model = mixture()
    x = torch.randn(50, 3, generator=rng(), dtype=torch.float64)
    torch.testing.assert_close(model.log_prob(x), torch_mixture(model).log_prob(x))


def test_uniform_is_even_inside_and_nothing_outside() -> None:
    model = Uniform.create(space=Space.real(2), low=-1.0, high=3.0)
    x = torch.tensor([[0.0, 0.0], [-1.0, 3.0], [0.0, 3.1], [1e6, 0.0]])
    expected = torch.tensor([-math.log(16), -math.log(16), -math.inf, -math.inf])
    torch.testing.assert_close(model.log_prob(x), expected)
    assert model.log_prob(model.sample(5000, rng=rng())).isfinite().all()


def test_uniform_takes_the_ends_of_the_space() -> None:
    angles = Uniform.create(space=Space.angle(3))
    assert angles.config.high == math.pi
    torch.testing.assert_close(
        angles.log_prob(torch.zeros(1, 3)), torch.tensor([-3 * math.log(2 * math.pi)])
    )
    assert Uniform.create(space=Space.unit(2)).config.low == 0


@pytest.mark.parametrize(
    ("model", "fields", "rule"),
    [
        (Uniform, {"space": Space.real(2), "low": 1.0, "high": 1.0}, "low is below high"),
        (Uniform, {"space": Space.unit(2), "high": 2.0}, "within the space"),
        (Uniform, {"space": Space.binary(2)}, "real numbers"),
        (Normal, {"space": Space.angle(2)}, "real arrays"),
        (Normal, {"space": Space.real(2), "mean": [0.0] * 3}, "each of 2"),
        (Normal, {"space": Space.real(2), "scale": 0.0}, "scale"),
        (GaussianMixture, {"space": Space.unit(2)}, "real arrays"),
    ],
)
def test_wrong_bases_are_refused(model: Any, fields: dict[str, Any], rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        model.create(**fields)


def test_normal_samples_carry_their_gradients() -> None:
    """d E[xᵀ A x] has a closed form: A = diag(1, 2, 3) gives Σ aᵢ (μᵢ² + Σᵢᵢ)."""
    model, a = normal(), torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    x, log_prob = model.rsample(400_000, rng=rng())
    torch.testing.assert_close(log_prob, model.log_prob(x))
    names, parameters = zip(*model.named_parameters(), strict=True)
    estimate = torch.autograd.grad((x.square() @ a).mean(), parameters)
    factor = model.below.tril(-1) + torch.diag(model.log_scale.exp())  # pyright: ignore
    exact = (a * (model.mean.square() + factor.square().sum(1))).sum()
    for got, true in zip(estimate, torch.autograd.grad(exact, parameters), strict=True):
        torch.testing.assert_close(got, true, rtol=0.03, atol=0.1)
    assert set(names) == {"mean", "log_scale", "below"}


def test_mixture_samples_carry_the_gradients_of_the_weights_too() -> None:
    """E[exp(b · x)] = Σₖ wₖ exp(b · μₖ + ½ |b σₖ|²), an expectation that ties the entries."""
    model, b = mixture(2), torch.tensor([0.4, -0.3], dtype=torch.float64)
    x, log_prob = model.rsample(400_000, rng=rng())
    torch.testing.assert_close(log_prob, model.log_prob(x))
    parameters = (model.logits, model.means, model.log_scales)
    estimate = torch.autograd.grad((x @ b).exp().mean(), parameters)
    exponent = model.means @ b + 0.5 * (b * model.log_scales.exp()).square().sum(1)
    exact = (model.logits.softmax(0) * exponent.exp()).sum()
    for got, true in zip(estimate, torch.autograd.grad(exact, parameters), strict=True):
        torch.testing.assert_close(got, true, rtol=0.03, atol=0.005)


def test_mixture_gradients_are_those_of_the_quantile_on_the_line() -> None:
    """With one entry, a sample is the quantile of its fixed u: compare with finite differences."""
    model = mixture(1)
    with torch.no_grad():
        x = torch.linspace(-1.5, 1.5, 7, dtype=torch.float64)[:, None]
    attached = model._attached(x)[:, 0]
    for row in range(7):
        (got,) = torch.autograd.grad(attached[row], model.logits, retain_graph=True)
        for k in range(4):
            step = torch.zeros(4, dtype=torch.float64)
            step[k] = 1e-5
            moved = [quantile_of(model, x[row, 0], sign * step) for sign in (1, -1)]
            torch.testing.assert_close(got[k], (moved[0] - moved[1]) / 2e-5, atol=1e-6, rtol=1e-4)


@torch.no_grad()
def quantile_of(model: GaussianMixture, x: Tensor, step: Tensor) -> Tensor:
    """Where the mixture with other weights reaches the level that this one has at x; bisection."""
    entries = TorchNormal(model.means[:, 0], model.log_scales[:, 0].exp())
    level = (model.logits.softmax(0) * entries.cdf(x)).sum()
    weights = (model.logits + step).softmax(0)
    low, high = torch.tensor(-20.0).double(), torch.tensor(20.0).double()
    for _ in range(60):
        middle = (low + high) / 2
        below = (weights * entries.cdf(middle)).sum() < level
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2


@torch.no_grad()
def mass(flow: Flow) -> float:
    """Mass in the plane by the midpoint rule."""
    axis = torch.linspace(-11.95, 11.95, 240, dtype=torch.float64)
    return float(flow.log_prob(torch.cartesian_prod(axis, axis)).exp().sum() * 0.1**2)


@pytest.mark.parametrize("name", BASES)
def test_a_flow_from_any_base_integrates_to_one(make: Make, name: str) -> None:
    flow = make(Space.real(2), scale=0.05, base=Part(name, BASES[name])).double()
    assert mass(flow) == pytest.approx(1, abs=0.01 if name == "flows/uniform" else 1e-3)
    assert flow.density.kind is DensityKind.EXACT
    assert name in flow.density.how


@pytest.mark.parametrize("name", BASES)
def test_a_flow_from_any_base_is_the_change_of_variables(make: Make, name: str) -> None:
    flow = make(Space.real(2), base=Part(name, BASES[name])).double()
    x = flow.sample(100, rng=rng())
    noise, log_det = flow.to_noise(x)
    base: Any = flow.base
    torch.testing.assert_close(flow.log_prob(x), base.log_prob(noise) + log_det)
    torch.testing.assert_close(noise, base.sample(100, rng=child(rng())), atol=1e-6, rtol=1e-6)


def child(parent: torch.Generator) -> torch.Generator:
    """The generator that a chunk of samples draws from."""
    from zoo_core.interfaces.randomness import child_rng

    return child_rng(parent, "cpu")


def test_the_kind_is_the_weaker_one(make: Make) -> None:
    """An estimated base makes the flow an estimate, and both say how."""
    flow = make(Space.real(20), base=Part("flows/continuous", {"hidden": [8]}))
    assert flow.density.kind is DensityKind.ESTIMATE
    assert "Hutchinson" in flow.density.how
    codes = make(Space.binary(20), base=Part("flows/continuous", {"hidden": [8]}))
    assert codes.density.kind is DensityKind.ESTIMATE


def test_a_pretrained_flow_is_a_base() -> None:
    base = zoo.load("flows/nsf-moons")
    flow = RealNVP.create(space=Space.real(2), transforms=2, hidden=[8], base=base)
    x = torch.randn(10, 2, generator=rng())
    torch.testing.assert_close(flow.log_prob(x), base.log_prob(x))


@pytest.mark.parametrize("frozen", [False, True])
def test_a_base_is_trained_unless_frozen(frozen: bool) -> None:
    part = Part("flows/gaussian-mixture", {"components": 3}, frozen=frozen)
    flow = RealNVP.create(space=Space.real(2), transforms=2, hidden=[8], base=part)
    flow.loss(Batch(torch.randn(20, 2, generator=rng()))).mean().backward()
    base: Any = flow.base
    gradients = [parameter.grad for parameter in base.parameters()]
    assert all(grad is None if frozen else bool(grad.abs().sum() > 0) for grad in gradients)
    assert all(parameter.grad is not None for parameter in flow.bijection.parameters())


def test_outside_of_a_uniform_base_there_is_nothing() -> None:
    part = Part("flows/uniform", {"low": -1.0, "high": 1.0})
    flow = RealNVP.create(space=Space.real(2), transforms=2, hidden=[8], base=part)
    x = torch.tensor([[0.5, 0.5], [1.5, 0.0], [1e6, -1e6]], requires_grad=True)
    log_prob = flow.log_prob(x)
    assert log_prob.tolist() == [pytest.approx(-math.log(4)), -math.inf, -math.inf]
    (gradient,) = torch.autograd.grad(log_prob[0], x)
    assert gradient.isfinite().all()


@pytest.mark.parametrize(
    ("space", "part", "rule"),
    [
        (Space.real(3), Part("data/moons"), "distribution of real"),
        (Space.real(2), Part("flows/uniform", {"space": {"kind": "unit", "shape": [2]}}), "real"),
    ],
)
def test_a_base_of_another_space_is_refused(space: Space, part: Part, rule: str) -> None:
    with pytest.raises(ConfigError, match=rule):
        NSF.create(space=space, base=part)


def test_a_conditional_base_is_refused() -> None:
    label = {"architecture": "core/label", "config": {"classes": 3}}
    part = Part("flows/realnvp", {"conditioner": label})
    with pytest.raises(ConfigError, match="takes no condition"):
        NSF.create(space=Space.real(2), base=part)


def test_a_live_base_becomes_the_part(make: Make) -> None:
    base = mixture(2).float()
    flow = make(Space.real(2), scale=0.0, base=base)
    assert flow.base is base
    assert flow.config.base.architecture == "flows/gaussian-mixture"


def test_a_flow_with_a_base_comes_back_from_disk(make: Make, tmp_path: Any) -> None:
    base = Part("flows/realnvp", {"base": {"architecture": "flows/normal"}, "hidden": [8]})
    flow = make(Space.real(2), base=base)
    zoo.save(flow, tmp_path / "model")
    again = zoo.load(str(tmp_path / "model"))
    x = torch.randn(10, 2, generator=rng())
    torch.testing.assert_close(again.log_prob(x), flow.log_prob(x), atol=0, rtol=0)


@pytest.mark.parametrize("name", BASES)
def test_reparameterised_samples_through_a_base(make: Make, name: str) -> None:
    frozen = name == "data/moons"
    flow = make(Space.real(2), base=Part(name, BASES[name], frozen=frozen)).double()
    assert Reparameterized in flow.provides
    x, log_prob = flow.rsample(50, rng=rng())
    torch.testing.assert_close(log_prob, flow.log_prob(x))
    x.square().sum().backward()
    trained = [p for p in flow.parameters() if p.requires_grad]
    assert all(parameter.grad is not None for parameter in trained)


def test_a_trained_base_without_such_samples_says_so(make: Make) -> None:
    flow = make(Space.real(2), base=Part("flows/nsf", {"base": {"architecture": "data/moons"}}))
    assert Reparameterized in flow.provides
    lacking = make(Space.real(2), base=TrainedMoons.create())
    assert Reparameterized not in lacking.provides
    with pytest.raises(UnsupportedError, match="Freeze the base"):
        lacking.rsample(3)


class TrainedMoons(zoo.Generator, zoo.DensityModel):
    """A normal distribution that samples without gradients."""

    architecture = "tests/trained"

    def _space(self) -> Space:
        return Space.real(2)

    def _build(self) -> None:
        self.mean = torch.nn.Parameter(torch.zeros(2))

    def _sample(self, n: int, call: Any) -> Tensor:
        return self.mean + torch.randn(n, 2, generator=call.rng)

    def _log_prob(self, z: Tensor, call: Any) -> Tensor:
        return TorchNormal(self.mean, 1.0).log_prob(z).sum(-1)
