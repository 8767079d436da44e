"""Figures of samples: features, their names, what they are measured on; figures of privacy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.errors import DataError, OptionError, UnsupportedError
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space
from zoo_plugin_evaluation import Features, evaluate
from zoo_plugin_evaluation.features import default_features
from zoo_plugin_evaluation.records import percentile_ratio, share_closer

Make = Callable[..., Any]
Draw = Callable[..., Tensor]


def test_every_name_says_on_which_features(source: Make, dataset: Make, draw: Draw) -> None:
    data = dataset(draw(200, 2).float())
    plain = evaluate(source(), data)
    assert [m.name for m in plain] == [
        "Frechet distance (standardised)",
        "kernel distance (standardised)",
        "precision (standardised)",
        "recall (standardised)",
    ]

    def radius(x: Tensor) -> Tensor:
        return x.norm(dim=1, keepdim=True)

    network = nn.Linear(2, 3)
    for features, name in (
        (radius, "radius"),
        (network, "Linear"),
        (Features("first entry", lambda x: x[:, :1]), "first entry"),
    ):
        found = evaluate(source(), data, metrics="Frechet distance", features=features)
        assert [m.name for m in found] == [f"Frechet distance ({name})"]
        assert "FID" not in found[0].name


def test_both_sides_numbers_are_stated(source: Make, dataset: Make, draw: Draw) -> None:
    (found,) = evaluate(source(), dataset(draw(120, 2).float()), metrics="coverage", samples=100)
    assert "100 samples beside 100 rows of rows" in found.protocol
    assert found.settings == {"k": 5}
    (found,) = evaluate(
        source(), dataset(draw(120, 2).float()), metrics="coverage", samples=300, neighbours=2
    )
    assert "300 samples beside 120 rows" in found.protocol
    assert found.settings == {"k": 2}


def test_a_shift_is_seen_by_every_figure(source: Make, dataset: Make, draw: Draw) -> None:
    data = dataset(draw(500, 2).float())
    names = ["Frechet distance", "precision", "classifier two-sample test, accuracy"]
    near, far = (evaluate(source(shift), data, metrics=names) for shift in (0.0, 3.0))
    assert near[0].value < 0.1 < far[0].value
    assert near[1].value > 0.8 > far[1].value
    assert near[2].value < 0.6 < 0.95 < far[2].value


def test_figures_do_not_depend_on_which_others_are_asked_for(
    source: Make, dataset: Make, draw: Draw
) -> None:
    data = dataset(draw(100, 2).float())
    alone = evaluate(source(), data, metrics="coverage")
    assert evaluate(source(), data, metrics=["Frechet distance", "coverage"])[1:] == alone


@pytest.mark.parametrize(
    ("space", "x", "name", "first"),
    [
        (Space.ordinal(5, 2, 2), torch.tensor([[[0, 1], [2, 4]]]), "pixels", [0, 0.25, 0.5, 1]),
        (Space.categorical(3, 2), torch.tensor([[2, 0]]), "one-hot", [0, 0, 1, 1, 0, 0]),
        (Space.angle(1), torch.tensor([[math.pi]]), "cosines and sines", [-1, 0]),
        (Space.real(2), torch.tensor([[0.0, 5.0], [2.0, 5.0]]), "standardised", [-1, 0]),
    ],
    ids=str,
)
def test_default_features(space: Space, x: Tensor, name: str, first: list[float]) -> None:
    features = default_features(space, x)
    assert features.name == name
    assert features(x)[0].tolist() == pytest.approx(first, abs=1e-6)


def test_features_that_are_none_are_refused(source: Make, dataset: Make, draw: Draw) -> None:
    data = dataset(draw(30, 2).float())
    with pytest.raises(OptionError, match="function from samples"):
        evaluate(source(), data, metrics="coverage", features=3)
    with pytest.raises(DataError, match="matrix with a row a sample"):
        evaluate(source(), data, metrics="coverage", features=lambda x: x[:, 0])
    with pytest.raises(DataError, match=r"finite.*row 0"):
        evaluate(source(), data, metrics="coverage", features=lambda x: x / 0)
    with pytest.raises(UnsupportedError, match="unequal length"):
        default_features(Space.categorical(3, ragged=True), Ragged.of([torch.ones(2)]))


def test_a_model_without_samples_has_no_figures_of_them(
    normal: Make, dataset: Make, draw: Draw
) -> None:
    class Scorer(zoo.DensityModel):
        architecture = "measured/scorer"

        class Config(zoo.Config):
            space: Space

        def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
            return -z.square().sum(1)

    with pytest.raises(UnsupportedError, match="makes no samples"):
        evaluate(
            Scorer.create(space=Space.real(2)), dataset(draw(9, 2).float()), metrics="precision"
        )


def test_copies_of_training_rows_are_found_out(draw: Draw) -> None:
    training, held_out = draw(300, 3), draw(200, 3, seed=1)
    copies = training[:100]
    assert share_closer(copies, training[:200], held_out).value == 1
    assert percentile_ratio(copies, training, held_out).value == 0


def test_new_rows_are_as_far_from_training_rows_as_held_out_ones(draw: Draw) -> None:
    training, held_out, new = draw(900, 3), draw(600, 3, seed=1), draw(800, 3, seed=2)
    closer = share_closer(new, training, held_out)
    assert closer.value == pytest.approx(0.5, abs=4 * (closer.standard_error or 0))
    ratio = percentile_ratio(new, training, held_out)
    assert ratio.value == pytest.approx(1, abs=4 * (ratio.standard_error or 0))
    assert 0 < (ratio.standard_error or 0) < 0.2


def test_held_out_copies_leave_the_ratio_undefined(draw: Draw) -> None:
    training = draw(100, 2)
    with pytest.raises(UnsupportedError, match="not themselves among the training rows"):
        percentile_ratio(draw(50, 2, seed=1), training, training[:50])


def test_privacy_of_a_model_that_learned_nothing_by_heart(
    normal: Make, dataset: Make, draw: Draw
) -> None:
    data, train = dataset(draw(400, 2).float()), dataset(draw(600, 2, seed=1).float())
    names = ["distance to closest record", "membership inference"]
    found = {m.name: m for m in evaluate(normal(2), data, metrics=names, train=train)}
    assert list(found) == [
        "distance to closest record, share closer (standardised)",
        "distance to closest record, 5th percentile ratio (standardised)",
        "membership inference, likelihood",
        "membership inference, nearest sample (standardised)",
    ]
    for name, fair in zip(found, (0.5, 1.0, 0.5, 0.5), strict=True):
        assert found[name].value == pytest.approx(fair, abs=4 * (found[name].standard_error or 0))


def test_privacy_needs_the_training_rows(normal: Make, dataset: Make, draw: Draw) -> None:
    data = dataset(draw(40, 2).float())
    for name in ("membership inference", "distance to closest record"):
        with pytest.raises(UnsupportedError, match="--train REF"):
            evaluate(normal(2), data, metrics=name)
