"""Components from native configurations, and native configurations from components."""

from __future__ import annotations

import json
from typing import Any

import diffusers
import pytest
import torch
import transformers
from torch import nn

from models import native_pipelines
from zoo_core.checkpoints.meta import meta_parameters
from zoo_core.config import FrozenDict
from zoo_core.errors import ConfigError, UnsafeFileError, UnsupportedError
from zoo_core.interfaces.randomness import seeded_initialisers
from zoo_plugin_diffusers.component import build_component, described


def _text_encoder() -> Any:
    sizes = {"hidden_size": 16, "intermediate_size": 24, "num_attention_heads": 2}
    ends = {"bos_token_id": 1, "eos_token_id": 2}
    config = transformers.CLIPTextConfig(vocab_size=40, num_hidden_layers=1, **sizes, **ends)
    return transformers.CLIPTextModel(config)


def _built(native: Any, seed: int = 0) -> Any:
    with seeded_initialisers(seed):
        return build_component(native)


@pytest.mark.parametrize(
    "make", [native_pipelines.unet, native_pipelines.autoencoder, _text_encoder]
)
def test_a_module_is_described_and_built_again(make: Any) -> None:
    module = make()
    native = described(module)
    assert json.loads(json.dumps(native)) == native
    again = _built(FrozenDict(native))
    assert type(again) is type(module)
    assert described(again) == native
    with torch.no_grad():
        again.load_state_dict(module.state_dict())
    assert _figures(again.eval()) == _figures(module.eval())


def test_initial_weights_follow_from_the_seed() -> None:
    native = described(native_pipelines.unet())
    one, same, other = (_built(native, seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)
    assert {tensor.dtype for tensor in one.values()} == {torch.float32}


@pytest.mark.parametrize("make", [native_pipelines.unet, _text_encoder])
def test_without_weights_a_module_takes_no_memory(make: Any) -> None:
    module = make()
    with meta_parameters():
        empty: nn.Module = build_component(described(module))
    assert all(parameter.is_meta for parameter in empty.parameters())
    buffers = dict(module.named_buffers())
    for name, buffer in empty.named_buffers():
        assert torch.equal(buffer, buffers[name])


def test_what_tells_of_files_and_versions_is_left_out() -> None:
    module = _text_encoder()
    module.config._name_or_path = "/somewhere/else"
    native = described(module)
    assert not {"_name_or_path", "transformers_version", "dtype", "architectures"} & native.keys()
    assert (
        not {"_diffusers_version", "_use_default_values"}
        & described(diffusers.DDPMScheduler()).keys()
    )


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("DDPMScheduler", {"trained_betas": [0.1, 0.2, 0.3], "num_train_timesteps": 3}),
        ("EulerDiscreteScheduler", {"use_karras_sigmas": True}),
        ("FlowMatchEulerDiscreteScheduler", {"shift": 3.0}),
    ],
)
def test_a_scheduler_is_described_and_built_again(name: str, fields: dict[str, Any]) -> None:
    scheduler = getattr(diffusers, name)(**fields)
    again = build_component(FrozenDict(described(scheduler)))
    scheduler.set_timesteps(3)
    again.set_timesteps(3)
    assert torch.equal(scheduler.timesteps, again.timesteps)
    assert described(again) == described(scheduler)


def test_a_tokenizer_is_described_and_built_again() -> None:
    words = {"a</w>": 0, "b": 1, "c</w>": 2, "<|startoftext|>": 3, "<|endoftext|>": 4}
    tokenizer = transformers.CLIPTokenizer(vocab=words, merges=[], model_max_length=7)
    native = described(tokenizer)
    again = build_component(FrozenDict(native))
    assert again("a bc").input_ids == tokenizer("a bc").input_ids
    assert again.model_max_length == 7
    assert described(again) == native


@pytest.mark.parametrize(
    "name",
    ["Evil", "DDPMPipeline", "os", "_LazyModule", ["repository", "Evil"], None, "torch.nn.Linear"],
)
def test_only_classes_of_the_two_libraries_are_found(name: Any) -> None:
    with pytest.raises(UnsupportedError, match="of diffusers or transformers"):
        build_component({"_class_name": name})


def test_a_module_of_another_library_is_not_described() -> None:
    with pytest.raises(UnsupportedError, match="diffusers"):
        described(nn.Linear(2, 2))


def test_wrong_fields_are_told() -> None:
    with pytest.raises(ConfigError, match="block_out_channels"):
        build_component({"_class_name": "UNet2DModel", "block_out_channels": [8]})


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"auto_map": {"AutoModel": "evil.Evil"}}, UnsafeFileError),
        ({"deep": [{"_attn_implementation": "evil/kernel"}]}, UnsafeFileError),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, UnsupportedError),
    ],
)
def test_configurations_that_name_code_or_quantised_weights_are_refused(
    fields: dict[str, Any], error: type[Exception]
) -> None:
    native = described(native_pipelines.unet())
    with pytest.raises(error):
        build_component({**native, **fields})


def _figures(module: Any) -> list[float]:
    """Run a module on the same input."""
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        if isinstance(module, transformers.PreTrainedModel):
            return module(torch.arange(6)[None]).last_hidden_state.flatten().tolist()
        x = torch.randn(2, 3, 8, 8, generator=rng)
        out = module(x) if isinstance(module, diffusers.AutoencoderKL) else module(x, 7)
        return out.sample.flatten().tolist()
