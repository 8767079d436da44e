"""Integrals of densities whose integrals are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch import distributions as laws

from zoo_core.conformance.statistics.axis import Axis
from zoo_core.conformance.statistics.enumeration import every_row, masses, number_of
from zoo_core.conformance.statistics.quadrature import Integral, Quadrature, quadrature
from zoo_core.conformance.statistics.rule import rule
from zoo_core.conformance.target import Target
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.space import Space


def row(*numbers: float) -> Tensor:
    return torch.tensor(numbers, dtype=torch.float64)


def modes(weight: float, place: float, scale: float) -> laws.Distribution:
    """A standard normal in two dimensions and, in a corner, a mode of this weight and scale."""
    means, scales = torch.stack([row(0, 0), row(place, place)]), row(1, scale)[:, None].expand(2, 2)
    parts = laws.Independent(laws.Normal(means, scales), 1)
    return laws.MixtureSameFamily(laws.Categorical(row(1 - weight, weight)), parts)


def box(x: Tensor) -> Tensor:
    inside = ((x > -0.3) & (x < 1)).all(1)
    return torch.where(inside, -2 * math.log(1.3), -math.inf)


def target(
    score: Callable[[Tensor], Tensor],
    space: Space,
    sample: Callable[[int], Tensor] | None = None,
) -> Target:
    def scored(x: Tensor) -> Tensor:
        return score(x).double()

    return Target(
        scored, scored, None if sample is None else lambda n, rng: sample(n).double(), space
    )


def of_law(law: laws.Distribution, space: Space | None = None, *, sampled: bool = True) -> Target:
    space = space or Space.real(*law.event_shape)
    return target(law.log_prob, space, (lambda n: law.sample((n,))) if sampled else None)


def grid_of(one: Target, seed: int = 0) -> Quadrature:
    with torch.random.fork_rng():
        torch.default_generator.manual_seed(seed)
        return quadrature(one, torch.Generator().manual_seed(seed))


def mass(one: Target) -> Integral:
    return grid_of(one).integrate([lambda x, log_prob: log_prob.exp()])[0]


DENSITIES: dict[str, Target] = {
    "normal, far and narrow": of_law(laws.Independent(laws.Normal(row(1000), row(1e-3)), 1)),
    "normal, of one number": of_law(laws.Normal(row(3)[0], row(2)[0]), Space.real()),
    "Cauchy": of_law(laws.Independent(laws.Cauchy(row(3, -1), row(2, 5)), 1)),
    "Student, ν = 1/2": of_law(laws.Independent(laws.StudentT(row(0.5), row(0), row(1)), 1)),
    "Laplace": of_law(laws.Independent(laws.Laplace(row(0.3, -1), row(2, 0.5)), 1)),
    "correlation .99": of_law(laws.MultivariateNormal(row(0, 0), row(1, 0.99, 0.99, 1).view(2, 2))),
    "a narrow mode": of_law(modes(0.1, 2, 0.02)),
    "a very narrow mode": of_law(modes(0.1, 2, 0.002)),
    "a far mode": of_law(modes(0.1, 40, 0.5)),
    "a far mode, no samples": of_law(modes(0.1, 40, 0.5), sampled=False),
    "a mode that is not sampled": target(
        modes(0.1, 8, 0.5).log_prob, Space.real(2), lambda n: torch.randn(n, 2)
    ),
    "a box": target(box, Space.real(2), lambda n: 1.3 * torch.rand(n, 2) - 0.3),
    "a box, no samples": target(box, Space.real(2)),
    "beta": of_law(laws.Independent(laws.Beta(row(0.5, 2), row(0.5, 3)), 1), Space.unit(2)),
    "von Mises": of_law(
        laws.Independent(laws.VonMises(row(0.5, 3), row(5, 300)), 1), Space.angle(2)
    ),
}


@pytest.mark.parametrize("name", DENSITIES)
def test_a_density_integrates_to_one_within_its_error(name: str) -> None:
    total = mass(DENSITIES[name])
    assert total.error < 2e-3
    assert abs(total.value - 1) < 2e-4


def test_entropy_is_that_of_the_closed_form() -> None:
    law = laws.MultivariateNormal(row(1, 2), row(2, 0.5, 0.5, 1).view(2, 2))
    found = grid_of(of_law(law)).integrate([lambda x, log_prob: -log_prob * log_prob.exp()])[0]
    assert found.value == pytest.approx(float(law.entropy()), abs=1e-5)


def test_several_functions_are_integrated_at_once() -> None:
    law = laws.Independent(laws.Normal(row(3, -1), row(2, 1)), 1)
    first, square = grid_of(of_law(law)).integrate(
        [
            lambda x, log_prob: log_prob.exp() * x[:, 0],
            lambda x, log_prob: log_prob.exp() * x[:, 1] ** 2,
        ]
    )
    assert first.value == pytest.approx(3, abs=1e-4)
    assert square.value == pytest.approx(2, abs=1e-4)


def test_what_does_not_integrate_is_told_by_its_size() -> None:
    assert mass(target(lambda x: torch.zeros(len(x)), Space.real(1))).value > 1e6


def test_the_error_covers_a_round_edge() -> None:
    disc = target(
        lambda x: torch.where(x.square().sum(1) < 1, -math.log(math.pi), -math.inf), Space.real(2)
    )
    total = mass(disc)
    assert abs(total.value - 1) < total.error < 0.01


def test_cells_hold_the_mass_of_their_rows() -> None:
    one = of_law(laws.Independent(laws.Normal(row(0, 0), row(1, 2)), 1))
    grid = grid_of(one)
    assert one.sample is not None
    n = 50_000
    seen = torch.bincount(grid.cell_of(one.sample(n, torch.Generator())), minlength=len(grid.cells))
    gap = (seen - n * grid.cells) / (n * grid.cells + 1).sqrt()
    assert float(grid.cells.sum()) == pytest.approx(1, abs=1e-4)
    assert float(gap.abs().max()) < 6


def test_a_density_that_is_nan_is_refused() -> None:
    nan = target(lambda x: torch.where(x[:, 0] > 0, math.nan, 0.0), Space.unit(1))
    hole = target(lambda x: torch.where(x[:, 0] > 0.5, math.nan, 0.0), Space.unit(1))
    for one in (nan, hole):
        with pytest.raises(ConformanceError, match="is a number"):
            mass(one)


def test_the_rule_is_exact_to_its_degree() -> None:
    nodes, weights, coarse = rule()
    for degree in range(12):
        truth = 0.0 if degree % 2 else 2 / (degree + 1)
        assert float((weights * nodes**degree).sum()) == pytest.approx(truth, abs=1e-12)
        if degree <= 5:
            assert float((coarse * nodes**degree).sum()) == pytest.approx(truth, abs=1e-12)
    assert float((coarse * nodes**6).sum()) != pytest.approx(2 / 7, abs=1e-3)


@pytest.mark.parametrize("infinite", [True, False])
def test_an_axis_has_the_slope_of_its_map(infinite: bool) -> None:
    axis = Axis(0.7, 2.5, infinite)
    t = torch.linspace(-0.99, 0.99, 41, dtype=torch.float64).requires_grad_(True)
    (slope,) = torch.autograd.grad(axis.value(t).sum(), t)
    torch.testing.assert_close(slope.log(), axis.log_slope(t.detach()))
    torch.testing.assert_close(axis.inverse(axis.value(t.detach())), t.detach())


def test_an_infinite_axis_ends_at_infinity() -> None:
    assert Axis(0.7, 2.5, True).inverse(row(-math.inf, math.inf)).tolist() == [-1, 1]


def test_every_row_is_listed_once_at_its_number() -> None:
    space = Space.categorical(3, 2, 2)
    rows = every_row(space)
    assert len(rows.unique(dim=0)) == 81
    assert number_of(rows, space).tolist() == list(range(81))


def test_masses_are_those_of_the_rows() -> None:
    law = laws.Bernoulli(row(0.2, 0.9))
    one = target(lambda x: law.log_prob(x.double()).sum(1), Space.binary(2))
    assert masses(one).exp().tolist() == pytest.approx([0.08, 0.72, 0.02, 0.18])
