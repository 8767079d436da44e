"""The continuous flow: its density, its estimate of it, its solver."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.conditioners.vector import Vector
from zoo_core.errors import ConfigError, OptionError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.density import DensityKind, Measure
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.continuous import ContinuousFlow
from zoo_plugin_flows.ode import SolverError, counted_evaluations
from zoo_plugin_flows.trace import axes, signs

TIGHT = {"atol": 1e-9, "rtol": 1e-9}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(d: int = 2, scale: float = 0.4, **fields: Any) -> ContinuousFlow:
    """A small flow in double precision, its weights far from those of the identity."""
    space = fields.pop("space", Space.real(d))
    flow = ContinuousFlow.create(space=space, **{"hidden": (16, 16), **TIGHT, **fields}).double()
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=rng(), dtype=torch.float64)
    return flow.eval()


def points(n: int, d: int = 2, seed: int = 1) -> Tensor:
    return torch.randn(n, d, generator=rng(seed), dtype=torch.float64)


@pytest.mark.parametrize("condition", [None, [0.5, -1.0]])
@torch.no_grad()
def test_integrates_to_one(condition: list[float] | None) -> None:
    """By the midpoint rule in t with x = sinh(t): fine near the centre, reaching far out."""
    fields = {} if condition is None else {"conditioner": Vector.create(width=2)}
    flow = make(atol=1e-6, rtol=1e-6, **fields)
    step = 0.1
    axis = torch.arange(-4.0, 4.0, step, dtype=torch.float64) + step / 2
    t = torch.cartesian_prod(axis, axis)
    told = None if condition is None else torch.tensor(condition)
    log_weight = t.cosh().log().sum(-1) + 2 * math.log(step)
    mass = (flow.log_prob(t.sinh(), condition=told) + log_weight).exp().sum()
    assert mass.item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_log_determinant_equals_autograd(d: int) -> None:
    flow = make(d)
    for row in points(4, d):
        jacobian = torch.autograd.functional.jacobian(lambda x: flow.to_noise(x[None])[0][0], row)
        _, log_det = flow.to_noise(row[None])
        torch.testing.assert_close(log_det[0], torch.linalg.slogdet(jacobian)[1])


def test_products_equal_autograd() -> None:
    """v · (∂f/∂x) v at a place and a time, for axes and for random signs."""
    field, t = make(3).bijection.field, torch.tensor(0.3).double()  # pyright: ignore
    x, offsets = points(5, 3), field.offsets(None)
    jacobians = torch.stack(
        [
            torch.autograd.functional.jacobian(lambda r: field(t, r[None], offsets)[0][0], row)
            for row in x
        ]
    )
    for directions in (axes(x), signs(x, 4, rng())):
        velocity, products = field(t, x, offsets, directions)
        expected = torch.einsum("nmi,nij,nmj->nm", *widened(directions, jacobians))
        torch.testing.assert_close(products, expected)
        torch.testing.assert_close(velocity, field(t, x, offsets)[0])


def widened(directions: Tensor, jacobians: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    wide = directions.expand(len(jacobians), -1, -1)
    return wide, jacobians, wide


def test_scipy_goes_the_same_way() -> None:
    """Against solve_ivp with another method, the divergence by autograd's Jacobian."""
    flow = make(2)
    field: Any = flow.bijection.field  # pyright: ignore
    offsets = field.offsets(None)

    def derivative(t: float, state: np.ndarray) -> np.ndarray:
        x, time = torch.from_numpy(state[:2].copy()), torch.tensor(t, dtype=torch.float64)
        jacobian = torch.autograd.functional.jacobian(
            lambda r: field(time, r[None], offsets)[0][0], x
        )
        velocity = field(time, x[None], offsets)[0][0].detach().numpy()
        return np.append(velocity, torch.trace(jacobian).item())

    for row in points(3):
        start = np.append(row.numpy(), 0.0)
        solved = scipy.integrate.solve_ivp(
            derivative, (1.0, 0.0), start, "DOP853", rtol=1e-10, atol=1e-10
        )
        noise, log_det = flow.to_noise(row[None])
        np.testing.assert_allclose(noise[0].detach(), solved.y[:2, -1], atol=1e-7)
        np.testing.assert_allclose(log_det[0].detach(), solved.y[2, -1], atol=1e-7)


@pytest.mark.parametrize("space", [Space.real(), Space.real(2, 3), Space.unit(4)])
@torch.no_grad()
def test_round_trip(space: Space) -> None:
    flow = make(space=space)
    x = flow.sample(50, rng=rng())
    noise, log_det = flow.to_noise(x)
    torch.testing.assert_close(flow.from_noise(noise), x, atol=1e-6, rtol=1e-6)
    inverse = flow.bijection.inverse(noise, None)[1]
    if space.kind == "real":
        torch.testing.assert_close(inverse, -log_det, atol=1e-6, rtol=1e-6)


@torch.no_grad()
def test_the_way_back_undoes_the_way_there() -> None:
    """From t = 0 to ½ to 1 and back, with the integral of the trace."""
    flow = make(3)
    path, x = flow.bijection, points(20, 3)
    solving = path.solving  # pyright: ignore
    halfway, first = path.flow(x, None, (0.0, 0.5), axes(x), solving)  # pyright: ignore
    end, second = path.flow(halfway, None, (0.5, 1.0), axes(x), solving)  # pyright: ignore
    at_once, whole = path.inverse(x, None)
    torch.testing.assert_close(end, at_once, atol=1e-7, rtol=1e-7)
    torch.testing.assert_close((first + second).sum(1), whole, atol=1e-7, rtol=1e-7)
    back, change = path.forward(end, None)
    torch.testing.assert_close(back, x, atol=1e-7, rtol=1e-7)
    torch.testing.assert_close(change, -whole, atol=1e-7, rtol=1e-7)


@torch.no_grad()
def test_hutchinson_agrees_within_its_error() -> None:
    """Each z-score is about standard normal: their mean square is near 1, the mean near 0."""
    flow, x = make(6, atol=1e-6, rtol=1e-6), points(300, 6)
    exact = flow.log_prob(x)
    estimate = flow.estimate_log_prob(x, trace="hutchinson", probes=64)
    z = (estimate.log_prob - exact) / estimate.standard_error
    assert estimate.standard_error.min() > 0
    assert z.mean().abs() < 5 / 300**0.5
    assert z.square().mean().item() == pytest.approx(1, abs=0.4)


@torch.no_grad()
def test_the_error_falls_with_the_probes() -> None:
    flow, x = make(6), points(100, 6)
    few = flow.estimate_log_prob(x, trace="hutchinson", probes=8).standard_error
    many = flow.estimate_log_prob(x, trace="hutchinson", probes=128).standard_error
    assert (few.mean() / many.mean()).item() == pytest.approx(4, rel=0.3)
    assert flow.estimate_log_prob(x, trace="hutchinson", probes=1).standard_error.isnan().all()
    assert not flow.estimate_log_prob(x).standard_error.any()


@torch.no_grad()
def test_an_estimate_is_that_of_log_prob() -> None:
    flow, x = make(3), points(10, 3)
    for options in ({"trace": "hutchinson"}, {"trace": "exact"}, {}):
        estimate = flow.estimate_log_prob(x, rng=rng(5), **options)
        torch.testing.assert_close(estimate.log_prob, flow.log_prob(x, rng=rng(5), **options))
    torch.testing.assert_close(
        flow.log_prob(x, trace="hutchinson"), flow.log_prob(x, trace="hutchinson")
    )


def test_density_says_how() -> None:
    flow = make(2, atol=1e-5, rtol=1e-4)
    assert flow.density.kind is DensityKind.EXACT
    assert flow.density.measure is Measure.DENSITY
    assert flow.density.how == "exact trace, dopri5 with atol 1e-05 and rtol 0.0001"
    estimated = flow.density_of(trace="hutchinson", probes=3, solver="rk4", steps=5)
    assert estimated.kind is DensityKind.ESTIMATE
    assert estimated.how == "Hutchinson's trace with 3 probes, rk4 with 5 steps"
    assert make(17).density.kind is DensityKind.ESTIMATE
    assert make(16).density.kind is DensityKind.EXACT
    codes = ContinuousFlow.create(space=Space.binary(2)).density
    assert codes.kind is DensityKind.LOWER_BOUND


@pytest.mark.parametrize("gradient", ["backprop", "adjoint"])
@pytest.mark.parametrize("told", [False, True])
def test_gradients_are_those_of_finite_differences(gradient: str, told: bool) -> None:
    fields: dict[str, Any] = {"conditioner": Vector.create(width=2)} if told else {}
    flow = make(2, gradient=gradient, **fields)
    x = points(4).requires_grad_()
    condition = torch.tensor([[0.3, -0.2]] * 4).double().requires_grad_() if told else None
    flow.log_prob(x, condition=condition).sum().backward()
    field: Any = flow.bijection.field  # pyright: ignore
    for tensor in (x, field.layers[1].weight, field.layers[0].bias, field.layers[2].gate):
        index = (0,) * tensor.ndim
        moved = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                tensor[index] += step
                moved.append(flow.log_prob(x, condition=condition).sum())
                tensor[index] -= step
        expected = (moved[0] - moved[1]) / 2e-5
        torch.testing.assert_close(tensor.grad[index], expected, atol=1e-4, rtol=1e-4)


def test_the_adjoint_gives_the_gradient_of_backpropagation() -> None:
    gradients = []
    for gradient in ("backprop", "adjoint"):
        flow = make(3, gradient=gradient, conditioner=Vector.create(width=2))
        batch = Batch(points(8, 3), torch.randn(8, 2, generator=rng()))
        flow.loss(batch, rng=rng()).mean().backward()
        gradients.append([p.grad for p in flow.parameters() if p.grad is not None])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-5)


def test_training_estimates_above_sixteen_features() -> None:
    """The loss is an unbiased estimate of −log_prob with one probe, and it has gradients."""
    flow = make(17, scale=0.1, atol=1e-6, rtol=1e-6)
    row = points(1, 17)
    loss = flow.loss(Batch(row.expand(3000, -1)), rng=rng())
    exact = -flow.log_prob(row, trace="exact")
    error = loss.std() / 3000**0.5
    assert error > 0
    assert (loss.mean() - exact).abs() < 5 * error
    loss.mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in flow.parameters())


@pytest.mark.parametrize(
    ("solver", "steps"), [("rk4", 40), ("midpoint", 400), ("dopri8", 1), ("bosh3", 1)]
)
@torch.no_grad()
def test_solvers_agree(solver: str, steps: int) -> None:
    flow, x = make(2, atol=1e-7, rtol=1e-7), points(10)
    other = flow.log_prob(x, solver=solver, steps=steps)
    torch.testing.assert_close(other, flow.log_prob(x), atol=1e-3, rtol=1e-3)
    one, two = (flow.sample(10, rng=rng(), **o) for o in ({}, {"solver": solver, "steps": steps}))
    torch.testing.assert_close(one, two, atol=1e-3, rtol=1e-3)


@torch.no_grad()
def test_evaluations_are_counted() -> None:
    flow, x = make(2), points(10)
    with counted_evaluations(flow.bijection.field) as count:  # pyright: ignore
        flow.sample(10, solver="rk4", steps=5)
    assert count.value == 20
    assert flow.estimate_log_prob(x, solver="euler", steps=7).evaluations == 7
    loose = flow.estimate_log_prob(x, atol=1e-3, rtol=1e-3).evaluations
    assert loose < flow.estimate_log_prob(x).evaluations


@torch.no_grad()
def test_each_row_keeps_the_tolerance() -> None:
    """A row alone and among a thousand calm ones has the same log-density."""
    flow = make(2, scale=1.0, atol=1e-5, rtol=1e-5)
    x = torch.cat((points(1) * 3, points(1000) * 0.01 + 50))
    alone = flow.log_prob(x[:1], **TIGHT)
    torch.testing.assert_close(flow.log_prob(x)[:1], alone, atol=1e-3, rtol=1e-4)


def test_far_out_is_finite() -> None:
    flow = make(2, atol=1e-5, rtol=1e-5).float()
    x = torch.tensor([[1e6, -1e6], [1e3, 0.0], [0.0, 0.0]], requires_grad=True)
    log_prob = flow.log_prob(x)
    log_prob.sum().backward()
    assert log_prob.isfinite().all()
    assert x.grad is not None and x.grad.isfinite().all()


def test_an_untrained_flow_is_the_standard_normal() -> None:
    flow = ContinuousFlow.create(space=Space.real(3), conditioner=Vector.create(width=2))
    x = points(20, 3).float()
    expected = torch.distributions.Normal(torch.zeros(()), 1.0).log_prob(x).sum(-1)
    torch.testing.assert_close(flow.log_prob(x, condition=torch.ones(2)), expected)


def test_what_cannot_be_solved_says_so() -> None:
    flow = make(2)
    with torch.no_grad():
        flow.bijection.field.layers[0].weight[0, 0] = torch.nan  # pyright: ignore
    with pytest.raises(SolverError, match="Loosen"):
        flow.log_prob(points(2))


@pytest.mark.parametrize(
    ("options", "rule"),
    [({"solver": "magic"}, "solver"), ({"atol": 0.0}, "atol"), ({"probes": 0}, "probes")],
)
def test_wrong_options_are_refused(options: dict[str, Any], rule: str) -> None:
    with pytest.raises(OptionError, match=rule):
        make().log_prob(points(1), **options)
    with pytest.raises(ConfigError):
        ContinuousFlow.create(space=Space.real(2), solver="magic")


@torch.no_grad()
def test_comes_back_from_disk(tmp_path: Any) -> None:
    flow = make(2).float()
    zoo.save(flow, tmp_path / "model")
    again = zoo.load(str(tmp_path / "model"))
    x = points(5).float()
    torch.testing.assert_close(again.log_prob(x), flow.log_prob(x), atol=0, rtol=0)


def test_learns() -> None:
    """A correlated normal distribution: the NLL comes near its entropy."""
    factor = torch.tensor([[1.0, 0.0], [1.5, 0.5]])
    x = torch.randn(20_000, 2, generator=rng()) @ factor.mT + 2
    flow = ContinuousFlow.for_data(x, hidden=(16,), atol=1e-2, rtol=1e-2)
    flow.fit_preprocessing(Batch(x), rng())
    optimiser, draw = torch.optim.Adam(flow.parameters(), lr=3e-2), rng(1)
    for _ in range(80):
        rows = x[torch.randint(len(x), (128,), generator=draw)]
        optimiser.zero_grad()
        flow.loss(Batch(rows), rng=draw).mean().backward()
        optimiser.step()
    entropy = 1 + math.log(2 * math.pi) + math.log(0.5)
    with torch.no_grad():
        nll = -flow.eval().log_prob(x[:4000], atol=1e-5, rtol=1e-5).mean()
    assert entropy - 0.03 < nll.item() < entropy + 0.05
