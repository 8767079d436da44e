"""Masses of sequences under causal language models, against the library's own losses."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import cross_entropy

import zoo_core as zoo
from models.causal_networks import (
    LEVELS,
    NATIVE,
    START,
    WINDOW,
    behind_start,
    causal_network,
    sequences,
)
from zoo_core.errors import ConfigError, DataError, UnsupportedError
from zoo_plugin_transformers import network as networks
from zoo_plugin_transformers import reading, token_scores
from zoo_plugin_transformers.causal_lm import CausalLM
from zoo_plugin_transformers.token_scores import pieces

LENGTHS = (5, 0, 9, 1, WINDOW)


@pytest.fixture(scope="module")
def gpt2() -> CausalLM:
    return CausalLM.around(causal_network("gpt2")).eval()


@pytest.fixture(params=list(NATIVE))
def model(request: pytest.FixtureRequest) -> CausalLM:
    return CausalLM.around(causal_network(request.param)).eval()


def token_losses(model: CausalLM, row: torch.Tensor) -> torch.Tensor:
    """Give the library's loss of each code of one sequence, behind the start code."""
    ids = behind_start(row)
    return cross_entropy(model.network(ids[:, :-1]).logits[0], ids[0, 1:], reduction="none")


@torch.no_grad()
def test_one_sequence_has_the_sum_of_the_library_s_token_losses_bit_for_bit(model: CausalLM):
    for row in sequences(1, 5, WINDOW):
        assert torch.equal(model.log_prob([row]), -token_losses(model, row).sum()[None])


@torch.no_grad()
def test_one_sequence_has_the_library_s_own_loss(model: CausalLM):
    row = sequences(WINDOW - 1)[0]
    ids = behind_start(row)
    loss = model.network(ids, labels=ids).loss
    torch.testing.assert_close(model.log_prob([row]) / -len(row), loss[None], rtol=1e-6, atol=0)


@torch.no_grad()
def test_rows_of_unequal_lengths_have_what_they_have_alone(model: CausalLM):
    rows = sequences(*LENGTHS)
    alone = torch.cat([model.log_prob([row]) for row in rows])
    torch.testing.assert_close(model.log_prob(rows), alone, rtol=2e-6, atol=2e-6)
    assert alone[1] == 0


def test_gradients_are_the_library_s(gpt2: CausalLM):
    row, weight = sequences(9)[0], gpt2.network.transformer.wte.weight
    ours = torch.autograd.grad(gpt2.log_prob([row]).sum(), weight)[0]
    theirs = torch.autograd.grad(-token_losses(gpt2, row).sum(), weight)[0]
    assert torch.equal(ours, theirs)


@torch.no_grad()
def test_logits_in_small_parts_give_the_same(gpt2: CausalLM, monkeypatch: pytest.MonkeyPatch):
    rows = sequences(*LENGTHS)
    whole = gpt2.log_prob(rows)
    monkeypatch.setattr(token_scores, "_LOGITS_AT_ONCE", 3 * LEVELS)
    assert torch.equal(gpt2.log_prob(rows), whole)
    monkeypatch.setattr(reading, "_LOGITS", 12 * LEVELS)
    batched = list(reading.batches(list(LENGTHS), LEVELS))
    assert batched == [[1, 3], [0], [2], [4]]  # of like length, within the bound where it can be
    torch.testing.assert_close(gpt2.log_prob(rows), whole, rtol=2e-6, atol=2e-6)


@torch.no_grad()
def test_the_rest_given_a_beginning_is_a_difference_of_masses(gpt2: CausalLM):
    rows, known = sequences(5, 9, 4), (2, 0, 4)
    mask = [torch.arange(len(row)) < k for row, k in zip(rows, known, strict=True)]
    beginnings = [row[:k] for row, k in zip(rows, known, strict=True)]
    rest = gpt2.log_prob(rows, observed=zoo.Ragged.of(mask))
    torch.testing.assert_close(rest, gpt2.log_prob(rows) - gpt2.log_prob(beginnings))
    gap = zoo.Ragged(torch.tensor([False, True]), torch.tensor([2]))
    with pytest.raises(UnsupportedError, match="its beginning"):
        gpt2.log_prob([rows[0][:2]], observed=gap)


def strided_losses(network: torch.nn.Module, ids: torch.Tensor, stride: int) -> float:
    """Sum token losses as transformers' documentation on perplexity goes through a long text."""
    total, before = 0.0, 0
    for begin in range(0, ids.shape[1], stride):
        end = min(begin + WINDOW, ids.shape[1])
        labels = ids[:, begin:end].clone()
        labels[:, : before - begin] = -100
        counted = int((labels[:, 1:] != -100).sum())
        total += float(network(ids[:, begin:end], labels=labels).loss) * counted
        before = end
        if end == ids.shape[1]:
            return total
    raise AssertionError("a text has an end")


@torch.no_grad()
@pytest.mark.parametrize("stride", [1, 8, WINDOW - 1])
def test_long_texts_are_scored_in_the_documented_strides(gpt2: CausalLM, stride: int):
    long, short = sequences(75, 20)
    expected = strided_losses(gpt2.network, behind_start(long), stride)
    found = gpt2.log_prob([long, short], stride=stride)
    torch.testing.assert_close(found[0], torch.tensor(-expected), rtol=2e-6, atol=0)
    torch.testing.assert_close(found[1:], gpt2.log_prob([short]))


def test_strides_score_each_code_once():
    sequence = torch.arange(20)
    for window, stride in ((8, 1), (8, 3), (8, 7), (18, 5)):
        scored = [p.targets[p.targets >= 0] for p in pieces(sequence, window, stride)]
        assert torch.equal(torch.cat(scored), sequence[1:])
        assert all(len(p.codes) < window for p in pieces(sequence, window, stride))


def test_how_long_sequences_are_scored_is_said(gpt2: CausalLM):
    assert str(gpt2.density.kind) == "exact" and str(gpt2.density.measure) == "mass"
    assert gpt2.density_of(stride=8).how == f"longer than {WINDOW}: windows of {WINDOW}, stride 8"
    with pytest.raises(DataError, match=r"window, 32.*33.*stride="):
        gpt2.log_prob(sequences(WINDOW + 1))
    with pytest.raises(DataError, match="A stride is shorter"):
        gpt2.log_prob(sequences(WINDOW + 1), stride=WINDOW)
    with pytest.raises(DataError, match=f"between 0 and {LEVELS - 1}"):
        gpt2.log_prob([torch.tensor([LEVELS])])


@torch.no_grad()
def test_without_a_start_code_the_first_code_must_be_known(gpt2: CausalLM):
    network = causal_network("gpt2", bos_token_id=None, eos_token_id=None)
    model = CausalLM.around(network).eval()
    assert model.config.start is None and model.config.stops == ()
    row = sequences(6)[0]
    first = zoo.Ragged(torch.arange(6) < 1, torch.tensor([6]))
    with_start = torch.cat([torch.tensor([START]), row])
    mask = zoo.Ragged(torch.arange(7) < 1, torch.tensor([7]))
    expected = gpt2.log_prob([row])
    assert torch.equal(model.log_prob([with_start], observed=mask), expected)
    assert torch.equal(
        model.log_prob([row], observed=first), gpt2.log_prob([row], observed=first, start=False)
    )
    assert model.log_prob([row[:0]]) == 0
    with pytest.raises(UnsupportedError, match="says nothing of a first code"):
        model.log_prob([row])
    with pytest.raises(UnsupportedError, match="says nothing of a first code"):
        model.next_log_prob(zoo.Ragged.of([row, row[:0]]))
    with pytest.raises(UnsupportedError, match="says nothing of a first code"):
        model.sample(2)


@torch.no_grad()
def test_half_precision_is_scored_in_single(gpt2: CausalLM):
    model = CausalLM.around(causal_network("gpt2").to(torch.bfloat16)).eval()
    row = sequences(9)[0]
    ids = behind_start(row)
    logits = model.network(ids[:, :-1]).logits[0].float()
    expected = -cross_entropy(logits, ids[0, 1:], reduction="none").sum()
    assert torch.equal(model.log_prob([row]), expected[None])


def test_networks_that_read_both_ways_are_refused():
    from transformers import AutoConfig, BertLMHeadModel

    config = AutoConfig.for_model(
        "bert", vocab_size=9, hidden_size=8, num_hidden_layers=1, num_attention_heads=1
    )
    with pytest.raises(ConfigError, match="a bert, which reads both ways"):
        CausalLM.around(BertLMHeadModel(config))
    with pytest.raises(ConfigError, match="codes \\[99\\]"):
        zoo.create(
            "transformers/causal-lm", network={"model_type": "gpt2", "vocab_size": 9}, start=99
        )


@torch.no_grad()
def test_native_codes_outside_of_the_vocabulary_are_none():
    network = causal_network("gpt2", bos_token_id=LEVELS, eos_token_id=50256)
    model = CausalLM.around(network).eval()
    assert (model.config.start, model.config.stops) == (None, ())
    without = CausalLM.around(causal_network("gpt2", bos_token_id=None, eos_token_id=None)).eval()
    prompt = zoo.Observed(sequences(3))
    made, expected = (one.sample(2, observed=prompt, rng=zoo.rng(0)) for one in (model, without))
    assert torch.equal(made.values, expected.values)
    native = networks.described(network)
    again = zoo.create("transformers/causal-lm", network=native)
    assert (again.config.start, again.config.stops) == (None, ())
    ending = CausalLM.around(causal_network("gpt2", bos_token_id=50256, eos_token_id=1))
    assert (ending.config.start, ending.config.stops) == (1, (1,))
    with pytest.raises(ConfigError, match=f"codes \\[{LEVELS}\\]"):
        zoo.create("transformers/causal-lm", network=native, start=LEVELS)


def test_a_configuration_makes_the_same_model_again(gpt2: CausalLM):
    again = CausalLM(CausalLM.Config.parse(gpt2.config.to_json()))
    again.load_state_dict(gpt2.state_dict())
    rows = sequences(5, 9)
    assert torch.equal(again.eval().log_prob(rows), gpt2.log_prob(rows))
    assert (again.window, again.config.start, again.config.stops) == (WINDOW, START, (1,))
