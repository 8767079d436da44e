"""Tests of fit and contrasts: p-values held against scipy, and spread as they ought to be."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats
from torch import Tensor
from torch import distributions as laws

from zoo_core.conformance.statistics import fit
from zoo_core.conformance.statistics.contrast import Contrast
from zoo_core.conformance.statistics.enumeration import every_row
from zoo_core.conformance.statistics.features import features
from zoo_core.conformance.statistics.proposal import fitted
from zoo_core.conformance.target import Target
from zoo_core.interfaces.space import Space


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_tails_are_scipys() -> None:
    assert fit.upper_tail(30.0, 7) == pytest.approx(stats.chi2.sf(30.0, 7))
    assert fit.normal(-3.2) == pytest.approx(2 * stats.norm.sf(3.2))
    assert fit.poisson(9, 2.5) == pytest.approx(stats.poisson.sf(8, 2.5))
    assert fit.poisson(0, 2.5) == 1.0


def test_chi_square_is_scipys() -> None:
    seen, expected = torch.tensor([18.0, 30.0, 52.0]), torch.tensor([25.0, 25.0, 50.0])
    assert fit.chi_square(seen, expected) == pytest.approx(
        stats.chisquare(seen.numpy(), expected.numpy()).pvalue
    )


def test_a_sum_is_tested_with_its_covariance() -> None:
    factor = torch.tensor([[1.0, 0.0], [2.0, 3.0]], dtype=torch.float64)
    covariance, total = factor @ factor.T, torch.tensor([1.5, -4.0], dtype=torch.float64)
    square = float(total @ torch.linalg.solve(covariance, total))
    assert fit.quadratic(total, covariance) == pytest.approx(stats.chi2.sf(square, 2))


def test_a_sum_of_few_degrees_of_freedom_is_tested_in_these() -> None:
    total, ones = torch.tensor([2.0, 2.0]).double(), torch.ones(2, 2).double()
    assert fit.quadratic(total, ones) == pytest.approx(stats.chi2.sf(4.0, 1))
    assert fit.quadratic(torch.zeros(2).double(), torch.zeros(2, 2).double()) == 1.0


def test_groups_have_like_masses_and_thin_ones_are_apart() -> None:
    mass = torch.rand(400, generator=rng()).double() ** 6
    mass = mass / mass.sum()
    group = fit.groups(mass, 20, fewest=1e-3)
    share = torch.stack([mass[group == one].sum() for one in range(int(group.max()) + 1)])
    assert float(share.min()) >= 1e-3
    assert 5 <= len(share) <= 20
    assert 0 < float(mass[group == -1].sum()) <= 1e-3
    assert mass[group == -1].max() <= mass[group >= 0].min()


def test_features_are_coordinates_and_products() -> None:
    t = torch.tensor([[0.5, -0.2]])
    assert features(t)[0].tolist() == pytest.approx([0.5, -0.2, 0.25, -0.1, 0.04])


@pytest.mark.parametrize(
    "space", [Space.real(2), Space.unit(2), Space.angle(2), Space.categorical(3, 2)], ids=str
)
def test_a_proposal_is_normalised(space: Space) -> None:
    x = torch.rand(500, 2, generator=rng())
    x = (3 * x).long() if space.kind.discrete else x.double()
    proposal = fitted(x, space)
    if space.kind.discrete:
        total = proposal.log_prob(every_row(space)).exp().sum()
    else:
        side = torch.linspace(-4, 5, 901).double() + 0.0051
        grid = torch.cartesian_prod(side, side)
        inside = {"unit": (grid > 0) & (grid < 1), "angle": grid.abs() < math.pi}
        kept = inside.get(str(space.kind), grid == grid).all(1)
        total = proposal.log_prob(grid[kept]).exp().sum() * 0.01**2
    assert float(total) == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("space", [Space.real(3), Space.unit(3), Space.categorical(4, 3)], ids=str)
def test_a_proposal_draws_what_it_scores(space: Space) -> None:
    """∫ q log q by its own draws, against a second proposal's fitted to them."""
    x = torch.rand(2000, 3, generator=rng()) ** 2
    x = (4 * x).long() if space.kind.discrete else x.double()
    proposal = fitted(x, space)
    drawn = proposal.sample(20_000, rng(1))
    space.check(drawn)
    gain = fitted(drawn, space).log_prob(drawn) - proposal.log_prob(drawn)
    assert abs(float(gain.mean())) < 0.1


def skewed(scale: float = 1.0, constant: float = 0.0) -> Target:
    """Five exponential numbers' logarithms; samples or the density may be wrong."""

    def log_prob(x: Tensor) -> Tensor:
        return (x - x.exp()).sum(1) + constant

    def sample(n: int, generator: torch.Generator) -> Tensor:
        u = torch.rand(n, 5, generator=generator, dtype=torch.float64)
        return scale * (-torch.log1p(-u)).log()

    return Target(log_prob, log_prob, sample, Space.real(5))


def test_p_values_of_a_contrast_are_uniform() -> None:
    found: dict[str, list[float]] = {}
    for seed in range(40):
        for name, p in Contrast.of(skewed(), 500, rng(seed)).p_values().items():
            found.setdefault(name, []).append(p)
    for name, values in found.items():
        assert stats.kstest(values, "uniform", alternative="greater").pvalue > 1e-3, name


@pytest.mark.parametrize(("scale", "constant"), [(1.05, 0.0), (1.0, 0.2)])
def test_a_contrast_tells_a_scale_and_a_constant(scale: float, constant: float) -> None:
    for seed in range(5):
        p_values = Contrast.of(skewed(scale, constant), 16_384, rng(seed)).p_values()
        assert min(p_values.values()) < 2e-5


def test_a_contrast_says_where_it_tells_nothing() -> None:
    cauchy = laws.Cauchy(0.0, 1.0)
    one = Target(
        lambda x: cauchy.log_prob(x).sum(1),
        lambda x: cauchy.log_prob(x).sum(1),
        lambda n, generator: (
            math.pi * (torch.rand(n, 8, generator=generator).double() - 0.5)
        ).tan(),
        Space.real(8),
    )
    assert not Contrast.of(one, 4000, rng()).telling
