"""Samples of causal language models, against `generate` and its rules, code for code."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from transformers import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

import zoo_core as zoo
from models.causal_networks import (
    LEVELS,
    NATIVE,
    START,
    STOP,
    WINDOW,
    behind_start,
    causal_network,
    sequences,
)
from zoo_core.errors import DataError, OptionError, UnsupportedError
from zoo_core.interfaces.randomness import child_rng
from zoo_plugin_transformers.causal_lm import CausalLM

PROMPTS = (2, 0, 4, 1, 3)
NEW = 10
WARPED: dict[str, Any] = {"temperature": 0.7, "top_k": 20, "top_p": 0.9}


@pytest.fixture(scope="module")
def gpt2() -> CausalLM:
    return CausalLM.around(causal_network("gpt2")).eval()


@pytest.fixture(params=list(NATIVE))
def model(request: pytest.FixtureRequest) -> CausalLM:
    return CausalLM.around(causal_network(request.param)).eval()


def generated(model: CausalLM, prompts: list[torch.Tensor], **options: Any) -> list[torch.Tensor]:
    """Let the library go on after prompts behind start codes, padded on the left as it asks for."""
    longest = max(len(prompt) for prompt in prompts) + 1
    ids = torch.full((len(prompts), longest), START)
    mask = torch.zeros_like(ids)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = prompt
        mask[row, longest - len(prompt) - 1 :] = 1
    made = model.network.generate(
        ids, attention_mask=mask, max_new_tokens=NEW, pad_token_id=START, **options
    )[:, longest:]
    ends = [(row == STOP).nonzero()[:1].flatten() for row in made]
    cut = [row[: int(end) + 1] if len(end) else row for row, end in zip(made, ends, strict=True)]
    return [torch.cat(pair) for pair in zip(prompts, cut, strict=True)]


def same(found: Any, expected: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_greedy_samples_are_generate_s(model: CausalLM):
    prompts = sequences(*PROMPTS)
    observed = zoo.Observed(prompts)
    found = model.sample(5, observed=observed, temperature=0, max_new_tokens=NEW)
    assert same(found, generated(model, prompts, do_sample=False))


def test_samples_are_generate_s_for_the_same_generator(model: CausalLM):
    prompts = sequences(*PROMPTS)
    observed = zoo.Observed(prompts)
    found = model.sample(5, observed=observed, rng=zoo.rng(3), max_new_tokens=NEW, **WARPED)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.set_state(child_rng(zoo.rng(3), "cpu").get_state())
        expected = generated(model, prompts, do_sample=True, **WARPED)
    assert same(found, expected)
    assert len({tuple(row.tolist()[-3:]) for row in found}) > 1  # not all alike


@pytest.mark.parametrize(
    "options", [{}, {"temperature": 2.0}, {"top_k": 3}, {"top_p": 0.5}, WARPED]
)
def test_samples_are_those_of_the_library_s_rules(gpt2: CausalLM, options: dict[str, float]):
    rules, rng = LogitsProcessorList(), child_rng(zoo.rng(5), "cpu")
    if "temperature" in options:
        rules.append(TemperatureLogitsWarper(options["temperature"]))
    if "top_k" in options:
        rules.append(TopKLogitsWarper(int(options["top_k"])))
    if "top_p" in options:
        rules.append(TopPLogitsWarper(options["top_p"]))
    ids = torch.full((4, 1), START)
    for _ in range(8):
        with torch.no_grad():
            scores = rules(ids, gpt2.network(ids).logits[:, -1])
        ids = torch.cat([ids, torch.multinomial(scores.softmax(-1), 1, generator=rng)], 1)
    found = gpt2.sample(4, lengths=8, rng=zoo.rng(5), **options)
    assert torch.equal(torch.stack(list(found)), ids[:, 1:])


def test_samples_end_at_a_stop_code_which_is_kept(gpt2: CausalLM):
    ended = CausalLM(gpt2.config.model_copy(update={"stops": tuple(range(0, LEVELS, 3))}))
    ended.load_state_dict(gpt2.state_dict())
    free = gpt2.sample(50, lengths=12, rng=zoo.rng(0))
    rows = ended.eval().sample(50, max_new_tokens=12, rng=zoo.rng(0))
    for row, whole in zip(rows, free, strict=True):
        stops = (whole % 3 == 0).nonzero()[:1].flatten()
        assert torch.equal(row, whole[: int(stops) + 1] if len(stops) else whole)
    assert len(set(rows.lengths.tolist())) > 3


def test_with_lengths_a_stop_code_is_a_code_like_any(gpt2: CausalLM):
    ended = CausalLM(gpt2.config.model_copy(update={"stops": tuple(range(LEVELS))})).eval()
    lengths = [0, 3, WINDOW, 5]
    prompt = zoo.Observed([torch.tensor(codes) for codes in ([], [4, 5], [6], [7, 8, 9, 4, 5])])
    rows = ended.sample(4, observed=prompt, lengths=lengths, rng=zoo.rng(0))
    assert rows.lengths.tolist() == lengths
    assert rows[1][:2].tolist() == [4, 5] and rows[3].tolist() == [7, 8, 9, 4, 5]


def test_observed_steps_without_a_value_are_drawn_before_a_sample_ends(gpt2: CausalLM):
    ended = CausalLM(gpt2.config.model_copy(update={"stops": tuple(range(LEVELS))})).eval()
    observed = zoo.Observed([torch.tensor([4, -1, -1]), torch.tensor([4])])
    rows = ended.sample(2, observed=observed, rng=zoo.rng(0))
    assert rows.lengths.tolist() == [3, 2]
    with pytest.raises(UnsupportedError, match="its beginning"):
        gpt2.sample(1, observed=zoo.Observed([[-1, 4]]))


def test_codes_after_a_prompt_come_as_often_as_the_density_says(gpt2: CausalLM):
    n, prompt = 4000, torch.tensor([5, 6, 7])
    drawn = gpt2.sample(n, observed=zoo.Observed([prompt]), lengths=4, rng=zoo.rng(0))
    chances = gpt2.next_log_prob(zoo.Ragged.of([prompt]))[0][0].exp().detach()
    counts = torch.stack(list(drawn))[:, 3].bincount(minlength=LEVELS)
    spread = (chances * (1 - chances) / n).sqrt()
    assert bool(((counts / n - chances).abs() < 5 * spread + 1 / n).all())


def test_a_row_ends_at_the_window(gpt2: CausalLM):
    prompts = [*sequences(WINDOW - 1), *sequences(3)]
    rows = gpt2.sample(2, observed=zoo.Observed(prompts), temperature=0, max_new_tokens=99)
    assert max(rows.lengths.tolist()) <= WINDOW and rows.lengths[0] == WINDOW
    with pytest.raises(DataError, match=r"window, 32.*32 of a prompt"):
        gpt2.sample(1, observed=zoo.Observed(sequences(WINDOW)))
    with pytest.raises(DataError, match="window, 32"):
        gpt2.sample(1, lengths=WINDOW + 1)
    with pytest.raises(DataError, match="at least as long as what is observed"):
        gpt2.sample(1, observed=zoo.Observed([[4, -1, -1]]), max_new_tokens=1)


def test_many_rows_are_drawn_in_bounded_batches(gpt2: CausalLM, monkeypatch: pytest.MonkeyPatch):
    sizes = []
    forward = gpt2.network.forward

    def seen(*arguments: Any, **options: Any) -> Any:
        sizes.append(len(options["input_ids"]))
        return forward(*arguments, **options)

    monkeypatch.setattr(gpt2.network, "forward", seen)
    monkeypatch.setattr(type(gpt2.network), "forward", type(gpt2.network).forward)
    rows = gpt2.sample(150, lengths=2, rng=zoo.rng(0))
    assert len(rows) == 150 and sizes == [64, 64, 64, 64, 22, 22]


def test_wrong_options_are_refused(gpt2: CausalLM):
    for options in ({"temperature": -1.0}, {"top_p": 0.0}, {"top_k": 0}, {"max_new_tokens": 0}):
        with pytest.raises(OptionError):
            gpt2.sample(1, **options)


@torch.no_grad()
def test_next_codes_are_the_library_s_bit_for_bit(model: CausalLM):
    row = sequences(6)[0]
    expected = model.network(behind_start(row)).logits[:, -1].log_softmax(-1)
    torch.testing.assert_close(
        model.next_log_prob(zoo.Ragged.of([row]))[0], expected, rtol=2e-6, atol=2e-6
    )


@torch.no_grad()
def test_prefixes_of_unequal_lengths_go_on_by_unequal_steps(model: CausalLM):
    seen = sequences(*PROMPTS)
    _, cache = model.next_log_prob(zoo.Ragged.of(seen))
    for gains in ((3, 2, 3, 2, 1), (1, 1, 1, 1, 1), (1, 4, 1, 2, 2), (1, 1, 1, 1, 1)):
        steps = sequences(*gains, seed=sum(gains))
        cached, cache = model.next_log_prob(zoo.Ragged.of(steps), cache=cache)
        seen = [torch.cat(pair) for pair in zip(seen, steps, strict=True)]
        whole = torch.cat([model.next_log_prob(zoo.Ragged.of([row]))[0] for row in seen])
        torch.testing.assert_close(cached, whole, rtol=1e-5, atol=1e-5)


def test_gradients_flow_through_a_cache(gpt2: CausalLM):
    first, second = sequences(4, 3)
    weight = gpt2.network.transformer.wte.weight
    _, cache = gpt2.next_log_prob(zoo.Ragged.of([first, first[:2]]))
    cached, _ = gpt2.next_log_prob(zoo.Ragged.of([second, second[:1]]), cache=cache)
    whole = [torch.cat([first, second]), torch.cat([first[:2], second[:1]])]
    plain, _ = gpt2.next_log_prob(zoo.Ragged.of(whole))
    found, expected = (torch.autograd.grad(x[:, 5].sum(), weight)[0] for x in (cached, plain))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_a_tiny_model_learns_a_text():
    from models.native import byte_tokenizer

    tokenizer = byte_tokenizer(270)
    fields = {"vocab_size": len(tokenizer), "n_embd": 32, "n_layer": 1}
    fields |= dict.fromkeys(("attn_pdrop", "embd_pdrop", "resid_pdrop"), 0.0)
    end = tokenizer.eos_token_id
    network = causal_network("gpt2", **fields, bos_token_id=end, eos_token_id=end)
    model = CausalLM.around(network, tokenizer)
    texts = ["the cat sat on the mat"] * 8 + ["the dog sat on the rug"] * 8
    before = float(model.eval().log_prob(texts).detach().mean())
    model.fit(texts, rng=zoo.rng(0), steps=60, batch_size=16, learning_rate=1e-2)
    after = float(model.eval().log_prob(texts).detach().mean())
    # Two texts differ in two words: two bits, but for how the words go together.
    assert before < -100 and after > -2.2 * math.log(2)
    made = model.sample(1, observed=zoo.Observed("the"), lengths=12, temperature=0)
    (written,) = model.space.texts(made)
    assert len(written) > 9 and any(text.startswith(written) for text in texts)
