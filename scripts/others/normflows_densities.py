"""normflows' flows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import normflows as nf
import torch
from torch import Tensor, nn

from others.case import Case, moons, trained
from zoo_core.interfaces.space import Space


def _realnvp() -> list[nn.Module]:
    layers: list[nn.Module] = []
    for _ in range(4):
        network = nf.nets.MLP([1, 32, 32, 2], init_zeros=True)
        layers += [nf.flows.AffineCouplingBlock(network), nf.flows.Permute(2, mode="swap")]
    return layers


def _residual() -> list[nn.Module]:
    def network() -> nn.Module:
        return nf.nets.LipschitzMLP([2, 32, 32, 2], init_zeros=True, lipschitz_const=0.9)

    return [nf.flows.Residual(network(), reduce_memory=False) for _ in range(3)]


FLOWS: dict[str, Callable[[], list[nn.Module]]] = {
    "AffineCouplingBlock": _realnvp,
    "MaskedAffineAutoregressive": lambda: [
        nf.flows.MaskedAffineAutoregressive(2, 32, num_blocks=2) for _ in range(3)
    ],
    "CoupledRationalQuadraticSpline": lambda: [
        layer
        for i in range(3)
        for layer in (
            nf.flows.CoupledRationalQuadraticSpline(2, 2, 32, reverse_mask=bool(i % 2)),
            nf.flows.LULinearPermute(2),
        )
    ],
    "AutoregressiveRationalQuadraticSpline": lambda: [
        layer
        for _ in range(2)
        for layer in (
            nf.flows.AutoregressiveRationalQuadraticSpline(2, 2, 32),
            nf.flows.LULinearPermute(2),
        )
    ],
    "Residual": _residual,
    "Planar (leaky ReLU)": lambda: [nf.flows.Planar((2,), act="leaky_relu") for _ in range(3)],
    "ActNorm": lambda: [nf.flows.ActNorm((2,)), nf.flows.InvertibleAffine(2)],
}


def cases() -> Iterator[Case]:
    """Give each flow, trained on moons; the circular spline on angles."""
    for name, build in FLOWS.items():
        torch.manual_seed(0)
        yield _case(name, build(), nf.distributions.DiagGaussian(2), Space.real(2), moons())
    torch.manual_seed(0)
    layers = [
        nf.flows.CircularAutoregressiveRationalQuadraticSpline(
            2, 2, 32, [0, 1], tail_bound=torch.pi
        )
    ]
    noise = nf.distributions.UniformGaussian(2, [0, 1], torch.full((2,), 2 * torch.pi))
    yield _case("circular spline", layers, noise, Space.angle(2), moons().clamp(-3, 3))


def _case(name: str, layers: list[nn.Module], noise: nn.Module, space: Space, x: Tensor) -> Case:
    flow = nf.NormalizingFlow(noise, layers).double()
    trained(flow.parameters(), lambda rows: -flow.log_prob(rows), x)
    flow.eval()

    def sample(n: int) -> Tensor:
        with torch.no_grad():
            return flow.sample(n)[0].double()

    return Case("normflows", name, flow.log_prob, sample, space)
