"""Energies: unnormalised densities in data space, held against closed forms."""

from __future__ import annotations

import math
from typing import Any, final

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import ConditionError, DataError, DefinitionError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.energy import Energy
from zoo_core.interfaces.preprocessing import Standardize

LABEL = zoo.Part("core/label", {"classes": 3})


@final
class Bowl(Energy, zoo.DensityModel):
    """E(z) = ½ ‖z‖², of standardised data: a Gaussian without its normaliser."""

    architecture = "test/bowl"

    @final
    class Config(zoo.Config):
        space: zoo.Space
        conditioner: zoo.Part | None = None
        each: int = 1

    config: Config

    def _preprocessing(self) -> tuple[Any, ...]:
        return () if self.space.ragged else (Standardize(),)

    def _energy(self, z: Any, call: zoo.Call) -> Tensor:
        if isinstance(z, zoo.Ragged):
            return 0.5 * z.segment_sum(z.values.square())
        centre = 0.0 if call.context is None else call.context.as_vector()[:, : z.shape[1]]
        return 0.5 * (z - centre).square().sum(1).repeat(self.config.each)

    def _log_prob(self, z: Any, call: zoo.Call) -> Tensor:
        return -self._energy(z, call)

    def _density(self, options: zoo.Config) -> tuple[zoo.DensityKind, str]:
        return zoo.DensityKind.UNNORMALIZED, "energy"


def test_the_energy_is_that_of_the_data() -> None:
    """−E is the Gaussian's log-density but for ½ log 2π an entry, the data's scale counted."""
    model = Bowl.create(space=zoo.Space.real(2)).double()
    data = 3 * torch.randn(500, 2, generator=zoo.rng(0)) + 5
    model.fit_preprocessing(Batch(data), zoo.rng(0))
    x = data[:20].double().requires_grad_()
    normal = torch.distributions.Normal(data.double().mean(0), data.double().std(0, correction=0))
    truth = normal.log_prob(x).sum(1) + math.log(2 * math.pi)
    torch.testing.assert_close(-model.energy(x), truth)
    torch.testing.assert_close(model.log_prob(x), -model.energy(x))
    (slope,) = torch.autograd.grad(model.energy(x).sum(), x)
    torch.testing.assert_close(slope, (x - normal.mean) / normal.variance)


def test_conditions_are_one_for_all_or_one_a_row() -> None:
    model = Bowl.create(space=zoo.Space.real(2), conditioner=LABEL)
    x = torch.randn(3, 2, generator=zoo.rng(0))
    together = model.energy(x, condition=[2, 0, 1])
    alone = [model.energy(x[i : i + 1], condition=c) for i, c in enumerate((2, 0, 1))]
    torch.testing.assert_close(together, torch.cat(alone))
    torch.testing.assert_close(model.given(1).energy(x), model.energy(x, condition=1))
    with pytest.raises(ConditionError, match="needs a condition"):
        model.energy(x)


def test_sequences_have_energies() -> None:
    model = Bowl.create(space=zoo.Space.real(ragged=True))
    x = zoo.Ragged(torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2, 0, 1]))
    assert model.energy(x).tolist() == [2.5, 0.0, 4.5]


def test_wrong_data_are_refused() -> None:
    model = Bowl.create(space=zoo.Space.real(2))
    with pytest.raises(DataError):
        model.energy(torch.zeros(2, 3))
    with pytest.raises(DataError):
        model.energy([[0.0, float("nan")]])


def test_a_wrong_shape_is_the_authors_error() -> None:
    with pytest.raises(DefinitionError, match="_energy gives one number a row"):
        Bowl.create(space=zoo.Space.real(2), each=2).energy(torch.zeros(1, 2))


def test_the_public_method_is_final() -> None:
    with pytest.raises(DefinitionError, match="_energy"):
        type("Overriding", (Energy,), {"energy": lambda self, x: x})
