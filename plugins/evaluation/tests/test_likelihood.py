"""Figures of likelihood against entropies that are known on paper."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, final

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import ConditionError, DataError, OptionError, UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.metric import Metric
from zoo_core.interfaces.part import Part
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.rows import Rows
from zoo_core.interfaces.space import Space
from zoo_plugin_evaluation import evaluate

Make = Callable[..., Any]
Draw = Callable[..., Tensor]
ENTROPY = 0.5 * math.log(2 * math.pi * math.e)


def only(metrics: tuple[Metric, ...]) -> Metric:
    assert len(metrics) == 1
    return metrics[0]


@final
class Fetched(Rows):
    """Rows that are counted as they are fetched."""

    def __init__(self, x: Tensor) -> None:
        self.x, self.largest = x, 0

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: Tensor) -> Batch:
        self.largest = max(self.largest, len(rows))
        return Batch(self.x[rows])


class Stream:
    """Batches of unequal sizes, read anew each time."""

    def __init__(self, x: Tensor) -> None:
        self.x = x

    def __iter__(self) -> Iterator[Batch]:
        return (Batch(part) for part in self.x.split([700, 1200, len(self.x) - 1900]))


def test_the_nll_of_normal_rows_is_their_entropy(normal: Make, dataset: Make, draw: Draw) -> None:
    found = only(evaluate(normal(3), dataset(draw(20_000, 3).float())))
    assert found.value == pytest.approx(3 * ENTROPY, abs=4 * (found.standard_error or 0))
    # −log p is ½χ²₃ up to a constant, of variance 3/2.
    assert found.standard_error == pytest.approx(math.sqrt(1.5 / 20_000), rel=0.05)
    assert (found.name, found.unit, found.n, found.kind, found.measure, found.split) == (
        "NLL",
        "nats",
        20_000,
        "exact",
        "density",
        "test",
    )


def test_rows_that_stream_are_scored_like_rows_in_memory(
    normal: Make, dataset: Make, draw: Draw
) -> None:
    x = draw(3000, 2).float()
    expected = only(evaluate(normal(2), dataset(x)))
    fetched = Fetched(x)
    for data in (fetched, Stream(x)):
        assert only(evaluate(normal(2), dataset(data, Space.real(2)))) == expected
    assert fetched.largest <= 1024


def test_the_batch_size_changes_nothing_of_an_exact_figure(
    normal: Make, dataset: Make, draw: Draw
) -> None:
    data = dataset(draw(100, 2).float())
    sizes = [only(evaluate(normal(2), data, batch_size=size)).value for size in (7, 1000)]
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-12)


def test_weights_count(normal: Make, dataset: Make) -> None:
    x = torch.tensor([[0.0], [2.0]])
    found = only(evaluate(normal(1), dataset(x, weight=torch.tensor([3.0, 1.0]))))
    assert found.value == pytest.approx(math.log(2 * math.pi) / 2 + 0.25 * 2)


def test_bits_per_dim_of_uniform_codes(unigram: Make, dataset: Make) -> None:
    space = Space.ordinal(8, 2, 3)
    x = torch.randint(8, (50, 2, 3), generator=zoo.rng(0))
    found = only(evaluate(unigram(space, *[1.0] * 8), dataset(x, space)))
    assert (found.name, found.unit, found.measure) == ("bits/dim", "bits", "mass")
    assert found.value == pytest.approx(3, abs=1e-6)


def test_a_density_has_no_bits_per_dim(normal: Make, dataset: Make, draw: Draw) -> None:
    with pytest.raises(UnsupportedError, match="mass of discrete data.*density"):
        evaluate(normal(2), dataset(draw(9, 2).float()), metrics="bits/dim")


def test_text_has_perplexity_and_bits_per_character(unigram: Make, dataset: Make) -> None:
    space = Space.categorical(4, ragged=True)
    sequences = [torch.randint(4, (n,), generator=zoo.rng(n)) for n in (3, 50, 7)]
    # Codes of probabilities ½, ¼, ⅛, ⅛; the last stands for two characters.
    data = dataset(Ragged.of(sequences), space, alphabet=("a", "b", "c", "th"))
    model = unigram(space, 4.0, 2.0, 1.0, 1.0)
    characters, perplexity = evaluate(model, data)
    codes = torch.cat(sequences)
    bits = torch.tensor([1.0, 2.0, 3.0, 3.0])[codes].sum().item()
    letters = torch.tensor([1, 1, 1, 2])[codes].sum().item()
    assert characters.name == "bits/character"
    assert characters.value == pytest.approx(bits / letters)
    assert perplexity.name == "perplexity"
    assert perplexity.value == pytest.approx(2 ** (bits / 60))
    assert perplexity.unit is None


def test_perplexity_is_for_sequences_and_characters_for_text(
    normal: Make, unigram: Make, dataset: Make, draw: Draw
) -> None:
    with pytest.raises(UnsupportedError, match="sequences of categories"):
        evaluate(normal(2), dataset(draw(9, 2).float()), metrics="perplexity")
    space = Space.categorical(2, 5)
    data = dataset(torch.zeros(3, 5, dtype=torch.int64), space)
    with pytest.raises(UnsupportedError, match="has an alphabet"):
        evaluate(unigram(space, 1.0, 1.0), data, metrics="bits/character")


def test_missing_entries_are_not_counted(unigram: Make, dataset: Make) -> None:
    space = Space.categorical(2, 4, missing=True)
    model = unigram(Space.categorical(2, 4), 1.0, 1.0)
    present = dataset(torch.zeros(3, 4, dtype=torch.int64), space)
    assert evaluate(model, present, metrics="bits/dim")[0].value == pytest.approx(1)


def test_the_divergence_is_taken_row_by_row(normal: Make, dataset: Make, draw: Draw) -> None:
    x, shift = draw(5000, 2).float(), 0.1
    exact = Part("measured/normal", {"space": Space.real(2)})
    model = normal(2, mean=shift)
    nll, divergence = evaluate(model, dataset(x, exact=exact))
    assert divergence.name == "KL divergence"
    assert divergence.value == pytest.approx(shift**2, abs=4 * (divergence.standard_error or 0))
    assert divergence.standard_error == pytest.approx(shift * math.sqrt(2 / 5000), rel=0.1)
    assert (divergence.standard_error or 0) < (nll.standard_error or 0) / 5


def test_without_an_exact_density_there_is_no_divergence(
    normal: Make, dataset: Make, draw: Draw
) -> None:
    with pytest.raises(UnsupportedError, match="drawn from is known"):
        evaluate(normal(2), dataset(draw(9, 2).float()), metrics="KL divergence")


def test_a_model_that_is_told_more_has_no_divergence(
    normal: Make, dataset: Make, draw: Draw
) -> None:
    exact = Part("measured/normal", {"space": Space.real(2)})
    model = normal(2, conditioner=Part("core/label", {"classes": 2}))
    data = dataset(draw(9, 2).float(), condition=torch.arange(9) % 2, exact=exact)
    assert only(evaluate(model, data)).name == "NLL"
    with pytest.raises(UnsupportedError, match="without conditions"):
        evaluate(model, data, metrics="KL divergence")


def test_an_estimate_is_averaged_over_draws_and_repeats(
    normal: Make, dataset: Make, draw: Draw
) -> None:
    data, model = dataset(draw(400, 2).float()), normal(2, own=2.0)
    found = only(evaluate(model, data))
    assert (found.kind, "each over 16 draws of noise, seed 0" in found.protocol) == (
        "estimate",
        True,
    )
    assert only(evaluate(model, data)) == found
    assert only(evaluate(model, data, rng=zoo.rng(1))) != found
    expected = math.sqrt((1 + 4 / 16) / 400)
    assert found.standard_error == pytest.approx(expected, rel=0.15)


def test_noise_that_all_rows_share_is_in_the_error(normal: Make, dataset: Make, draw: Draw) -> None:
    data = dataset(draw(400, 2).float())
    model = normal(2, own=0.5, shared=2.0)
    found = [
        only(evaluate(model, data, draws=64, rng=zoo.rng(seed), batch_size=400))
        for seed in range(20)
    ]
    errors = torch.tensor([metric.standard_error or 0 for metric in found])
    assert errors.mean().item() == pytest.approx(math.sqrt(4 / 64 + 1 / 400), rel=0.1)


def test_a_conditional_model_is_measured_at_the_datas_conditions(
    normal: Make, dataset: Make, draw: Draw
) -> None:
    labels = torch.randint(3, (600,), generator=zoo.rng(0))
    x = draw(600, 2).float() + labels[:, None]
    model = normal(2, conditioner=Part("core/label", {"classes": 3}))
    found = only(evaluate(model, dataset(x, condition=labels, classes=("0", "1", "2"))))
    assert found.value == pytest.approx(2 * ENTROPY, abs=4 * (found.standard_error or 0))
    assert "given their conditions" in found.protocol
    bound = only(evaluate(model.given(0), dataset(x[labels == 0])))
    assert bound.value == pytest.approx(2 * ENTROPY, abs=4 * (bound.standard_error or 0))


def test_labels_go_by_name_where_both_sides_name_them(
    normal: Make, dataset: Make, draw: Draw
) -> None:
    part = Part("core/label", {"classes": 3, "names": ["red", "green", "blue"]})
    model = normal(2, conditioner=part)
    labels = torch.tensor([0, 1] * 50)  # blue and green, in the order of this data set
    shift = torch.tensor([2.0, 1.0])[labels]
    x = draw(100, 2).float() + shift[:, None]
    data: Dataset = dataset(x, condition=labels, classes=("blue", "green"))
    found = only(evaluate(model, data))
    assert found.value == pytest.approx(2 * ENTROPY, abs=4 * (found.standard_error or 0))
    with pytest.raises(ConditionError, match="purple"):
        evaluate(model, replace(data, classes=("purple", "green")))


def test_wrong_inputs_say_what_is_wrong(
    normal: Make, source: Make, dataset: Make, draw: Draw
) -> None:
    data = dataset(draw(30, 2).float())
    conditional = normal(2, conditioner=Part("core/label", {"classes": 3}))
    with pytest.raises(ConditionError, match="data without conditions.*--condition"):
        evaluate(conditional, data)
    with pytest.raises(DataError, match="model's space"):
        evaluate(normal(3), data)
    with pytest.raises(OptionError, match="draws"):
        evaluate(normal(2), data, draw=3)
    with pytest.raises(OptionError):
        evaluate(normal(2), data, log_prob={"tolerance": 1e-3})
    with pytest.raises(UnsupportedError, match="gives no likelihood"):
        evaluate(source(), data, metrics="NLL")


def test_evaluating_leaves_a_model_as_it_was(normal: Make, dataset: Make, draw: Draw) -> None:
    model = normal(2)
    model.train()
    evaluate(model, dataset(draw(30, 2).float()), metrics="all")
    assert model.training
    assert model.anchor.grad is None
