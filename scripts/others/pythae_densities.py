"""pythae's flows with standard normal noise, and its importance-sampled likelihood of a VAE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from pythae.models import VAE, VAEConfig
from pythae.models.normalizing_flows import (
    IAF,
    MAF,
    IAFConfig,
    MAFConfig,
    NFModel,
    PlanarFlow,
    PlanarFlowConfig,
    RadialFlow,
    RadialFlowConfig,
)
from pythae.samplers import NormalSampler
from torch import Tensor

from others.case import Case, moons, trained
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.space import Space

SHAPE = (2,)


def cases() -> Iterator[Case]:
    """Give each flow, trained on moons, and the VAE."""
    for flow_class, config in (
        (MAF, MAFConfig(input_dim=SHAPE, n_made_blocks=2, hidden_size=32)),
        (MAF, MAFConfig(input_dim=SHAPE, n_made_blocks=2, hidden_size=32, include_batch_norm=True)),
        (IAF, IAFConfig(input_dim=SHAPE, n_made_blocks=2, hidden_size=32)),
        (PlanarFlow, PlanarFlowConfig(input_dim=SHAPE)),
        (RadialFlow, RadialFlowConfig(input_dim=SHAPE)),
    ):
        torch.manual_seed(0)
        yield _flow(flow_class(config).double(), _named(config))
    yield _vae()


def _named(config: Any) -> str:
    batch_norm = getattr(config, "include_batch_norm", False)
    name = type(config).__name__.removesuffix("Config")
    return f"{name} with batch normalisation" if batch_norm else name


def _flow(flow: Any, name: str) -> Case:
    mean, covariance = torch.zeros(2).double(), torch.eye(2).double()
    noise = torch.distributions.MultivariateNormal(mean, covariance, validate_args=False)
    model = NFModel(noise, flow)
    trained(flow.parameters(), lambda x: model({"data": x}).loss / len(x))
    model.eval()

    def log_prob(x: Tensor) -> Tensor:
        made = flow(x)
        return noise.log_prob(made.out) + made.log_abs_det_jac

    def sample(n: int) -> Tensor:
        with torch.no_grad():
            return flow.inverse(noise.sample((n,))).out

    invertible = not isinstance(flow, PlanarFlow | RadialFlow)
    return Case("pythae", name, log_prob, sample if invertible else None, Space.real(2))


def _vae() -> Case:
    torch.manual_seed(0)
    vae = VAE(VAEConfig(input_dim=SHAPE, latent_dim=1))
    x = moons().float()
    trained(vae.parameters(), lambda rows: vae({"data": rows}).loss, x)
    vae.eval()
    sampler = NormalSampler(vae)

    def log_prob(rows: Tensor) -> Tensor:
        with torch.no_grad():
            found = [vae.get_nll(row[None].float(), n_samples=100) for row in rows]
        return torch.tensor(found, dtype=torch.float64)

    def sample(n: int) -> Tensor:
        return sampler.sample(n, batch_size=n, return_gen=True).double()

    return Case("pythae", "VAE.get_nll", log_prob, sample, Space.real(2), DensityKind.ESTIMATE)
