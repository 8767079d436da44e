"""Hidden variables: posteriors, codes and lines between them, held against closed forms."""

from __future__ import annotations

from typing import Any, final

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from models.autoencoder import PrincipalComponents
from zoo_core.errors import ConditionError, DataError, DefinitionError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.latent import Latent, Posterior
from zoo_core.interfaces.preprocessing import Dequantize

LABEL = zoo.Part("core/label", {"classes": 3})


def model_of(*shape: int, **fields: Any) -> PrincipalComponents:
    model = PrincipalComponents.create(space=zoo.Space.real(*shape), **fields).double()
    data = 3 * torch.randn(200, *shape, generator=zoo.rng(1)) + 2
    model.fit_preprocessing(Batch(data), zoo.rng(0))
    return model


def drawn(model: PrincipalComponents, n: int, **told: Any) -> Tensor:
    x = model.sample(n, rng=zoo.rng(0), **told)
    assert isinstance(x, Tensor)
    return x


@final
class Rounded(Latent):
    """One hidden variable of a pair of codes: their sum."""

    architecture = "test/rounded"
    shape: tuple[int, ...] = (1,)

    def _space(self) -> zoo.Space:
        return zoo.Space.ordinal(4, 2)

    def _preprocessing(self) -> tuple[Any, ...]:
        return (Dequantize(),)

    @property
    def latent_shape(self) -> tuple[int, ...]:
        return self.shape

    def _posterior(self, z: Tensor, call: zoo.Call) -> Posterior:
        return Point(z.sum(1, keepdim=True))

    def _decode(self, h: Tensor, call: zoo.Call) -> Tensor:
        return (h / 2).expand(-1, 2)


@final
class Point(Posterior):
    """All mass on one point."""

    def __init__(self, mean: Tensor) -> None:
        self._mean = mean

    @property
    def mean(self) -> Tensor:
        return self._mean

    def log_prob(self, h: Tensor) -> Tensor:
        raise zoo.ZooError("A point has no density")

    def rsample(self, rng: torch.Generator) -> Tensor:
        return self._mean


def test_the_posterior_is_that_of_bayes_rule() -> None:
    """log q(h | x) + log p(x) − log p(x | h) − log p(h) is 0, the scale of the data counted."""
    model = model_of(3)
    x = drawn(model, 10)
    posterior = model.posterior(x)
    h = posterior.rsample(zoo.rng(0))
    maps: Any = model.preprocessing.maps[0]
    sigma = model.log_scale.exp() * maps.scale
    likelihood = torch.distributions.Normal(model.decode(h), sigma).log_prob(x).sum(1)
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(h).sum(1)
    torch.testing.assert_close(posterior.log_prob(h) + model.log_prob(x), likelihood + prior)


def test_codes_are_means_and_reconstructions_are_decoded_codes() -> None:
    model = model_of(2, 2, latent=3)
    x = drawn(model, 5).requires_grad_()
    h = model.encode(x)
    assert h.shape == (5, *model.latent_shape)
    torch.testing.assert_close(h, model.posterior(x).mean)
    torch.testing.assert_close(model.reconstruct(x), model.decode(h))
    (slope,) = torch.autograd.grad(model.reconstruct(x).sum(), x)
    assert slope.shape == x.shape and slope.any()


def test_without_noise_data_on_the_plane_come_back() -> None:
    """W (WᵀW)⁻¹ Wᵀ is a projection: as σ falls to 0, decoded codes are encoded to themselves."""
    model = model_of(4)
    model.log_scale.data.fill_(-12.0)
    h = torch.randn(6, 2, generator=zoo.rng(0), dtype=torch.float64)
    torch.testing.assert_close(model.encode(model.decode(h)), h)
    x = model.decode(h)
    torch.testing.assert_close(model.reconstruct(x), x)


def test_an_interpolation_leads_from_one_reconstruction_to_another() -> None:
    model = model_of(3)
    a, b = drawn(model, 8).split(4)
    line = model.interpolate(a, b, 5)
    ends = model.reconstruct(a), model.reconstruct(b)
    weights = torch.linspace(0, 1, 5).double()[:, None, None]
    torch.testing.assert_close(line, torch.lerp(*ends, weights))  # the decoder is linear
    with pytest.raises(DataError, match="at least two steps"):
        model.interpolate(a, b, 1)
    with pytest.raises(DataError, match="same number of rows"):
        model.interpolate(a, b[:2], 3)


def test_conditions_reach_both_ways() -> None:
    model = model_of(3, conditioner=LABEL)
    x = drawn(model, 3, condition=[0, 1, 2])
    h = model.encode(x, condition=[0, 1, 2])
    for i in range(3):
        row = slice(i, i + 1)
        torch.testing.assert_close(model.encode(x[row], condition=i), h[row])
        again = model.reconstruct(x, condition=[0, 1, 2])[row]
        torch.testing.assert_close(model.decode(h[row], condition=i), again)
        torch.testing.assert_close(model.given(i).reconstruct(x[row]), again)
    assert not torch.allclose(model.decode(h, condition=0), model.decode(h, condition=1))
    with pytest.raises(ConditionError, match="needs a condition"):
        model.encode(x)


def test_codes_come_back_as_codes() -> None:
    model = Rounded.create()
    x = torch.tensor([[0, 0], [3, 3], [1, 1]])
    again = model.reconstruct(x)
    assert again.dtype is torch.int64
    assert torch.equal(again, model.reconstruct(x))
    assert again.tolist() == x.tolist()


def test_wrong_hidden_variables_are_refused() -> None:
    model = model_of(3)
    for bad in (torch.zeros(2, 3), torch.zeros(2), torch.zeros(0, 2), torch.zeros(1, 2).long(), 1):
        with pytest.raises(DataError, match="Hidden variables are floating"):
            model.decode(bad)
    with pytest.raises(DataError):
        model.encode(torch.zeros(2, 4))


def test_a_wrong_shape_is_the_authors_error() -> None:
    model = Rounded.create()
    model.shape = (2,)
    with pytest.raises(DefinitionError, match="mean has the shape"):
        model.encode(torch.zeros(1, 2, dtype=torch.int64))


def test_the_public_methods_are_final() -> None:
    for name in ("posterior", "encode", "decode", "reconstruct", "interpolate"):
        with pytest.raises(DefinitionError, match=f"{name} is final"):
            type("Overriding", (Latent,), {name: lambda self, x: x})
