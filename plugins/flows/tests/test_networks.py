"""Coupling networks and their activations; compiled flows."""

from __future__ import annotations

from collections.abc import Iterator

import jaxtyping
import pytest
import torch
from torch import nn

import zoo_core as zoo
from zoo_plugin_flows.affine import Affine, BoundedAffine
from zoo_plugin_flows.networks import Activation, CouplingNetwork

REFERENCE = {Activation.SILU: nn.functional.silu, Activation.RELU: nn.functional.relu}
X = torch.randn(6, 5, generator=zoo.rng(0), dtype=torch.float64)


def scattered(module: nn.Module) -> None:
    generator = zoo.rng(1)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.4, generator=generator)


@pytest.mark.parametrize("activation", list(Activation))
@pytest.mark.parametrize("gradients", [False, True])
def test_the_network_is_a_residual_perceptron(activation: Activation, gradients: bool) -> None:
    network = CouplingNetwork(5, (5, 5, 3), 4, 0.0, activation).double()
    scattered(network)
    act = REFERENCE[activation]
    first, second, third = network.hidden
    with torch.set_grad_enabled(gradients):
        h = act(first(X))  # as wide as the input, but no residual layer
        h = h + act(second(h))
        expected = nn.functional.linear(act(third(h)), network.weight, network.bias).mT
        x = X.clone()
        torch.testing.assert_close(network(x), expected)
        assert torch.equal(x, X)


def test_layers_add_only_where_asked() -> None:
    network = CouplingNetwork(5, (3, 3), 2, 0.0, Activation.RELU, residual=False).double()
    scattered(network)
    first, second = network.hidden
    h = second(first(X).relu()).relu()
    expected = nn.functional.linear(h, network.weight, network.bias).mT
    torch.testing.assert_close(network(X), expected)


@pytest.mark.parametrize("activation", list(Activation))
def test_gradients_of_both_orders(activation: Activation) -> None:
    network = CouplingNetwork(5, (4, 4), 3, 0.0, activation).double()
    scattered(network)
    x = X.clone().requires_grad_()
    assert torch.autograd.gradcheck(network, x)
    assert torch.autograd.gradgradcheck(network, x)


@pytest.mark.parametrize("bound", [0.7, 2.0, 5.0])
def test_the_scale_is_bounded_by_a_hyperbolic_tangent(bound: float) -> None:
    raw = 4 * torch.randn(2, 50, generator=zoo.rng(2), dtype=torch.float64)
    x = torch.randn(50, generator=zoo.rng(3), dtype=torch.float64)
    affine = BoundedAffine(bound)
    log_scale = bound * torch.tanh(raw[0] / bound)
    y, log_slope = affine.forward(x, raw)
    torch.testing.assert_close(log_slope, log_scale)
    torch.testing.assert_close(y, x * log_scale.exp() + raw[1])
    back, log_inverse = affine.inverse(y, raw)
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(log_inverse, -log_scale)


def test_a_free_scale_is_the_limit_of_wide_bounds() -> None:
    raw = 2 * torch.randn(2, 50, generator=zoo.rng(2), dtype=torch.float64)
    x = torch.randn(50, generator=zoo.rng(3), dtype=torch.float64)
    y, log_slope = Affine().forward(x, raw)
    wide, log_wide = BoundedAffine(1e5).forward(x, raw)
    torch.testing.assert_close(y, wide, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(log_slope, log_wide, rtol=1e-6, atol=1e-6)
    back, log_inverse = Affine().inverse(y, raw)
    torch.testing.assert_close(back, x)
    torch.testing.assert_close(log_inverse, -log_slope)


def test_a_realnvp_may_have_a_free_scale() -> None:
    fields = {"space": zoo.Space.real(3), "transforms": 2, "hidden": (8, 8), "bound": None}
    flow = zoo.create("flows/realnvp", **fields).double()
    scattered(flow)
    x = torch.randn(5, 3, generator=zoo.rng(0), dtype=torch.float64)
    noise, _ = flow.to_noise(x)
    torch.testing.assert_close(flow.from_noise(noise), x)


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Leave out the checks of shapes in tests, which torch.compile can't trace."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("name", ["flows/nsf", "flows/realnvp", "flows/maf"])
def test_a_compiled_flow_gives_the_same_numbers(name: str) -> None:
    torch.compiler.reset()
    plain, compiled = (
        zoo.create(name, space=zoo.Space.real(3), transforms=1, hidden=(8, 8)) for _ in range(2)
    )
    compiled.compile(backend="aot_eager")
    for model in (plain, compiled):
        scattered(model)
        model.train()
    x = 2 * torch.randn(20, 3, generator=zoo.rng(4))
    torch.testing.assert_close(compiled.log_prob(x), plain.log_prob(x))
    drawn = compiled.sample(9, rng=zoo.rng(5))
    torch.testing.assert_close(drawn, plain.sample(9, rng=zoo.rng(5)), rtol=1e-4, atol=1e-4)
    for model in (plain, compiled):
        model.loss(zoo.Batch(x)).mean().backward()
    for a, b in zip(plain.parameters(), compiled.parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "fields", "blocks"),
    [
        ("flows/realnvp", {}, 2),
        ("flows/nsf", {"mixing": "lu"}, 2),
        ("flows/maf", {}, 2),
        # Its forward goes from feature to feature, and never through a network as a whole.
        ("flows/iaf", {}, 0),
    ],
)
def test_weights_that_may_be_apart(name: str, fields: dict[str, str], blocks: int) -> None:
    """What training lists as blocks is what the density calls, each once, by its forward."""
    flow = zoo.create(name, space=zoo.Space.real(4), transforms=2, hidden=(8, 8), **fields)
    called = []
    for block in flow._blocks():
        block.register_forward_hook(lambda module, inputs, outputs: called.append(module))
    flow.log_prob(torch.zeros(3, 4))
    assert called == list(flow._blocks())
    assert len(called) == blocks
