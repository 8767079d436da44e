"""Mixtures of any models: one stack where that is possible, else one model after another."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import zoo_core as zoo
from zoo_core.errors import ConfigError
from zoo_plugin_classical.joined_stack import JoinedStack
from zoo_plugin_classical.mixture import Mixture
from zoo_plugin_classical.part_stack import PartStack

BERNOULLI = zoo.Part("classical/bernoulli", {"alpha": 1.0})


def test_a_mixture_of_bits_reaches_the_known_likelihood_of_digits() -> None:
    """The mean over three starts; they differ by a tenth of a nat."""
    grey, target = map(np.asarray, load_digits(return_X_y=True))
    x = torch.tensor((grey >= 8).astype(int))
    train, test = train_test_split(x, test_size=0.25, stratify=target, random_state=0)
    scores = []
    for seed in range(3):
        model = Mixture.for_data(x, component=BERNOULLI, n_components=30)
        assert isinstance(model.stack, JoinedStack)
        model.fit(train, rng=zoo.rng(seed))
        scores.append(-float(model.log_prob(test).mean().detach()))
    assert sum(scores) / 3 == pytest.approx(18.38, abs=0.25), scores


@pytest.mark.parametrize(
    ("part", "space"),
    [
        (BERNOULLI, zoo.Space.binary(4, missing=True)),
        (zoo.Part("classical/categorical", {"alpha": 1.0}), zoo.Space.categorical(3, 4)),
        (zoo.Part("classical/poisson"), zoo.Space.count(4)),
        (zoo.Part("classical/gaussian"), zoo.Space.real(4)),
    ],
)
def test_one_stack_of_all_components_does_what_they_do_one_by_one(
    part: zoo.Part, space: zoo.Space
) -> None:
    joined = Mixture.create(space=space, component=part, n_components=3).double()
    apart = Mixture.create(space=space, component=part, n_components=3).double()
    apart.stack = PartStack(list(apart.components))
    assert isinstance(joined.stack, JoinedStack)
    x = joined.sample(300, rng=zoo.rng(0))
    for model in (joined, apart):
        model.fit(x, start="present", iterations=5, tolerance=0.0)
    torch.testing.assert_close(joined.log_prob(x), apart.log_prob(x))
    for name, tensor in joined.state_dict().items():
        torch.testing.assert_close(tensor, apart.state_dict()[name])


def test_components_of_different_classes_mix() -> None:
    parts = [zoo.Part("classical/gaussian"), zoo.Part("classical/gmm", {"n_components": 2})]
    g = zoo.rng(0)
    x = torch.cat([torch.randn(300, 1, generator=g), 5 + 0.1 * torch.randn(300, 1, generator=g)])
    model = Mixture.for_data(x, components=parts)
    assert isinstance(model.stack, PartStack)
    report = model.fit(x, rng=g)
    losses = [entry["loss"] for entry in report.history]
    assert all(b <= a + 1e-5 for a, b in itertools.pairwise(losses))
    line = torch.linspace(-20, 20, 8001)[:, None]
    mass = torch.trapezoid(model.log_prob(line).exp().detach(), line[:, 0])
    assert float(mass) == pytest.approx(1, abs=1e-3)


def test_components_are_models_of_the_mixtures_space() -> None:
    other = zoo.Part("classical/bernoulli", {"space": {"kind": "binary", "shape": [3]}})
    with pytest.raises(ConfigError, match="models of binary"):
        Mixture.create(space=zoo.Space.binary(2), components=[other])
