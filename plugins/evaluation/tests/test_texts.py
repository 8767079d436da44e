"""Figures of texts, by the tokens of the model's own tokenizer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, final

import pytest
import torch

import zoo_core as zoo
from models.text_chain import TextChain
from zoo_core.errors import OptionError, UnsupportedError
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.interfaces.metric import EvaluationRequest
from zoo_core.interfaces.tokenizer import Tokenizer
from zoo_plugin_evaluation import evaluate
from zoo_plugin_evaluation.cost import cost_of
from zoo_plugin_evaluation.data_choice import DataChoice, choice_of
from zoo_plugin_evaluation.subject import Subject

TEXTS = ["ab cab abba c", "b", "c c ab abbaab"]


def data_of(model: Any, texts: Sequence[str] = TEXTS, **fields: Any) -> Dataset:
    batch = zoo.Batch(model.space.sequences(list(texts)))
    return Dataset("texts", Split.ALL, batch, model.space, **fields)


def value(metrics: Any) -> float:
    (metric,) = metrics
    return metric.value


def test_each_token_counts_alike() -> None:
    model = TextChain.create(alphabet="ab c")
    total = -float(model.log_prob(TEXTS).detach().double().sum())
    tokens = sum(map(len, TEXTS))
    characters, perplexity, per_token = evaluate(model, data_of(model))
    assert (characters.name, perplexity.name) == ("bits/character", "perplexity")
    assert (per_token.name, per_token.unit) == ("NLL/token", "nats")
    assert per_token.value == pytest.approx(total / tokens)
    assert perplexity.value == pytest.approx(math.exp(total / tokens))
    assert characters.value == pytest.approx(total / tokens / math.log(2))
    for metric in (characters, perplexity, per_token):
        assert metric.settings["tokenizer"] == "characters of an alphabet of 4"
        assert (metric.n, metric.kind, metric.measure) == (3, "exact", "mass")


def test_characters_are_those_of_the_text_that_was_read() -> None:
    model = TextChain.create(alphabet="ab c")
    counted = data_of(model, characters=torch.tensor([13, 3, 20]))
    total = -float(model.log_prob(TEXTS).detach().double().sum())
    found = value(evaluate(model, counted, metrics="bits/character"))
    assert found == pytest.approx(total / 36 / math.log(2))


def test_text_that_its_tokens_lose_has_no_bits_a_character() -> None:
    model = TextChain.create(alphabet="ab c")
    data = data_of(model, lossless=False)
    assert [metric.name for metric in evaluate(model, data)] == ["perplexity", "NLL/token"]
    with pytest.raises(UnsupportedError, match="give again.*characters of an alphabet of 4"):
        evaluate(model, data, metrics="bits/character")
    assert "bits/character" not in {metric.name for metric in evaluate(model, data, metrics="all")}


@final
class Pairs(Tokenizer):
    """Two letters a code."""

    @property
    def name(self) -> str:
        return "pairs"

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        names = ("aa", "ab", "ba", "bb")
        return [[names.index(t[i : i + 2]) for i in range(0, len(t), 2)] for t in texts]

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        return ["".join(("aa", "ab", "ba", "bb")[code] for code in codes) for codes in sequences]


@final
class Paired(zoo.DensityModel):
    """Independent pairs of letters, of the probabilities ½, ¼, ⅛ and ⅛."""

    architecture = "measured/paired"

    def _space(self) -> zoo.Space:
        return zoo.Space.categorical(4, ragged=True, tokenizer=Pairs())

    def _build(self) -> None:
        self.log_probs = torch.nn.Parameter(torch.tensor([0.5, 0.25, 0.125, 0.125]).log())

    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> torch.Tensor:
        return z.segment_sum(self.log_probs[z.values])


def test_characters_of_windows_are_those_that_their_tokens_stand_for() -> None:
    model = Paired(zoo.Config())
    rows = zoo.Ragged(torch.tensor([0, 0, 1, 3]), torch.tensor([3, 1]))
    data = Dataset("pairs", Split.ALL, zoo.Batch(rows), model.space)
    bits = 1 + 1 + 2 + 3
    assert value(evaluate(model, data, metrics="bits/character")) == pytest.approx(bits / 8)


def test_long_texts_are_read_in_windows_that_advance_by_half_of_one() -> None:
    text = TEXTS[0] * 3
    model = TextChain.create(alphabet="ab c", order=3, window=6)
    found = {}
    for stride in (1, 2, 3, 5):
        metrics = evaluate(model, data_of(model, [text]), log_prob={"stride": stride})
        found[stride] = metrics[2].value
        assert (metrics[2].settings["stride"], metrics[2].settings["window"]) == (stride, 6)
        nats = -float(model.log_prob(text, stride=stride).detach())
        assert found[stride] == pytest.approx(nats / len(text))
    (_, _, usual) = evaluate(model, data_of(model, [text]))
    assert (usual.value, usual.settings["stride"]) == (found[3], 3)
    assert len(set(found.values())) > 1


def by_hand(model: TextChain, text: str, stride: int, *, exact: bool) -> float:
    """The documented computation from conditional probabilities of a character at a time.

    With `exact` a window weighs as many characters as it scores.
    """
    window, done, total, count = model.window or len(text), 0, 0.0, 0
    for begin in range(0, len(text), stride):
        end = min(begin + window, len(text))
        known = max(1, done - begin)
        prefixes = [text[begin : begin + t] for t in range(known, end - begin)]
        log_probs, _ = model.next_log_prob(model.space.sequences(prefixes))
        codes = model.space.sequences(text[begin + known : end]).values
        nats = -log_probs.detach().double()[torch.arange(len(codes)), codes]
        weight = len(nats) if exact else end - done - 1
        total, count, done = total + float(nats.mean()) * weight, count + weight, end
        if end == len(text):
            break
    return math.exp(total / count)


@pytest.mark.parametrize("stride", [1, 2, 4, 6])
def test_the_documented_perplexity_is_computed_window_by_window(stride: int) -> None:
    text = "ab cab abba c baac"
    model = TextChain.create(alphabet="ab c", order=3, window=6)
    name = "transformers perplexity"
    for size in (2, 1024):
        (metric,) = evaluate(
            model,
            data_of(model, [text]),
            metrics=name,
            log_prob={"stride": stride},
            batch_size=size,
        )
        # A stride of 1 leaves later windows without weight: only the first one counts.
        shown = text[:6] if stride == 1 else text
        expected = by_hand(model, shown, stride, exact=False)
        assert metric.value == pytest.approx(expected, rel=1e-6)
    assert metric.settings["stride"] == stride and metric.n == 1


def test_in_one_window_both_ways_of_weighing_are_one() -> None:
    model = TextChain.create(alphabet="ab c", order=3)
    found = value(evaluate(model, data_of(model, TEXTS[:1]), metrics="transformers perplexity"))
    assert found == pytest.approx(by_hand(model, TEXTS[0], 1, exact=True), rel=1e-6)
    assert found == pytest.approx(by_hand(model, TEXTS[0], 1, exact=False), rel=1e-6)


def test_what_has_no_documented_perplexity_says_so(unigram: Any) -> None:
    name = "transformers perplexity"
    model = TextChain.create(alphabet="ab c", window=4)
    with pytest.raises(UnsupportedError, match="two tokens or more"):
        evaluate(model, data_of(model, ["a", "b"]), metrics=name)
    with pytest.raises(OptionError, match="at most as long as the window, 4"):
        evaluate(model, data_of(model), metrics=name, log_prob={"stride": 5})
    codes = unigram(zoo.Space.categorical(4, ragged=True), 1.0, 1.0, 1.0, 1.0)
    rows = zoo.Ragged(torch.tensor([0, 1]), torch.tensor([2]))
    data = Dataset("codes", Split.ALL, zoo.Batch(rows), codes.space)
    with pytest.raises(UnsupportedError, match="that of a model of text"):
        evaluate(codes, data, metrics=name)
    assert evaluate(codes, data, metrics="NLL/token")[0].value == pytest.approx(math.log(4))
    with pytest.raises(UnsupportedError, match="has an alphabet"):
        evaluate(codes, data, metrics="bits/character")


def test_other_texts_than_a_models_own_are_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = DataChoice("own.txt", {"length": 8, "documents": "lines", "draws": 3})
    monkeypatch.setattr("zoo_plugin_evaluation.data_choice.own_data", lambda ref: own)
    assert choice_of("own.txt", "m")[0].fields == own.fields
    assert choice_of("other.txt", "m")[0].fields == {"documents": "lines"}


def test_samples_are_as_long_as_the_window_allows() -> None:
    model = TextChain.create(alphabet="ab c", window=6)
    data = data_of(model)
    subject = Subject(model, EvaluationRequest(data))
    made = subject.samples
    assert isinstance(made, zoo.Ragged) and made.lengths.tolist() == [6, 1, 6]
    cost = cost_of(subject)
    assert cost.sample_seconds is not None and cost.score_seconds is not None
