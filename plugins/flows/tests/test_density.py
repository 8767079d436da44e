"""Densities by quadrature, and samples against them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.flow import Flow

Make = Callable[..., Flow]
CELLS = 8


def grid(low: float, high: float, n: int) -> tuple[Tensor, float]:
    """Midpoints of n² equal cells of a square, and the area of a cell."""
    step = (high - low) / n
    axis = low + step * (torch.arange(n, dtype=torch.float64) + 0.5)
    return torch.cartesian_prod(axis, axis), step**2


@torch.no_grad()
def total(flow: Flow, centre: float = 0.0, scale: float = 1.0, condition: object = None) -> float:
    """Mass in the plane, by the midpoint rule in t with x = centre + scale · sinh(t).

    So cells are small near the centre and reach 100 scales out, where tails may be heavy.
    """
    t, area = grid(-5.3, 5.3, 360)
    x, weight = centre + scale * t.sinh(), scale**2 * area * t.cosh().prod(-1)
    return float((flow.double().log_prob(x, condition=condition).exp() * weight).sum())


def test_integrates_to_one(make: Make) -> None:
    assert total(make(Space.real(2))) == pytest.approx(1, abs=1e-3)


def test_integrates_to_one_on_the_line(make: Make) -> None:
    flow = make(Space.real()).double()
    x = torch.linspace(-40, 40, 80_001, dtype=torch.float64)
    mass = torch.trapezoid(flow.log_prob(x).exp(), x)
    assert mass.item() == pytest.approx(1, abs=1e-3)


def test_integrates_to_one_for_each_condition(
    make: Make, told: tuple[dict[str, object], list[object]]
) -> None:
    fields, conditions = told
    flow = make(Space.real(2), **fields)
    for condition in conditions:
        assert total(flow, condition=condition) == pytest.approx(1, abs=1e-3)


def test_standardising_is_counted(make: Make) -> None:
    flow = make(Space.real(2))
    data = torch.randn(1000, 2, generator=torch.Generator().manual_seed(0)) * 0.1 + 3
    flow.fit_preprocessing(Batch(data), torch.Generator())
    assert total(flow, 3.0, 0.1) == pytest.approx(1, abs=1e-3)


def test_logit_is_counted(make: Make) -> None:
    """Over the unit square, by the midpoint rule in u with x = sigmoid(u)."""
    flow = make(Space.unit(2), scale=0.05).double()
    u, area = grid(-13, 13, 400)
    x = u.sigmoid()
    with torch.no_grad():
        log_weight = (x.log() + (-u).sigmoid().log()).sum(-1)
        mass = (flow.log_prob(x) + log_weight).exp().sum() * area
    assert mass.item() == pytest.approx(1, abs=1e-3)


def test_masses_of_codes_are_bounded_by_one(make: Make) -> None:
    """Averaged over the dequantising noise, exp(log_prob) is the mass of a code: at most 1 all."""
    flow = make(Space.ordinal(3, 2))
    codes = torch.cartesian_prod(torch.arange(3), torch.arange(3)).repeat(2000, 1)
    with torch.no_grad():
        masses = flow.log_prob(codes, rng=torch.Generator().manual_seed(0)).exp()
    assert 0.5 < masses.reshape(2000, 9).mean(0).sum().item() < 1.02


def test_samples_follow_the_density(make: Make) -> None:
    """Chi-square over a grid of cells; false alarm in one of a million seeds."""
    flow, n, fine = make(Space.real(2)), 20_000, 60
    edge = 3.0
    x, area = grid(-edge, edge, CELLS * fine)
    with torch.no_grad():
        masses = flow.double().log_prob(x).exp() * area
    masses = masses.reshape(CELLS, fine, CELLS, fine).sum((1, 3)).flatten()
    samples = flow.float().sample(n, rng=torch.Generator().manual_seed(3))
    counts = histogram(samples, edge)
    expected = n * torch.cat((masses, (1 - masses.sum()).clamp_min(0)[None]))
    assert chi_square_tail(counts, expected) > 1e-6


def histogram(samples: Tensor, edge: float) -> Tensor:
    """Counts in the cells of a square, and last the count outside."""
    cell = ((samples + edge) / (2 * edge) * CELLS).floor().long()
    inside = ((cell >= 0) & (cell < CELLS)).all(-1)
    index = torch.where(inside, cell[:, 0] * CELLS + cell[:, 1], CELLS**2)
    return torch.bincount(index, minlength=CELLS**2 + 1).double()


def chi_square_tail(counts: Tensor, expected: Tensor) -> float:
    """P-value, with the cells that expect fewer than 10 taken together."""
    small = expected < 10
    counts = torch.cat((counts[~small], counts[small].sum()[None]))
    expected = torch.cat((expected[~small], expected[small].sum()[None].clamp_min(1)))
    statistic = ((counts - expected) ** 2 / expected).sum()
    freedom = torch.tensor((len(counts) - 1) / 2, dtype=torch.float64)
    return float(torch.special.gammaincc(freedom, statistic / 2))
