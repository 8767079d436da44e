"""Masked networks and the flows made of them: what sees what, both directions, zuko's figures."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import zuko
from torch import Tensor

from zoo_core.conditioners.vector import Vector
from zoo_core.errors import ConfigError
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.autoregressive import Autoregressive
from zoo_plugin_flows.autoregressive_affine import SoftAffine
from zoo_plugin_flows.bijection import Chain
from zoo_plugin_flows.flow import Flow
from zoo_plugin_flows.iaf import IAF
from zoo_plugin_flows.maf import MAF
from zoo_plugin_flows.masked_embedding import Plain
from zoo_plugin_flows.masked_network import Degrees, MaskedNetwork, Shape
from zoo_plugin_flows.masked_unfolding import Unfolding
from zoo_plugin_flows.nsf_autoregressive import NSFAutoregressive

SHAPES = {
    "even": Shape((32, 24)),
    "narrow": Shape((3, 2)),
    "residual": Shape((16, 16, 16), residual=True),
    "random": Shape((16, 12), degrees=Degrees.RANDOM),
    "random-residual": Shape((16, 16), residual=True, degrees=Degrees.RANDOM),
}
ORDERS = {"ascending": [0, 1, 2, 3, 4], "descending": [4, 3, 2, 1, 0], "mixed": [2, 4, 0, 3, 1]}


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stir(module: torch.nn.Module, scale: float = 0.3) -> None:
    """Add noise to every weight, the masked ones included."""
    generator = rng()
    with torch.no_grad():
        for parameter in module.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter += (scale * noise).to(parameter.dtype)


def network(order: list[int], shape: Shape, context: int = 0, width: int = 2) -> MaskedNetwork:
    made = MaskedNetwork(order, context, width, shape, Plain(), rng()).double()
    stir(made)
    return made


def links(flow: Flow) -> list[Autoregressive]:
    assert isinstance(flow.bijection, Chain)
    return [link for link in flow.bijection.links if isinstance(link, Autoregressive)]


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("context", [0, 2])
def test_outputs_see_only_what_comes_before(order: list[int], shape: Shape, context: int) -> None:
    made = network(order, shape, context)
    told = torch.randn(2000, context, generator=rng(1)).double() if context else None
    # Many points, since some rectifiers are closed at any one.
    x = (3 * torch.randn(5, 2000, generator=rng(2)).double()).requires_grad_()
    outputs = made(x, told).sum((0, 2))
    gradients = [torch.autograd.grad(y, x, retain_graph=True)[0] for y in outputs]
    seen = torch.stack([(gradient != 0).any(1) for gradient in gradients])
    place = torch.tensor([order.index(feature) for feature in range(5)])
    allowed = place[:, None] > place
    assert not (seen & ~allowed).any()
    if shape.degrees is Degrees.EVEN and min(shape.hidden) >= 4:
        assert torch.equal(seen, allowed)


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("context", [0, 2])
@pytest.mark.parametrize("recorded", [False, True])
def test_step_by_step_equals_one_pass(
    order: list[int], shape: Shape, context: int, recorded: bool
) -> None:
    made = network(order, shape, context)
    told = torch.randn(7, context, generator=rng(1)).double() if context else None
    x = torch.randn(5, 7, generator=rng(2)).double()
    with torch.set_grad_enabled(recorded):
        unfolding, outputs = Unfolding(made, told, 7), torch.zeros(2, 5, 7).double()
        for feature in order:
            outputs[:, feature] = unfolding.outputs().detach()[:, 0]
            unfolding.tell(x[feature : feature + 1])
    torch.testing.assert_close(outputs, made(x, told).detach(), atol=1e-12, rtol=1e-12)


def test_the_inverse_is_the_fixed_point_of_whole_passes() -> None:
    """x ← (z − t(x)) · exp(−s(x)), d times from anywhere, gives the same x."""
    link = Autoregressive(SoftAffine(5.0), network([2, 0, 3, 1], Shape((16, 16))))
    z = torch.randn(9, 4, generator=rng()).double()
    x = torch.zeros_like(z)
    for _ in range(4):
        x = link.elementwise.inverse(z.mT, link.network(x.mT, None))[0].mT
    torch.testing.assert_close(link.inverse(z, None)[0], x)


@pytest.mark.parametrize("d", [2, 5, 64])
def test_maf_equals_zuko(d: int) -> None:
    """The same weights, up to the order of hidden units, give the same density and samples."""
    units, bound = (70, 70), -math.log(1e-3)
    space = Space.real(d)
    ours = MAF.create(space=space, transforms=3, hidden=units, bound=bound, preprocessing=[])
    theirs = zuko.flows.MAF(d, transforms=3, hidden_features=units)
    stir(theirs, 0.1)
    transforms: Any = theirs.transform.transforms
    for link, transform in zip(links(ours), transforms, strict=True):
        copy_weights(link.network, transform.hyper, d)
    ours, theirs = ours.double(), theirs.double()
    x = torch.randn(50, d, generator=rng(), dtype=torch.float64)
    torch.testing.assert_close(ours.log_prob(x), theirs().log_prob(x))
    torch.testing.assert_close(ours.from_noise(x), theirs().transform.inv(x))


def copy_weights(ours: MaskedNetwork, theirs: torch.nn.Sequential, d: int) -> None:
    """Put zuko's units, whose degrees go round, into the order of their degrees."""
    first, second, last = (layer for layer in theirs if isinstance(layer, torch.nn.Linear))
    order = torch.argsort(torch.arange(70) % (d - 1), stable=True)
    one, two = ours.layers()
    with torch.no_grad():
        one.weight.copy_(first.weight[order])
        one.bias.copy_(first.bias[order])
        two.weight.copy_(second.weight[order][:, order])
        two.bias.copy_(second.bias[order])
        shift_and_scale = last.weight[:, order].unflatten(0, (d, 2))
        ours.last.weight.copy_(shift_and_scale.flip(1).transpose(0, 1))
        ours.last.bias.copy_(last.bias.unflatten(0, (d, 2)).flip(1).mT)


@pytest.mark.parametrize("d", [2, 7, 64])
@pytest.mark.parametrize("context", [0, 3])
def test_as_many_parameters_as_zuko(d: int, context: int) -> None:
    told: dict[str, Any] = {"conditioner": Vector.create(width=context)} if context else {}
    ours = MAF.create(space=Space.real(d), transforms=2, hidden=[32, 32], **told)
    theirs = zuko.flows.MAF(d, context, transforms=2, hidden_features=(32, 32))
    assert count(ours.bijection) == count(theirs)
    ours = NSFAutoregressive.create(space=Space.real(d), transforms=2, hidden=[32, 32], **told)
    theirs = zuko.flows.NSF(d, context, transforms=2, hidden_features=(32, 32))
    assert count(ours.bijection) == count(theirs)


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize("family", [MAF, NSFAutoregressive])
@pytest.mark.parametrize("fields", [{}, {"order": "random", "degrees": "random"}])
def test_the_way_back_has_the_right_gradients(family: type[Flow], fields: dict[str, Any]) -> None:
    """By finite differences, in the noise and in every parameter."""
    flow = family.create(space=Space.real(3), transforms=2, hidden=[6], **fields).double()
    stir(flow)
    names, values = zip(*flow.bijection.named_parameters(), strict=True)

    def back(z: Tensor, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        held = dict(zip(names, parameters, strict=True))
        inverted = Turned(flow.bijection)
        held = {f"bijection.{name}": value for name, value in held.items()}
        return torch.func.functional_call(inverted, held, (z,))

    z = torch.randn(2, 3, generator=rng(), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(back, (z, *values), fast_mode=True)


class Turned(torch.nn.Module):
    """A module whose call is a bijection's inverse."""

    def __init__(self, bijection: torch.nn.Module) -> None:
        super().__init__()
        self.bijection = bijection

    def forward(self, z: Tensor) -> Any:
        return self.bijection.inverse(z, None)  # pyright: ignore[reportCallIssue]


def test_the_flow_for_samples_is_the_other_turned_round() -> None:
    fields: dict[str, Any] = {"space": Space.real(4), "transforms": 3, "hidden": [16]}
    maf, iaf = MAF.create(**fields).double(), IAF.create(**fields).double()
    assert iaf.config.direction == "sampling"
    stir(maf)
    for mine, other in zip(iaf.parameters(), maf.parameters(), strict=True):
        mine.data.copy_(other.data)
    z = torch.randn(5, 4, generator=rng(), dtype=torch.float64)
    x = z
    for link in reversed(links(maf)):
        x, _ = link(x, None)
    torch.testing.assert_close(iaf.from_noise(z), x)
    torch.testing.assert_close(iaf.to_noise(x)[0], z)


def test_orders_turn_round_or_are_drawn_once() -> None:
    orders = [link.network.order for link in links(MAF.create(space=Space.real(6), transforms=3))]
    assert orders == [(0, 1, 2, 3, 4, 5), (5, 4, 3, 2, 1, 0), (0, 1, 2, 3, 4, 5)]
    drawn = [
        [link.network.order for link in links(flow)]
        for flow in (
            MAF.create(space=Space.real(6), order="random", seed=0),
            MAF.create(space=Space.real(6), order="random", seed=1),
            MAF.create(space=Space.real(6), order="random", order_seed=1),
        )
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert len(set(drawn[0])) > 1
    assert all(sorted(order) == list(range(6)) for order in drawn[0])


def test_dropout_acts_in_training_only() -> None:
    flow = MAF.create(space=Space.real(6), dropout=0.5)
    stir(flow)
    x = torch.randn(20, 6, generator=rng())
    flow.train()
    assert not torch.equal(flow.log_prob(x), flow.log_prob(x))
    flow.eval()
    assert torch.equal(flow.log_prob(x), flow.log_prob(x))


@pytest.mark.parametrize("family", [MAF, IAF, NSFAutoregressive])
def test_round_trip_in_float32_with_strong_weights(family: type[Flow]) -> None:
    """Noise comes back wherever the way through the data is within the range of floats."""
    flow = family.create(space=Space.real(8), transforms=2, hidden=[32])
    stir(flow, 0.2)
    z = torch.randn(1000, 8, generator=rng())
    x = flow.from_noise(z)
    again, _ = flow.to_noise(x)
    scale = 1 + x.abs().amax(1, keepdim=True)
    assert ((again - z).abs() / scale).max() < 1e-3
    assert (again - z).abs().median() < 1e-5


def test_too_many_bins_are_refused() -> None:
    with pytest.raises(ConfigError, match="minimum"):
        NSFAutoregressive.create(space=Space.real(2), bins=100, minimum=0.01)
