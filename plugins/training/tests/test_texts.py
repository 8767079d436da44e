"""Training on texts: a number a row, whatever its length."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
import torch

import zoo_core as zoo
from models.text_chain import TextChain
from zoo_core.errors import DataError
from zoo_core.hooks.events import TrainingEvent
from zoo_core.interfaces.rows import Rows
from zoo_plugin_training import loop
from zoo_plugin_training.fingerprint import data_fingerprint

TEXTS = ["abab c", "ab", "", "cab abba", "c c c", "abababababab", "b"]
QUICK = {"batch_size": 7, "learning_rate": 0.1, "progress": "none"}


def _pairs(texts: list[str], weights: list[float]) -> float:
    """The least −log p of all texts, by counting: the entropy of each character after its last."""
    pairs, lasts = Counter[tuple[str, str]](), Counter[str]()
    for text, weight in zip(texts, weights, strict=True):
        for last, character in zip(["", *text], text, strict=False):
            pairs[last, character] += weight  # type: ignore[assignment]
            lasts[last] += weight  # type: ignore[assignment]
    shares = [(n, n / lasts[last]) for (last, _), n in pairs.items() if n]
    return sum(-n * float(torch.tensor(share).log()) for n, share in shares)


@pytest.mark.parametrize("weights", [[1.0] * 7, [3.0, 1.0, 5.0, 0.0, 2.0, 0.5, 1.0]])
def test_a_chain_learns_the_frequencies_of_its_texts(weights: list[float]) -> None:
    model = TextChain.create(alphabet="ab c", order=1)
    report = model.fit(
        TEXTS, weight=weights, rng=zoo.rng(0), steps=120, **{**QUICK, "learning_rate": 0.3}
    )
    reached = -(model.log_prob(TEXTS).detach().double() * torch.tensor(weights)).sum()
    least = _pairs(TEXTS, weights)
    assert least < float(reached) < 1.05 * least
    assert report.history[-1]["loss"] * sum(weights) == pytest.approx(float(reached), rel=0.05)


def test_texts_codes_and_batches_are_trained_on_alike() -> None:
    made = []
    space = TextChain.create(alphabet="ab c").space
    codes = space.sequences(TEXTS)
    for data in (TEXTS, codes, zoo.Batch(codes), [zoo.Batch(codes)], _Fetched(codes)):
        model = TextChain.create(alphabet="ab c")
        model.fit(data, valid=TEXTS[:3], rng=zoo.rng(1), steps=5, **QUICK)
        made.append(model.log_prob(TEXTS).detach())
    for other in made[1:]:
        torch.testing.assert_close(other, made[0])


class _Fetched(Rows):
    def __init__(self, codes: zoo.Ragged) -> None:
        self._codes = codes

    def __len__(self) -> int:
        return len(self._codes)

    def take(self, rows: torch.Tensor) -> zoo.Batch:
        chosen = self._codes[rows]
        assert isinstance(chosen, zoo.Ragged)
        return zoo.Batch(chosen)


def test_the_best_held_out_weights_are_kept() -> None:
    model = TextChain.create(alphabet="ab c", order=1)
    report = model.fit(["abab"], valid=["ab c", "a"], steps=30, rng=zoo.rng(0), **QUICK)
    held_out = -float(model.log_prob(["ab c", "a"]).detach().mean())
    assert report.best is not None
    assert report.best["valid"] == pytest.approx(held_out, rel=1e-5)
    assert held_out < report.history[-1]["valid"]


def test_an_interrupted_run_on_texts_goes_on_to_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**QUICK, "batch_size": 2, "steps": 6, "ema": 0.5}
    whole, halved, again = (TextChain.create(alphabet="ab c") for _ in range(3))
    whole.fit(TEXTS, rng=zoo.rng(0), **options)
    monkeypatch.setattr(loop, "observe_training", lambda model, request: _interrupt)
    with pytest.raises(KeyboardInterrupt):
        halved.fit(TEXTS, rng=zoo.rng(0), out=str(tmp_path), **options)
    monkeypatch.setattr(loop, "observe_training", lambda model, request: lambda event: None)
    again.fit(TEXTS, rng=zoo.rng(0), out=str(tmp_path), resume=True, **options)
    pairs = list(zip(whole.parameters(), halved.parameters(), again.parameters(), strict=True))
    assert all(torch.equal(one, other) for one, _, other in pairs)
    assert not all(torch.equal(one, half) for one, half, _ in pairs)


def _interrupt(event: TrainingEvent) -> None:
    if event.kind == "step" and event.step == 3:
        os.kill(os.getpid(), signal.SIGINT)


def test_texts_that_are_none_are_refused_before_anything_changes() -> None:
    model = TextChain.create(alphabet="ab c", window=4)
    before = [p.detach().clone() for p in model.parameters()]
    with pytest.raises(DataError, match="among 'ab c'"):
        model.fit(["ab", "abd"])
    with pytest.raises(DataError, match="strings and other things"):
        model.fit(["ab", [1, 2]])
    with pytest.raises(DataError, match="lie between 0 and 3"):
        model.fit(["ab", "a?"])
    with pytest.raises(DataError, match="at most 4 characters"):
        model.fit(["abababab"], steps=1, progress="none")
    for one, other in zip(before, model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_another_text_is_another_run() -> None:
    space = TextChain.create(alphabet="ab c").space
    prints = {data_fingerprint(zoo.Batch(space.sequences(t))) for t in (["ab", "c"], ["a", "bc"])}
    assert len(prints) == 2
