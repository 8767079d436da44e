"""One clear error before anything has changed; the last good weights when a run breaks."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import DataError, DefinitionError, OptionError, TrainingError, ZooError

X = torch.randn(20, 2, generator=torch.Generator().manual_seed(0))
NAN = X.index_fill(0, torch.tensor([3]), math.nan)

BAD: list[tuple[dict[str, Any], type[ZooError], str]] = [
    ({"data": NAN}, DataError, "row 3"),
    ({"data": X[:, :1]}, DataError, r"shape .*\[20, 1\]"),
    ({"data": X[:0]}, DataError, "at least one row"),
    ({"data": X, "weight": torch.ones(19)}, DataError, "Weights are 20"),
    ({"data": X, "weight": torch.full((20,), math.inf)}, DataError, "finite"),
    ({"data": X, "weight": -torch.ones(20)}, DataError, "negative"),
    ({"data": X, "weight": torch.zeros(20)}, DataError, "zero"),
    ({"data": X, "valid": NAN}, DataError, "row 3"),
    ({"data": [zoo.Batch(X), zoo.Batch(NAN)]}, DataError, "row 3"),
    ({"data": X, "learning_rat": 1e-3}, OptionError, "learning_rate"),
    ({"data": X, "lr": 1e-3}, OptionError, r"Did you mean learning_rate\?"),
    ({"data": X, "seed": 0}, OptionError, r"Did you mean rng=zoo\.rng\(0\)\?"),
    ({"data": X, "learning_rate": -1.0}, OptionError, "greater than 0"),
    ({"data": X, "batch_size": "many"}, OptionError, "batch_size"),
    ({"data": X, "schedule": "linear"}, OptionError, "cosine"),
    ({"data": X, "steps": 5, "epochs": 2}, OptionError, "not both"),
    ({"data": X, "patience": 3}, OptionError, "valid"),
    ({"data": X, "start": "random"}, OptionError, "start"),
]


@pytest.mark.parametrize(("arguments", "error", "text"), BAD)
def test_bad_requests_change_nothing(
    gaussian: Any, arguments: dict[str, Any], error: type[ZooError], text: str
) -> None:
    model = gaussian.create(standardize=True)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(error, match=text):
        model.fit(**{"progress": "none", **arguments})
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_a_loss_that_is_not_finite_names_the_step_and_what_to_try(
    gaussian: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = gaussian.create()
    log_prob, calls = gaussian._log_prob, iter(range(10**6))

    def breaking(self: Any, z: Tensor, call: Any) -> Tensor:
        return log_prob(self, z, call) * (math.nan if next(calls) == 24 else 1)

    monkeypatch.setattr(gaussian, "_log_prob", breaking)
    options = {"learning_rate": 0.05, "schedule": "constant", "progress": "none"}
    with pytest.raises(
        TrainingError, match=r"step 25: .*learning_rate=0\.005, clip_norm"
    ) as caught:
        model.fit(X, steps=99, evaluate_every=10, rng=zoo.rng(0), **options)
    assert caught.value.received == "a loss of nan"
    assert not model.training
    monkeypatch.setattr(gaussian, "_log_prob", log_prob)
    twin = gaussian.create()
    twin.fit(X, steps=20, rng=zoo.rng(0), **options)
    assert torch.equal(model.mean, twin.mean)
    assert torch.equal(model.log_scale, twin.log_scale)


def test_gradients_that_are_not_finite_are_found_out(
    gaussian: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A finite loss with a NaN gradient breaks the weights: the run goes back behind it."""
    model, log_prob, calls = gaussian.create(), gaussian._log_prob, iter(range(10**6))

    def breaking(self: Any, z: Tensor, call: Any) -> Tensor:
        value = log_prob(self, z, call)
        return value + (self.mean.sum() * 0).sqrt() if next(calls) == 24 else value

    monkeypatch.setattr(gaussian, "_log_prob", breaking)
    with pytest.raises(TrainingError, match=r"step 2[56]"):
        model.fit(X, steps=99, evaluate_every=10, progress="none")
    assert all(bool(torch.isfinite(parameter).all()) for parameter in model.parameters())


def test_a_loss_that_is_averaged_already_is_refused(
    gaussian: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaussian, "_loss", lambda self, batch, call: self.mean.sum())
    with pytest.raises(DefinitionError, match="one number a row"):
        gaussian.create().fit(X, progress="none")


def test_a_frozen_model_is_not_trained(gaussian: Any) -> None:
    model = gaussian.create(standardize=True)
    model.requires_grad_(False)
    with pytest.raises(TrainingError, match="require gradients"):
        model.fit(X + 5, progress="none")
    assert float(model.preprocessing.maps[0].loc.abs().sum()) == 0
