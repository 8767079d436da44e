"""Texts as sequences of codes, what is observed of sequences, and live modules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import pytest
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.errors import DataError, DefinitionError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.space import Kind
from zoo_core.interfaces.tokenizer import Tokenizer

LETTERS = "ab c"


@final
class Letters(Tokenizer):
    """A letter a code; `?` is unknown."""

    @property
    def name(self) -> str:
        return "a letter a code"

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[-1 if one == "?" else LETTERS.index(one) for one in text] for text in texts]

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        return ["".join(LETTERS[code] for code in row) for row in sequences]


TEXT = zoo.Space.categorical(4, ragged=True, tokenizer=Letters())
CODES = zoo.Space.categorical(4, ragged=True)


@final
class Letterwise(zoo.Generator, zoo.DensityModel):
    """Independent letters, the first of probability 0.7."""

    architecture = "test/letterwise"
    observes = True

    def _space(self) -> zoo.Space:
        return TEXT

    def _build(self) -> None:
        layer = self._taken("layer")
        self.layer = nn.Linear(1, 4) if layer is None else layer

    def _sample(self, n: int, call: Call) -> zoo.Ragged:
        lengths = call.lengths if call.lengths is not None else torch.full((n,), 3)
        return zoo.Ragged(torch.zeros(int(lengths.sum()), dtype=torch.int64), lengths)

    def _log_prob(self, z: zoo.Ragged, call: Call) -> Tensor:
        each = torch.where(z.values == 0, 0.7, 0.1).log()
        if isinstance(call.observed, Tensor):
            each = each.masked_fill(call.observed, 0.0)
        return z.segment_sum(each)


@pytest.fixture
def model() -> Letterwise:
    return Letterwise(zoo.Config())


def rows(ragged: Any) -> list[list[int]]:
    return [row.tolist() for row in ragged]


def test_texts_become_codes_and_codes_texts() -> None:
    assert rows(TEXT.sequences(["a c", "b", ""])) == [[0, 2, 3], [1], []]
    assert rows(TEXT.sequences("ab")) == [[0, 1]]
    assert rows(TEXT.sequences([[0, 3], torch.tensor([1])])) == [[0, 3], [1]]
    assert TEXT.texts(TEXT.sequences(["a c", "", "b"])) == ["a c", "", "b"]


@pytest.mark.parametrize("values", [["a", [0]], torch.zeros(2), {"a": 1}])
def test_what_is_no_sequence_is_refused(values: Any) -> None:
    with pytest.raises(DataError):
        TEXT.sequences(values)


def test_without_a_tokenizer_texts_are_refused() -> None:
    with pytest.raises(DataError, match="without a tokenizer"):
        CODES.sequences(["ab"])
    with pytest.raises(DataError, match="tokenizer"):
        CODES.texts(zoo.Ragged.of([[0]]))


def test_a_tokenizer_is_for_sequences_of_codes_and_is_not_saved() -> None:
    for wrong in ({"ragged": False}, {"ragged": True, "shape": (2,)}):
        with pytest.raises(ValueError, match="one code a step"):
            zoo.Space(kind=Kind.CATEGORICAL, levels=4, tokenizer=Letters(), **wrong)
    assert zoo.Space.parse(TEXT.to_json()) == CODES


def test_a_rate_is_of_waveforms_and_frames() -> None:
    assert zoo.Space.real(1, 16, rate=16000.0).rate == 16000.0
    assert zoo.Space.parse(zoo.Space.unit(4, 3, 8, 8, rate=8.0).to_json()).rate == 8.0
    assert str(zoo.Space.real(2, 64, rate=16.0)) == "waveform [2, 64], 16 a second"
    assert str(zoo.Space.unit(4, 3, 8, 8, rate=7.5)) == "frames [4, 3, 8, 8], 7.5 a second"
    with pytest.raises(ValueError, match="waveforms"):
        zoo.Space.real(3, rate=1.0)


def test_texts_are_scored_like_their_codes(model: Letterwise) -> None:
    score = model.log_prob(["ab", "a"])
    assert torch.allclose(score, torch.tensor([0.07, 0.7]).log())
    assert torch.equal(score, model.log_prob(zoo.Ragged.of([[0, 1], [0]])))
    assert torch.equal(model.log_prob("ab"), score[:1])


def test_a_prompt_begins_every_sample(model: Letterwise) -> None:
    x = model.sample(2, observed=zoo.Observed("bc"), lengths=4, rng=zoo.rng(0))
    assert model.space.texts(x) == ["bcaa", "bcaa"]
    x = model.sample(2, observed=zoo.Observed(["c", "b b"]), lengths=[2, 3], rng=zoo.rng(0))
    assert model.space.texts(x) == ["ca", "b b"]


def test_chunks_have_their_own_prompts(model: Letterwise) -> None:
    prompts = ["a", "bb", "", "c"]
    x = model.sample(4, observed=zoo.Observed(prompts), lengths=3, batch_size=3, rng=zoo.rng(0))
    assert model.space.texts(x) == ["aaa", "bba", "aaa", "caa"]


def test_unknown_steps_of_a_prompt_are_left_to_the_model(model: Letterwise) -> None:
    x = model.sample(1, observed=zoo.Observed("b?b"), lengths=3, rng=zoo.rng(0))
    assert model.space.texts(x) == ["bab"]
    mask = zoo.Ragged.of([torch.tensor([False, True])])
    x = model.sample(1, observed=zoo.Observed("bc", mask), lengths=3, rng=zoo.rng(0))
    assert model.space.texts(x) == ["aca"]


def test_wrong_prompts_are_refused(model: Letterwise) -> None:
    with pytest.raises(DataError, match="one for all samples, or 3"):
        model.sample(3, observed=zoo.Observed(["a", "b"]))
    with pytest.raises(DataError, match="between 0 and 3"):
        model.sample(1, observed=zoo.Observed([[7]]))
    with pytest.raises(DataError, match="mask of observed sequences"):
        model.sample(1, observed=zoo.Observed("ab", torch.tensor([True])))
    with pytest.raises(DataError, match="missing"):
        model.sample(1, observed=zoo.Observed("a?", torch.tensor([True, True])))


def test_samples_shorter_than_a_prompt_are_the_models_fault(model: Letterwise) -> None:
    with pytest.raises(DefinitionError, match="at least as long"):
        model.sample(1, observed=zoo.Observed("abca"))
    with pytest.raises(DataError, match="2 for 4 observed steps"):
        model.sample(3, observed=zoo.Observed(["a", "abca", ""]), lengths=2)


def test_the_rest_is_scored_given_what_is_observed(model: Letterwise) -> None:
    x = model.space.sequences(["ab", "bba"])
    mask = zoo.Ragged.of([torch.tensor([True, False]), torch.tensor([True, True, False])])
    expected = torch.tensor([0.1, 0.7]).log()
    assert torch.allclose(model.log_prob(x, observed=mask), expected)
    assert torch.allclose(model.log_prob(x, observed=mask.values), expected)
    shuffled = zoo.Ragged(mask.values, torch.tensor([3, 2]))
    with pytest.raises(DataError, match=r"the lengths \[2, 3\]"):
        model.log_prob(x, observed=shuffled)
    with pytest.raises(DataError, match="boolean mask"):
        model.log_prob(x, observed=torch.tensor([True]))


def test_without_a_mask_known_is_what_is_not_missing() -> None:
    space = zoo.Space.real(3)
    values = torch.tensor([0.5, torch.nan, 2.0])
    known = zoo.Observed(values).checked(space, 2, torch.device("cpu"))
    assert known.mask.tolist() == [[True, False, True]] * 2


def test_a_live_module_is_taken_instead_of_being_built() -> None:
    layer = nn.Linear(1, 4)
    model = Letterwise(zoo.Config(), parts={"layer": layer})
    assert model.layer is layer
    assert Letterwise(zoo.Config()).layer is not layer
    assert "_live" not in vars(model)
