"""The toy densities: they integrate to one, samples follow them, their entropies are known."""

from __future__ import annotations

import math

import pytest
import torch

import zoo_core as zoo
from zoo_core.interfaces.density import Density, DensityKind, Measure
from zoo_plugin_data import (
    Checkerboard,
    Circles,
    EightGaussians,
    Moons,
    Pinwheel,
    SwissRoll,
    Torus,
)
from zoo_plugin_data.toy import ToyDensity

MODELS = [
    EightGaussians.create(),
    EightGaussians.create(radius=5.0, std=math.sqrt(0.1)),
    Moons.create(),
    Moons.create(noise=0.3),
    Checkerboard.create(),
    Checkerboard.create(side=0.5),
    Circles.create(noise=0.1),
    Pinwheel.create(),
    SwissRoll.create(noise=0.3),
    Torus.create(),
    Torus.create(winding=-2, spread=1.5, noise=0.8),
]


@pytest.fixture(params=MODELS, ids=lambda m: f"{type(m).__name__}-{m.config}")
def model(request: pytest.FixtureRequest) -> ToyDensity:
    return request.param


def test_it_is_an_exact_density(model: ToyDensity) -> None:
    assert model.density == Density(DensityKind.EXACT, Measure.DENSITY)
    assert model.provides == {zoo.Generator, zoo.DensityModel}


def test_density_integrates_to_one(model: ToyDensity) -> None:
    # Midpoints of a grid that also matches the checkerboard's squares: the rule is exact there.
    n = 512
    width = 2 * math.pi if model.space.kind == "angle" else 16
    axis = ((torch.arange(n, dtype=torch.float64) + 0.5) / n - 0.5) * width
    grid = torch.cartesian_prod(axis, axis)
    grid = (
        grid[(grid.abs() < 5).all(-1)] if isinstance(model, Moons | Circles | SwissRoll) else grid
    )
    exact = model.double()
    total = sum(float(exact.log_prob(part).exp().sum()) for part in grid.split(20000))
    model.float()
    assert total * (width / n) ** 2 == pytest.approx(1, abs=1e-6)


def test_mean_log_prob_of_samples_is_minus_the_entropy(model: ToyDensity) -> None:
    log_prob = model.log_prob(model.sample(20000, rng=zoo.rng(0)))
    error = float(log_prob.std()) / math.sqrt(len(log_prob))
    assert float(log_prob.mean()) == pytest.approx(-model.entropy(), abs=4 * error + 1e-6)


def test_samples_follow_the_density(model: ToyDensity) -> None:
    """Counts in cells agree with the density's mass there, by a midpoint rule in each cell."""
    x = model.sample(20000, rng=zoo.rng(1))
    edge, fine = (math.pi, 48) if model.space.kind == "angle" else (6.0, 48)
    edges = torch.linspace(-edge, edge, 9)
    offset = (torch.arange(fine) + 0.5) / fine * edge / 4
    axis = (edges[:-1, None] + offset).reshape(-1)
    grid = torch.cartesian_prod(axis, axis)
    density = torch.cat([model.log_prob(part).exp() for part in grid.split(50000)])
    cells = density.reshape(8, fine, 8, fine).sum((1, 3)) * (edge / 4 / fine) ** 2
    found = torch.histogramdd(x, [edges, edges]).hist / len(x)
    spread = (cells * (1 - cells) / len(x)).clamp(min=1 / len(x) ** 2).sqrt()
    assert float(((found - cells).abs() / spread).max()) < 5


@pytest.mark.parametrize(
    ("exact", "entropy"),
    [
        (EightGaussians.create(), 2.8319),
        (EightGaussians.create(radius=5.0, std=math.sqrt(0.1)), 2.6147),
        (Moons.create(noise=0.05), 0.2892),
        (Moons.create(noise=0.1), 1.0076),
        (Checkerboard.create(), math.log(32)),
        (Circles.create(factor=0.8), 0.7812),
        (Circles.create(factor=0.5), 0.6061),
        # A wrapped normal that is wide is uniform.
        (Torus.create(spread=9.0, noise=9.0), 2 * math.log(2 * math.pi)),
    ],
)
def test_entropies(exact: ToyDensity, entropy: float) -> None:
    assert exact.entropy() == pytest.approx(entropy, abs=6e-5)


@pytest.mark.parametrize("exact", [Pinwheel.create(), SwissRoll.create(noise=0.3), Torus.create()])
def test_entropies_agree_with_a_sum_over_the_whole_space(exact: ToyDensity) -> None:
    """An independent quadrature: the density itself, on another grid than the models use."""
    n, edge = 360, math.pi if exact.space.kind == "angle" else 6.0
    axis = ((torch.arange(n, dtype=torch.float64) + 0.5) / n * 2 - 1) * edge
    model = exact.double()
    found = 0.0
    for points in torch.cartesian_prod(axis, axis).split(20000):
        log_prob = model.log_prob(points)
        found -= float((log_prob.exp() * log_prob).nan_to_num(0.0).sum())
    model.float()
    assert found * (2 * edge / n) ** 2 == pytest.approx(exact.entropy(), abs=1e-5)


def test_gradient_of_log_prob(model: ToyDensity) -> None:
    model.double()
    x = model.sample(8, rng=zoo.rng(2)).requires_grad_()
    assert torch.autograd.gradcheck(model.log_prob, x)
    model.float()


def test_single_precision_is_as_good_as_its_result(model: ToyDensity) -> None:
    x = model.sample(500, rng=zoo.rng(3))
    single = model.log_prob(x)
    double = model.double().log_prob(x.double())
    model.float()
    torch.testing.assert_close(single.double(), double, rtol=1e-6, atol=1e-6)


def test_labels_name_the_component() -> None:
    x, labels = Moons.create(noise=1e-3).sample_labelled(200, rng=zoo.rng(0))
    radius = (x - torch.tensor([[0.0, 0.0], [1.0, 0.5]])[labels]).norm(dim=-1)
    assert bool(((radius - 1).abs() < 0.01).all())
    x, labels = EightGaussians.create(std=1e-3).sample_labelled(200, rng=zoo.rng(0))
    angle = torch.atan2(x[:, 1], x[:, 0]) / (math.pi / 4)
    assert torch.equal(angle.round().long() % 8, labels)
    x, labels = Checkerboard.create().sample_labelled(200, rng=zoo.rng(0))
    assert len(torch.unique((x / 2).floor(), dim=0)) == len(torch.unique(labels)) == 8


def test_moons_lie_where_scikit_learns_do() -> None:
    from sklearn.datasets import make_moons

    theirs, labels = make_moons(2000, noise=0.05, random_state=0)
    log_prob = Moons.create(noise=0.05).log_prob(torch.from_numpy(theirs).float())
    assert float(log_prob.mean()) == pytest.approx(-0.2892, abs=0.06)
    assert labels.max() == 1


def test_circles_lie_where_scikit_learns_do() -> None:
    from sklearn.datasets import make_circles

    theirs, labels = make_circles(4000, factor=0.5, noise=0.05, random_state=0)
    log_prob = Circles.create().log_prob(torch.from_numpy(theirs).float())
    assert float(log_prob.mean()) == pytest.approx(-0.6061, abs=0.06)
    inner = torch.from_numpy(theirs[labels == 1]).norm(dim=-1)
    assert float(inner.mean()) == pytest.approx(0.5, abs=0.01)


def test_angles_are_periodic() -> None:
    model = Torus.create(winding=3).double()
    x = torch.tensor([[math.pi, 0.3], [-1.0, math.pi]], dtype=torch.float64)
    turned = torch.tensor([[-math.pi, 0.3], [-1.0, -math.pi]], dtype=torch.float64)
    torch.testing.assert_close(model.log_prob(x), model.log_prob(turned))


def test_checkerboard_is_empty_on_light_squares() -> None:
    x = torch.tensor([[0.5, 0.5], [-0.5, 0.5], [4.0, 4.0], [-4.0, -4.0]])
    expected = torch.tensor([-math.log(32), -math.inf, -math.inf, -math.log(32)])
    torch.testing.assert_close(Checkerboard.create().log_prob(x), expected)


def test_same_generator_same_samples(model: ToyDensity) -> None:
    assert torch.equal(model.sample(50, rng=zoo.rng(4)), model.sample(50, rng=zoo.rng(4)))
