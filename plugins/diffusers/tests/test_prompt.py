"""Prompts, held against what the pipelines themselves encode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from models.prompted_pipelines import LENGTH
from zoo_core.errors import ConditionError, ConfigError, UnsupportedError
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.context import Context
from zoo_plugin_diffusers.prompt import Prompt
from zoo_plugin_diffusers.prompt_tokenizer import PromptTokenizer
from zoo_plugin_diffusers.text_to_image_bridge import bridged_text_to_image

Pipelines = Callable[[str], Any]
FAMILIES = ["stable_diffusion", "stable_diffusion_xl", "stable_diffusion_3", "flux"]
TEXTS = ["a cat", "", "a very long story of many cats"]


def _prompt(pipeline: Any) -> Prompt:
    model: Any = bridged_text_to_image(
        type(pipeline).__name__, pipeline.components, pipeline.config
    )
    return model.conditioner


def _encoded(pipeline: Any, texts: list[str]) -> tuple[Tensor, Tensor | None]:
    """Let a pipeline encode texts: its embeddings, and the pooled ones where it has any."""
    match type(pipeline).__name__:
        case "StableDiffusionPipeline":
            return pipeline.encode_prompt(texts, "cpu", 1, False)[0], None
        case "StableDiffusionXLPipeline":
            made = pipeline.encode_prompt(texts, do_classifier_free_guidance=False)
            return made[0], made[2]
        case "StableDiffusion3Pipeline":
            made = pipeline.encode_prompt(texts, None, None, do_classifier_free_guidance=False)
            return made[0], made[2]
        case _:
            return pipeline.encode_prompt(texts)[:2]


def _same(context: Context, sequence: Tensor, pooled: Tensor | None) -> bool:
    seen: Any = context.vector
    pooled_too = seen is None if pooled is None else torch.equal(seen, pooled)
    return pooled_too and torch.equal(context.as_sequence()[0], sequence)


@torch.no_grad()
@pytest.mark.parametrize("name", [*FAMILIES, "stable_diffusion_3_without_t5"])
def test_texts_are_encoded_as_by_the_pipeline(pipelines: Pipelines, name: str) -> None:
    pipeline = pipelines(name)
    prompt = _prompt(pipeline)
    assert _same(prompt.context(TEXTS), *_encoded(pipeline, TEXTS))
    assert _same(prompt.context("a cat"), *_encoded(pipeline, ["a cat"]))


@torch.no_grad()
def test_null_is_what_pipelines_lead_away_from(pipelines: Pipelines) -> None:
    plain, xl = pipelines("stable_diffusion"), pipelines("stable_diffusion_xl")
    assert _same(_prompt(plain).null, plain.encode_prompt("a cat", "cpu", 1, True)[1], None)
    _, negative, _, pooled = xl.encode_prompt("a cat", do_classifier_free_guidance=True)
    assert not negative.any()
    assert _same(_prompt(xl).null, negative, pooled)
    settings = {"force_zeros_for_empty_prompt": False}
    model: Any = bridged_text_to_image(type(xl).__name__, xl.components, settings)
    assert _same(model.conditioner.null, *_encoded(xl, [""]))


def test_codes_mean_their_text(pipelines: Pipelines) -> None:
    prompt = _prompt(pipelines("flux"))
    codes = prompt.space.sequences(["a cat", "dog"])
    told = prompt.prepare(["a cat", "dog"])
    for other in (codes, [row.tolist() for row in codes]):
        again = prompt.prepare(other)
        assert all(torch.equal(again[name], tensor) for name, tensor in told.tensors.items())
    assert torch.equal(prompt.prepare(codes[0])["text_encoder_2"], told["text_encoder_2"][:1])
    assert prompt.space.texts(codes) == ["a cat", "dog"]


def test_a_prompt_is_begun_cut_ended_and_padded(pipelines: Pipelines) -> None:
    pipeline = pipelines("stable_diffusion")
    told = _prompt(pipeline).prepare(TEXTS)["text_encoder"]
    wanted = pipeline.tokenizer(
        TEXTS, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
    )
    assert torch.equal(told, wanted.input_ids)


def test_the_mask_ends_with_the_prompt(pipelines: Pipelines) -> None:
    pipeline = pipelines("stable_diffusion")
    tokenizer = PromptTokenizer(_prompt(pipeline).config.components["tokenizer"])
    codes = tokenizer.framed(tokenizer.encode(TEXTS), LENGTH)
    wanted = pipeline.tokenizer(
        TEXTS, padding="max_length", truncation=True, max_length=LENGTH, return_tensors="pt"
    )
    assert torch.equal(tokenizer.mask(codes), wanted.attention_mask)


def test_configuration_and_tensors_are_the_whole_prompt(pipelines: Pipelines) -> None:
    prompt = _prompt(pipelines("stable_diffusion_3"))
    twin = Prompt(Prompt.Config.parse(prompt.config.to_json()))
    twin.load_state_dict(prompt.state_dict())
    twin.eval()
    with torch.no_grad():
        seen, wanted = twin.context(TEXTS), prompt.context(TEXTS)
    assert torch.equal(seen.as_sequence()[0], wanted.as_sequence()[0])
    assert torch.equal(seen.as_vector(), wanted.as_vector())


@pytest.mark.parametrize(
    "wrong", [3, ["a cat", 3], [[0, 99]], [[-1]], torch.tensor([[1.5]]), [["a"]]]
)
def test_what_is_no_text_is_refused(pipelines: Pipelines, wrong: Any) -> None:
    with pytest.raises(ConditionError):
        _prompt(pipelines("stable_diffusion")).prepare(wrong)


def test_gradients_reach_the_text_encoder(pipelines: Pipelines) -> None:
    prompt = Prompt(_prompt(pipelines("stable_diffusion")).config)
    codes: Codes = prompt.prepare("a cat")
    prompt.encode(codes).as_sequence()[0].square().sum().backward()
    assert any(p.grad is not None and bool(p.grad.any()) for p in prompt.parameters())


def test_a_configuration_that_is_none_is_refused(pipelines: Pipelines) -> None:
    config = _prompt(pipelines("stable_diffusion")).config.to_json()
    for wrong in (
        {"encoding": "flux"},
        {"lengths": [8, 8]},
        {"width": 8},
        {"components": {"text_encoder": config["components"]["text_encoder"]}},
    ):
        with pytest.raises(ConfigError):
            zoo.create("diffusers/prompt", **{**config, **wrong})


def test_a_tokenizer_that_pads_at_the_start_is_refused(pipelines: Pipelines) -> None:
    native = _prompt(pipelines("stable_diffusion")).config.to_json()["components"]["tokenizer"]
    native["settings"]["padding_side"] = "left"
    with pytest.raises(UnsupportedError, match="pads prompts at their end"):
        PromptTokenizer(native)
