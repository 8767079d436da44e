"""The same flows in zuko, nflows and normflows, with networks as near to ours as each allows."""

from __future__ import annotations

from functools import partial

import torch
from torch import nn
from torch.nn import functional

from measuring.sides import Side

BOUND = 5.0


def nflows_side(transforms: list, d: int, differs: str) -> Side:
    """Chain nflows' transforms from standard normal noise."""
    from nflows.distributions import StandardNormal
    from nflows.flows import Flow
    from nflows.transforms import CompositeTransform

    flow = Flow(CompositeTransform(transforms), StandardNormal([d]))
    return Side(
        "nflows", flow, lambda x: -flow.log_prob(x).mean(), flow.log_prob, flow.sample, differs
    )


def normflows_side(flows: list, d: int, differs: str) -> Side:
    """Chain normflows' flows from standard normal noise."""
    import normflows as nf

    flow = nf.NormalizingFlow(nf.distributions.DiagGaussian(d, trainable=False), flows)
    return Side(
        "normflows", flow, flow.forward_kld, flow.log_prob, lambda n: flow.sample(n)[0], differs
    )


def zuko_side(flow: nn.Module, differs: str) -> Side:
    """Take a lazy flow of zuko."""
    return Side(
        "zuko",
        flow,
        lambda x: -flow().log_prob(x).mean(),
        lambda x: flow().log_prob(x),
        lambda n: flow().sample((n,)),
        differs,
    )


def _alternating(d: int, layer: int) -> torch.Tensor:
    mask = torch.ones(d)
    mask[1 - layer % 2 :: 2] = -1
    return mask


def _residual(width: int, inputs: int, outputs: int) -> nn.Module:
    from nflows.nn.nets import ResidualNet

    return ResidualNet(inputs, outputs, width, num_blocks=1, activation=functional.relu)


def nsf_coupling_nflows(d: int, layers: int, width: int, bins: int) -> Side:
    """Neural spline flow with coupling layers."""
    from nflows.transforms.coupling import PiecewiseRationalQuadraticCouplingTransform as Coupling

    transforms = [
        Coupling(
            _alternating(d, i), partial(_residual, width), bins, tails="linear", tail_bound=BOUND
        )
        for i in range(layers)
    ]
    return nflows_side(transforms, d, "a residual block of two layers")


def nsf_coupling_normflows(d: int, layers: int, width: int, bins: int) -> Side:
    """Neural spline flow with coupling layers; it moves the kept half by a spline too."""
    import normflows as nf

    flows = [
        nf.flows.CoupledRationalQuadraticSpline(
            d, 1, width, num_bins=bins, tail_bound=BOUND, reverse_mask=bool(i % 2)
        )
        for i in range(layers)
    ]
    return normflows_side(flows, d, "a residual block of two layers; a spline of the kept half too")


def nsf_coupling_zuko(d: int, layers: int, width: int, bins: int) -> Side:
    """Neural spline flow with coupling layers."""
    from zuko.flows.coupling import NICE
    from zuko.transforms import MonotonicRQSTransform

    flow = NICE(
        d,
        transforms=layers,
        univariate=MonotonicRQSTransform,
        shapes=[(bins,), (bins,), (bins - 1,)],
        hidden_features=(width,) * 3,
    )
    return zuko_side(flow, "no residual layers")


def realnvp_normflows(d: int, layers: int, width: int) -> Side:
    """Affine coupling layers that swap halves."""
    import normflows as nf

    flows: list[nn.Module] = []
    for _ in range(layers):
        network = nf.nets.MLP([d // 2, width, width, d], init_zeros=True)
        flows += [nf.flows.AffineCouplingBlock(network), nf.flows.Permute(d, mode="swap")]
    return normflows_side(flows, d, "an unbounded scale")


def realnvp_nflows(d: int, layers: int, width: int) -> Side:
    """Affine coupling layers; its network has one layer more."""
    from nflows.transforms.coupling import AffineCouplingTransform as Coupling

    transforms = [Coupling(_alternating(d, i), partial(_residual, width)) for i in range(layers)]
    return nflows_side(transforms, d, "a residual block of two layers, so one layer more")


def realnvp_zuko(d: int, layers: int, width: int) -> Side:
    """Affine coupling layers."""
    import zuko

    flow = zuko.flows.RealNVP(d, transforms=layers, hidden_features=(width, width))
    return zuko_side(flow, "a softly bounded scale")


def maf_zuko(d: int, layers: int, hidden: tuple[int, ...]) -> Side:
    """Masked autoregressive flow."""
    import zuko

    return zuko_side(zuko.flows.MAF(d, transforms=layers, hidden_features=hidden), "")


def maf_nflows(d: int, layers: int, hidden: tuple[int, ...]) -> Side:
    """Masked autoregressive flow."""
    from nflows.flows import MaskedAutoregressiveFlow

    flow = MaskedAutoregressiveFlow(
        d, hidden[0], layers, len(hidden) - 1, use_residual_blocks=False
    )
    return Side("nflows", flow, lambda x: -flow.log_prob(x).mean(), flow.log_prob, flow.sample)


def maf_normflows(d: int, layers: int, hidden: tuple[int, ...]) -> Side:
    """Masked autoregressive flow."""
    import normflows as nf

    flows: list[nn.Module] = []
    for _ in range(layers):
        # Its own direction is fast to draw and slow to score: an inverse autoregressive flow.
        layer = nf.flows.MaskedAffineAutoregressive(
            d, hidden[0], num_blocks=len(hidden) - 1, use_residual_blocks=False
        )
        flows += [nf.flows.Reverse(layer), nf.flows.Permute(d, mode="swap")]
    return normflows_side(flows, d, "its layers reversed")


def nsf_autoregressive_zuko(d: int, layers: int, hidden: tuple[int, ...], bins: int) -> Side:
    """Neural spline flow with autoregressive layers."""
    import zuko

    return zuko_side(zuko.flows.NSF(d, transforms=layers, hidden_features=hidden, bins=bins), "")


def nsf_autoregressive_normflows(d: int, layers: int, hidden: tuple[int, ...], bins: int) -> Side:
    """Neural spline flow with autoregressive layers."""
    import normflows as nf

    flows = [
        nf.flows.AutoregressiveRationalQuadraticSpline(
            d, 1, hidden[0], num_bins=bins, tail_bound=BOUND
        )
        for _ in range(layers)
    ]
    return normflows_side(flows, d, "a residual block of two layers")


def nsf_autoregressive_nflows(d: int, layers: int, hidden: tuple[int, ...], bins: int) -> Side:
    """Neural spline flow with autoregressive layers."""
    from nflows.transforms import ReversePermutation
    from nflows.transforms.autoregressive import (
        MaskedPiecewiseRationalQuadraticAutoregressiveTransform as Autoregressive,
    )

    transforms: list[nn.Module] = []
    for _ in range(layers):
        transforms.append(ReversePermutation(d))
        transforms.append(
            Autoregressive(
                d, hidden[0], num_bins=bins, tails="linear", tail_bound=BOUND, num_blocks=1
            )
        )
    return nflows_side(transforms, d, "a residual block of two layers")
