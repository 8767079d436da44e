"""Single distributions: what they learnt can be read, and is what the data say."""

from __future__ import annotations

from typing import Any

import torch

import zoo_core as zoo


def fitted(name: str, x: torch.Tensor, **fields: Any) -> Any:
    model: Any = zoo.create(f"classical/{name}", **fields).double()
    model.fit(x, rng=zoo.rng(0))
    return model


def test_a_gaussian_tells_its_moments_in_the_units_of_the_data() -> None:
    x = (
        5
        + torch.randn(50, 2, generator=zoo.rng(0)).double()
        @ torch.tensor([[3.0, 1], [0, 2]]).double()
    )
    step = {"step": "standardize"}
    model = fitted("gaussian", x, space=zoo.Space.real(2), preprocessing=[step])
    torch.testing.assert_close(model.mean, x.mean(0))
    torch.testing.assert_close(model.covariance, x.T.cov(correction=0))
    mean = model.mean.clone()
    model.fit(x + 1, rng=zoo.rng(0))
    torch.testing.assert_close(model.mean, mean + 1)


def test_codes_and_counts_tell_their_shares() -> None:
    counts = torch.poisson(torch.full((40, 3), 2.0), generator=zoo.rng(1)).long()
    poisson = fitted("poisson", counts, space=zoo.Space.count(3))
    torch.testing.assert_close(poisson.rate, counts.double().mean(0))
    bits = (counts > 1).long()
    bernoulli = fitted("bernoulli", bits, space=zoo.Space.binary(3), alpha=0.0)
    torch.testing.assert_close(bernoulli.probability, bits.double().mean(0))
    codes = counts.clamp_max(3)
    categorical = fitted("categorical", codes, space=zoo.Space.categorical(4, 3))
    shares = torch.nn.functional.one_hot(codes, 4).double().mean(0)
    torch.testing.assert_close(categorical.probabilities, shares)
