"""Products by blocks and maps with written gradients against their plain forms."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from zoo_plugin_flows import masked_blocks, masked_layer
from zoo_plugin_flows.autoregressive_affine import SoftAffine
from zoo_plugin_flows.masked_blocks import Blocks
from zoo_plugin_flows.masked_layer import MaskedLayer


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def staircase(rows: int, columns: int, *, turned: bool) -> Tensor:
    """A mask of ones below a diagonal, or with its columns turned round."""
    height = torch.arange(rows)[:, None] * columns // rows
    mask = height >= torch.arange(columns)
    return mask.flip(1) if turned else mask


@pytest.fixture(params=["whole", "blocks"])
def work(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Small products as they are, and by blocks as large ones."""
    if request.param == "blocks":
        monkeypatch.setattr(masked_layer, "WORK", 0)
        monkeypatch.setattr(masked_blocks, "LEAST", 2)
    return request.param


@pytest.mark.parametrize("width", [None, 2, 3, 7])
@pytest.mark.parametrize("turned", [False, True])
def test_values_and_gradients_of_both_orders(work: str, width: int | None, turned: bool) -> None:
    mask = staircase(8, 6, turned=turned)
    layer = MaskedLayer(mask, width, rectified=width is None).double()
    assert (layer.blocks is not None) == (work == "blocks" and width != 7)
    x = torch.randn(6, 5, generator=rng(), dtype=torch.float64, requires_grad=True)

    def call(weight: Tensor, bias: Tensor, x: Tensor) -> Tensor:
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x,))

    product = torch.einsum("...oi,in->...on", layer.weight * mask, x) + layer.bias[..., None]
    expected = product.relu() if width is None else product
    torch.testing.assert_close(layer(x), expected)
    arguments = layer.weight, layer.bias, x
    assert torch.autograd.gradcheck(call, arguments, fast_mode=True)
    assert torch.autograd.gradgradcheck(call, arguments, fast_mode=True)


def test_blocks_cover_the_mask_and_little_else() -> None:
    mask = staircase(256, 256, turned=False)
    blocks = Blocks.of(mask)
    assert blocks is not None
    for runs, covers in ((blocks.rows, mask), (blocks.columns, mask.mT)):
        covered = torch.zeros_like(covers)
        for run in runs:
            covered[run.lines, run.meets] = True
        assert (covered | ~covers).all()
        assert covered.double().mean() < 0.65
    assert Blocks.of(torch.ones(256, 256, dtype=torch.bool)) is None


def test_masked_weights_change_nothing_and_learn_nothing(work: str) -> None:
    mask = staircase(8, 6, turned=False)
    layer = MaskedLayer(mask)
    x = torch.randn(6, 5, generator=rng())
    before = layer(x)
    before.square().sum().backward()
    assert layer.weight.grad is not None
    assert (layer.weight.grad[~mask] == 0).all() and (layer.weight.grad[mask] != 0).any()
    with torch.no_grad():
        layer.weight[~mask] += 10
    torch.testing.assert_close(layer(x), before)


@pytest.mark.parametrize("interleaved", [False, True])
def test_the_affine_map_has_first_and_second_derivatives(interleaved: bool) -> None:
    affine = SoftAffine(3.0)
    x = torch.randn(4, 3, generator=rng(), dtype=torch.float64, requires_grad=True)
    raw = 3 * torch.randn(4, 2, 3, generator=rng(1), dtype=torch.float64)
    raw = raw.transpose(0, 1) if interleaved else raw.transpose(0, 1).contiguous()
    raw = raw.requires_grad_()
    assert torch.autograd.gradcheck(affine.forward, (x, raw))
    assert torch.autograd.gradgradcheck(affine.forward, (x, raw))
    y, log_slope = affine.forward(x, raw)
    with torch.no_grad():
        torch.testing.assert_close(affine.forward(x, raw), (y, log_slope))
    back, back_slope = affine.inverse(y, raw)
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(back_slope, -log_slope)
    assert log_slope.abs().max() < 3


def test_stacked_and_functional_derivatives_agree() -> None:
    """Row by row, all rows at once, and by torch.func; x reaches y in two ways."""
    layer = MaskedLayer(staircase(4, 4, turned=False), 2).double()
    affine = SoftAffine(3.0)
    x = torch.randn(4, generator=rng(), dtype=torch.float64)

    def call(x: Tensor) -> Tensor:
        return affine.forward(x[:, None], layer(x[:, None]))[0][:, 0]

    expected = torch.autograd.functional.jacobian(call, x)
    torch.testing.assert_close(
        torch.autograd.functional.jacobian(call, x, vectorize=True), expected
    )
    torch.testing.assert_close(torch.func.jacrev(call)(x), expected)
    torch.testing.assert_close(
        torch.autograd.functional.hessian(lambda x: call(x).sum(), x),
        torch.func.hessian(lambda x: call(x).sum())(x),
    )
