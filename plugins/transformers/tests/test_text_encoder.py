"""Texts as conditions, against the library's own encoders on the same texts, bit for bit."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo_core as zoo
from models import native
from zoo_core.errors import ConditionError, ConfigError
from zoo_plugin_transformers.frame import Frame
from zoo_plugin_transformers.text_encoder import TextEncoder
from zoo_plugin_transformers.text_tokenizer import TextTokenizer, TokenizerConfig

Saved = Callable[[str], Path]
TEXTS = ["the quick brown dog", "A cat.", "", "how likely they are, behind the same interfaces"]
SIZES: dict[str, Any] = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
MARKS: dict[str, Any] = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 1}


def _small(name: str, **fields: Any) -> Any:
    """Make a network of a class and its configuration, with weights that tell inputs apart."""
    import transformers

    network = getattr(transformers, name)
    fields = {"vocab_size": 40, **SIZES, "intermediate_size": 16, **MARKS, **fields}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = network(network.config_class(**fields)).eval()
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return module


@functools.cache
def _bert() -> Any:
    tokenizer = native.word_tokenizer()
    module = _small(
        "BertModel", vocab_size=len(tokenizer), max_position_embeddings=native.LENGTH,
        pad_token_id=0,
    )  # fmt: skip
    return TextEncoder.around(module, tokenizer)


def _tokenizer(model: Any) -> Any:
    return model.config.tokenizer.built()


@pytest.mark.parametrize(
    "make",
    [
        native.byte_tokenizer,
        native.word_tokenizer,
        native.unigram_tokenizer,
        native.clip_tokenizer,
    ],
)
def test_a_frame_is_what_the_tokenizer_itself_puts_around(make: Callable[[], Any]) -> None:
    held = TokenizerConfig.of(make())
    frame = Frame.of(_small("BertModel"), held.built())
    codes = TextTokenizer(held).encode(TEXTS)
    framed = [[*frame.front, *row, *frame.behind] for row in codes]
    assert framed == held.built()(TEXTS)["input_ids"]
    tokens, mask = frame.around(zoo.Ragged.of([torch.tensor(row).long() for row in codes]))
    assert [row[real].tolist() for row, real in zip(tokens, mask, strict=True)] == framed
    assert bool((tokens[~mask] == frame.pad).all())


def test_a_whole_t5_is_its_encoder_alone(saved: Saved) -> None:
    from transformers import AutoTokenizer, T5ForConditionalGeneration

    folder = saved("t5")
    whole, tokenizer = T5ForConditionalGeneration.from_pretrained(folder), AutoTokenizer
    inputs = tokenizer.from_pretrained(folder)(TEXTS, padding=True, return_tensors="pt")
    model: Any = zoo.load(str(folder))
    context = model.context(TEXTS)
    assert torch.equal(context.sequence, whole.encoder(**inputs).last_hidden_state)
    assert torch.equal(context.mask, inputs["attention_mask"].bool())
    assert context.vector is None
    assert not any("decoder" in name for name in model.state_dict())


def test_bert_gives_a_sequence_and_a_pooled_vector() -> None:
    model = _bert()
    network: Any = model.network
    output = network(**_tokenizer(model)(TEXTS, padding=True, return_tensors="pt"))
    context = model.context(TEXTS)
    assert torch.equal(context.sequence, output.last_hidden_state)
    assert torch.equal(context.vector, output.pooler_output)


@pytest.mark.parametrize("name", ["CLIPTextModel", "CLIPTextModelWithProjection"])
def test_clip_reads_texts_filled_up_to_its_length(name: str) -> None:
    tokenizer = native.clip_tokenizer()
    marks = {key: getattr(tokenizer, key) for key in MARKS}
    module = _small(
        name,
        vocab_size=len(tokenizer),
        max_position_embeddings=native.LENGTH,
        projection_dim=6,
        **marks,
    )
    length = {"padding": "max_length", "max_length": native.LENGTH}
    output = module(**tokenizer(TEXTS, return_tensors="pt", **length))
    context: Any = TextEncoder.around(module, tokenizer).context(TEXTS)
    assert torch.equal(context.sequence, output.last_hidden_state)
    vector = output.pooler_output if name == "CLIPTextModel" else output.text_embeds
    assert torch.equal(context.vector, vector)
    assert context.mask.sum(1).tolist() == [len(row) for row in tokenizer(TEXTS)["input_ids"]]


def test_siglip_reads_its_padding_too() -> None:
    tokenizer = native.unigram_tokenizer()
    module = _small(
        "SiglipTextModel", vocab_size=len(tokenizer), max_position_embeddings=native.LENGTH,
        projection_size=6, pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    inputs = tokenizer(TEXTS, return_tensors="pt", padding="max_length", max_length=native.LENGTH)
    output = module(input_ids=inputs["input_ids"])
    context: Any = TextEncoder.around(module, tokenizer).context(TEXTS)
    assert torch.equal(context.sequence, output.last_hidden_state)
    assert torch.equal(context.vector, output.pooler_output)


def test_positions_behind_the_padding_token_leave_less_room() -> None:
    module = _small("RobertaModel", max_position_embeddings=12)
    model = TextEncoder.around(module)
    assert model.config.frame.longest == 10
    codes = torch.arange(3, 13)
    context: Any = model.context(codes)
    assert torch.equal(context.sequence, module(codes[None]).last_hidden_state)
    with pytest.raises(ConditionError, match="at most 10"):
        model.prepare(torch.arange(3, 14))


def test_every_form_of_a_condition_is_the_same() -> None:
    model = _bert()
    codes = model.space.sequences(["the dog", "the cat"])
    rows = list(codes)
    alike = [
        ["the dog", "the cat"],
        codes,
        rows,
        torch.stack(rows),
        [row.tolist() for row in rows],
    ]
    wanted = model.prepare(alike[0])
    for raw in alike[1:]:
        assert torch.equal(model.prepare(raw)["tokens"], wanted["tokens"])
    for raw in ("the dog", rows[0], rows[0].tolist()):
        assert torch.equal(model.prepare(raw)["tokens"], wanted["tokens"][:1])
    assert model.context("the dog", 3).vector.shape == (3, 8)


def test_the_mask_token_in_a_text_is_that_token() -> None:
    model, text = _bert(), "the [MASK] dog"
    assert model.prepare(text)["tokens"][0].tolist() == _tokenizer(model)(text)["input_ids"]


def test_null_is_the_empty_text() -> None:
    model = _bert()
    assert torch.equal(model.null.sequence, model.context("").sequence)
    assert model.null.mask.sum() == 2
    bare = TextEncoder.around(_small("BertModel"))
    with pytest.raises(ConditionError, match="at least one token"):
        _ = bare.null


def test_contexts_do_not_depend_on_the_texts_beside() -> None:
    model = _bert()
    alone = torch.cat([model.context(text).vector for text in TEXTS])
    assert torch.allclose(model.context(TEXTS).vector, alone, atol=1e-6)


def test_gradients_reach_the_network() -> None:
    model = _bert()
    weight = model.get_parameter("network.embeddings.word_embeddings.weight")
    (gradient,) = torch.autograd.grad(model.context("the dog").vector.sum(), weight)
    read = model.prepare("the dog")["tokens"][0].unique()
    assert gradient.abs().sum(1).nonzero()[:, 0].tolist() == read.tolist()


def test_wrong_conditions_and_networks_are_refused() -> None:
    model = _bert()
    for wrong, reason in [
        ("the dog " * 40, "at most 30"),
        ([3, 4, 99], "between 0 and"),
        (torch.tensor(0.5), "Ragged"),
        (["the dog", 3], "strings"),
    ]:
        with pytest.raises(ConditionError, match=reason):
            model.prepare(wrong)
    with pytest.raises(ConditionError, match="without a tokenizer"):
        TextEncoder.around(_small("BertModel")).prepare("the dog")
    with pytest.raises(ConfigError, match="decoder"):
        TextEncoder.around(_small("BertModel", is_decoder=True))
    with pytest.raises(ConfigError, match="decoder"):
        TextEncoder.around(_small("T5Model", d_model=8, d_kv=4, num_heads=2, d_ff=8))


def test_it_is_a_part_that_is_saved_with_its_parent(tmp_path: Path) -> None:
    model = _bert()
    zoo.save(model, tmp_path / "encoder")
    loaded: Any = zoo.load(str(tmp_path / "encoder"))
    assert torch.equal(loaded.context(TEXTS).vector, model.context(TEXTS).vector)


def test_a_wrapped_module_is_handed_the_whole_context_of_a_text(saved: Saved) -> None:
    t5 = zoo.load(str(saved("t5"))).requires_grad_(False)

    class Told(torch.nn.Module):
        """A normal distribution around the mean of a text's tokens."""

        def __init__(self) -> None:
            super().__init__()
            self.mean = torch.nn.Linear(t5.context_shape.as_vector, 2)

        def log_prob(self, x: torch.Tensor, context: zoo.Context) -> torch.Tensor:
            mean = self.mean(context.as_vector())
            return torch.distributions.Normal(mean, 1.0).log_prob(x).sum(1)

    model = zoo.wrap(Told(), space=zoo.Space.real(2), log_prob="log_prob", conditioner=t5)
    assert model.config.conditioner is not None and model.config.conditioner.frozen
    hidden = t5.network(**_tokenizer(t5)(["a cat"], return_tensors="pt")).last_hidden_state
    mean = model.module.get_submodule("mean")(hidden.mean(1))
    expected = torch.distributions.Normal(mean, 1.0)
    found = model.log_prob(torch.zeros(1, 2), condition="a cat")
    assert torch.allclose(found, expected.log_prob(torch.zeros(1, 2)).sum(1))


def test_a_fit_moves_a_live_encoder_that_is_not_frozen(saved: Saved) -> None:
    texts, points = ["a cat", "a dog"] * 8, torch.zeros(16, 2)
    for frozen in (True, False):
        t5 = zoo.load(str(saved("t5"))).requires_grad_(not frozen)
        before = t5.context("a cat").as_vector().detach()
        flow = zoo.create("flows/nsf", space=zoo.Space.real(2), transforms=1, conditioner=t5)
        flow.fit(points, condition=texts, steps=2, batch_size=8, rng=zoo.rng(0), progress="none")
        assert flow.conditioner is t5 and flow.config.conditioner.frozen is frozen
        assert torch.equal(t5.context("a cat").as_vector(), before) is frozen
