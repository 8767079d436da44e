"""AutoencoderKL, against diffusers' own to the bit."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import zoo_core as zoo
from models import native_pipelines
from zoo_core.errors import ConfigError, UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_plugin_diffusers.autoencoder import AutoencoderKL
from zoo_plugin_diffusers.component import described


@pytest.fixture
def network() -> Any:
    """A tiny network of diffusers'."""
    return native_pipelines.autoencoder()


@pytest.fixture
def model(network: Any) -> AutoencoderKL:
    """Its bridge."""
    return AutoencoderKL.of(network).eval()


@pytest.fixture
def x() -> torch.Tensor:
    """Four pictures."""
    return torch.rand(4, 3, 8, 8, generator=zoo.rng(0))


def test_what_is_encoded_is_the_networks_own(
    model: AutoencoderKL, network: Any, x: torch.Tensor
) -> None:
    assert (model.space, model.latent_shape) == (zoo.Space.unit(3, 8, 8), (2, 4, 4))
    with torch.no_grad():
        wanted = network.encode(2 * x - 1).latent_dist
        posterior = model.posterior(x)
        assert torch.equal(model.encode(x), wanted.mean)
        assert torch.equal(posterior.rsample(zoo.rng(1)), wanted.sample(generator=zoo.rng(1)))
    h = wanted.sample(generator=zoo.rng(2))
    assert torch.allclose(posterior.log_prob(h), -wanted.nll(h), rtol=1e-4)
    normal = torch.distributions.Normal(wanted.mean, wanted.std)
    assert torch.allclose(posterior.log_prob(h), normal.log_prob(h).sum((1, 2, 3)), rtol=1e-4)


def test_what_is_decoded_is_the_networks_own_between_0_and_1(
    model: AutoencoderKL, network: Any
) -> None:
    h = 3 * torch.randn(4, 2, 4, 4, generator=zoo.rng(1))
    with torch.no_grad():
        wanted = network.decode(h).sample / 2 + 0.5
        decoded = model.decode(h)
    assert torch.equal(decoded, wanted.clamp(0, 1))
    assert 0 < float((decoded == wanted).float().mean()) < 1


def test_another_size_of_pictures_may_be_chosen(network: Any) -> None:
    native = described(network)
    model = AutoencoderKL.create(network=native, size=(16, 8))
    assert (model.space.shape, model.latent_shape) == ((3, 16, 8), (2, 8, 4))
    assert model.encode(torch.rand(1, 3, 16, 8)).shape == (1, 2, 8, 4)
    with pytest.raises(ConfigError, match="2 divides"):
        AutoencoderKL.create(network=native, size=(9, 8))


def test_there_is_no_honest_loss(model: AutoencoderKL, x: torch.Tensor) -> None:
    with pytest.raises(UnsupportedError, match="no training loss"):
        model.loss(Batch(x))


def test_other_networks_are_refused(network: Any) -> None:
    with pytest.raises(ConfigError, match="AutoencoderKL"):
        AutoencoderKL.create(network={**described(network), "_class_name": "UNet2DModel"})
