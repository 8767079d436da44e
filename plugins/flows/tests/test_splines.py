"""The spline against zuko's, which is independent, and its behaviour where floats are poor."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from zuko.transforms import MonotonicRQSTransform

from zoo_plugin_flows.splines import RationalQuadraticSpline

BINS, BOUND, MINIMUM = 8, 5.0, 1e-2


@pytest.fixture
def spline() -> RationalQuadraticSpline:
    return RationalQuadraticSpline(BINS, BOUND, MINIMUM)


def parameters(rows: int, features: int, scale: float, dtype: torch.dtype) -> Tensor:
    rng = torch.Generator().manual_seed(1)
    raw = torch.randn(3 * BINS - 1, rows, features, generator=rng, dtype=torch.float64)
    return (scale * raw).to(dtype)


def points(rows: int, features: int, dtype: torch.dtype) -> Tensor:
    """Points in and out of the interval."""
    rng = torch.Generator().manual_seed(2)
    return (12 * torch.rand(rows, features, generator=rng, dtype=torch.float64) - 6).to(dtype)


def peer(raw: Tensor) -> MonotonicRQSTransform:
    """Zuko's spline with the same knots and slopes, computed here feature by feature."""
    widths, heights, slopes = raw.movedim(0, -1).split([BINS, BINS, BINS - 1], dim=-1)
    transform = MonotonicRQSTransform(widths, heights, slopes, bound=BOUND)

    def knots(sizes: Tensor) -> Tensor:
        shares = MINIMUM + (1 - BINS * MINIMUM) * sizes.softmax(-1)
        total = torch.nn.functional.pad(shares.cumsum(-1), (1, 0))
        return BOUND * (2 * total - 1)

    inner = MINIMUM + torch.nn.functional.softplus(slopes + math.log(math.expm1(1 - MINIMUM)))
    transform.horizontal, transform.vertical = knots(widths), knots(heights)
    transform.derivatives = torch.nn.functional.pad(inner, (1, 1), value=1.0)
    return transform


def test_forward_equals_zuko(spline: RationalQuadraticSpline) -> None:
    x, raw = points(500, 3, torch.float64), parameters(500, 3, 1.0, torch.float64)
    y, log_slope = spline.forward(x, raw)
    expected, expected_log_slope = peer(raw).call_and_ladj(x)
    torch.testing.assert_close(y, expected, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(log_slope, expected_log_slope, atol=1e-8, rtol=1e-8)


def test_inverse_equals_zuko(spline: RationalQuadraticSpline) -> None:
    y, raw = points(500, 3, torch.float64), parameters(500, 3, 1.0, torch.float64)
    x, log_slope = spline.inverse(y, raw)
    expected = peer(raw).inv(y)
    torch.testing.assert_close(x, expected, atol=1e-7, rtol=1e-7)
    torch.testing.assert_close(log_slope, -peer(raw).call_and_ladj(x)[1], atol=1e-6, rtol=1e-6)


def test_log_slope_is_the_derivative(spline: RationalQuadraticSpline) -> None:
    raw = parameters(200, 2, 1.0, torch.float64)
    for method in (spline.forward, spline.inverse):
        x = points(200, 2, torch.float64).requires_grad_()
        y, log_slope = method(x, raw)
        (slope,) = torch.autograd.grad(y.sum(), x)
        torch.testing.assert_close(log_slope.exp(), slope, atol=1e-9, rtol=1e-9)


def test_zero_parameters_are_the_identity(spline: RationalQuadraticSpline) -> None:
    x, raw = points(100, 2, torch.float64), torch.zeros(3 * BINS - 1, 100, 2, dtype=torch.float64)
    for method in (spline.forward, spline.inverse):
        y, log_slope = method(x, raw)
        torch.testing.assert_close(y, x, atol=1e-12, rtol=0)
        torch.testing.assert_close(log_slope, torch.zeros_like(x), atol=1e-12, rtol=0)


@pytest.mark.parametrize("scale", [1.0, 3.0, 10.0])
def test_noise_comes_back_in_float32(spline: RationalQuadraticSpline, scale: float) -> None:
    """y → x → y: accurate for any parameters, since bins and slopes are never too small."""
    y, raw = points(20_000, 4, torch.float32), parameters(20_000, 4, scale, torch.float32)
    x, _ = spline.inverse(y, raw)
    back, _ = spline.forward(x, raw)
    assert (back - y).abs().max() < 1e-4


@pytest.mark.parametrize("scale", [0.0, 0.1, 0.5])
def test_data_come_back_in_float32(spline: RationalQuadraticSpline, scale: float) -> None:
    x, raw = points(20_000, 4, torch.float32), parameters(20_000, 4, scale, torch.float32)
    y, _ = spline.forward(x, raw)
    back, _ = spline.inverse(y, raw)
    assert (back - x).abs().max() < 1e-4


@pytest.mark.parametrize("scale", [1.0, 3.0, 10.0])
def test_flat_parts_lose_no_more_than_rounding(
    spline: RationalQuadraticSpline, scale: float
) -> None:
    """Where the map is flat, rounding y hides x; what comes back has the same image as x."""
    x, raw = points(20_000, 4, torch.float32), parameters(20_000, 4, scale, torch.float32)
    back, _ = spline.inverse(spline.forward(x, raw)[0], raw)
    image, _ = spline.forward(back.double(), raw.double())
    assert (image - spline.forward(x.double(), raw.double())[0]).abs().max() < 1e-4


@pytest.mark.parametrize("scale", [0.0, 1.0, 30.0, 1000.0])
def test_gradients_are_finite_at_and_beyond_the_bound(
    spline: RationalQuadraticSpline, scale: float
) -> None:
    at = torch.tensor([-1e6, -5.0001, -5.0, -4.9999999, 0.0, 4.9999999, 5.0, 5.0001, 1e6])
    for method in (spline.forward, spline.inverse):
        x = at[:, None].clone().requires_grad_()
        raw = parameters(len(at), 1, scale, torch.float32).requires_grad_()
        y, log_slope = method(x, raw)
        (y.clamp(-10, 10).sum() + log_slope.sum()).backward()
        assert torch.isfinite(y).all()
        assert torch.isfinite(log_slope).all()
        assert x.grad is not None and torch.isfinite(x.grad).all()
        assert raw.grad is not None and torch.isfinite(raw.grad).all()


def test_outside_the_bound_nothing_changes(spline: RationalQuadraticSpline) -> None:
    x = torch.tensor([[-7.0], [-5.0], [5.0], [123.0]])
    y, log_slope = spline.forward(x, parameters(4, 1, 3.0, torch.float32))
    assert torch.equal(y, x)
    assert torch.equal(log_slope, torch.zeros_like(x))


def test_increasing_over_knots(spline: RationalQuadraticSpline) -> None:
    x = torch.linspace(-6, 6, 20_001, dtype=torch.float64)[:, None]
    raw = parameters(1, 1, 3.0, torch.float64).expand(-1, len(x), -1)
    assert (spline.forward(x, raw)[0].diff(dim=0) > 0).all()
