"""Modules from native configurations, and configurations from modules."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from torch import nn

import zoo_core as zoo
from zoo_core.checkpoints.meta import meta_parameters
from zoo_core.config import FrozenDict
from zoo_core.errors import ConfigError
from zoo_core.interfaces.randomness import seeded_initialisers
from zoo_plugin_transformers.network import built, configuration, described

NAMES = ["gpt2", "llama", "t5", "t5_encoder", "bert", "clip", "siglip"]


def native_of(folder: Path) -> FrozenDict:
    return FrozenDict(json.loads((folder / "config.json").read_text()))


def make(native: FrozenDict, seed: int = 0, architecture: str | None = None) -> Any:
    with seeded_initialisers(seed):
        return built(native, architecture)


def ties(module: nn.Module) -> list[set[str]]:
    """List the names of each parameter that has several."""
    names: dict[int, set[str]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), set()).add(name)
    return sorted((found for found in names.values() if len(found) > 1), key=min)


@pytest.mark.parametrize("name", NAMES)
def test_a_described_module_is_built_again(saved: Callable[[str], Path], name: str) -> None:
    module = make(native_of(saved(name)))
    text = json.dumps(described(module), allow_nan=False)
    again = make(FrozenDict(json.loads(text)))
    assert type(again) is type(module)
    assert not again.training
    assert described(again) == described(module)
    pairs = zip(module.state_dict().items(), again.state_dict().items(), strict=True)
    assert all(one == other and torch.equal(a, b) for (one, a), (other, b) in pairs)
    assert ties(again) == ties(module)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_what_the_library_makes(saved: Callable[[str], Path], name: str) -> None:
    native = native_of(saved(name))
    library = getattr(transformers, native["architectures"][0])
    with seeded_initialisers(3):
        wanted = library(library.config_class.from_pretrained(saved(name)))
    found = make(native, seed=3)
    assert found.state_dict().keys() == wanted.state_dict().keys()
    assert all(torch.equal(a, wanted.state_dict()[n]) for n, a in found.state_dict().items())


def test_nothing_of_files_and_versions_is_described(saved: Callable[[str], Path]) -> None:
    network = transformers.GPT2LMHeadModel.from_pretrained(saved("gpt2"), dtype=torch.bfloat16)
    text = json.dumps(described(network))
    for word in ("dtype", "transformers_version", str(saved("gpt2")), "_name_or_path"):
        assert word not in text
    parts = described(transformers.CLIPModel.from_pretrained(saved("clip")))
    assert "dtype" not in json.dumps(parts)


@pytest.mark.parametrize("name", NAMES)
def test_on_meta_parameters_take_no_memory_and_buffers_are_real(
    saved: Callable[[str], Path], name: str
) -> None:
    native = native_of(saved(name))
    with meta_parameters():
        module = make(native)
    assert all(parameter.is_meta for parameter in module.parameters())
    assert ties(module) == ties(make(native))
    wanted = dict(make(native).named_buffers())
    found = dict(module.named_buffers())
    assert found.keys() == wanted.keys()
    assert all(torch.equal(buffer, wanted[name]) for name, buffer in found.items())


def test_the_default_dtype_does_not_matter(saved: Callable[[str], Path]) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        module = make(native_of(saved("llama")))
    finally:
        torch.set_default_dtype(torch.float32)
    assert {p.dtype for p in module.parameters()} == {torch.float32}


def test_a_seed_gives_the_same_weights(saved: Callable[[str], Path]) -> None:
    native = native_of(saved("bert"))
    one, same, other = (make(native, seed) for seed in (1, 1, 2))
    name = "bert.embeddings.word_embeddings.weight"
    assert torch.equal(one.get_parameter(name), same.get_parameter(name))
    assert not torch.equal(one.get_parameter(name), other.get_parameter(name))


def test_auto_classes_choose_by_the_type(saved: Callable[[str], Path]) -> None:
    native = native_of(saved("gpt2"))
    assert type(make(native, architecture="AutoModelForCausalLM")).__name__ == "GPT2LMHeadModel"
    assert type(make(native, architecture="AutoModel")).__name__ == "GPT2Model"


@pytest.mark.parametrize("name", ["gpt2", "t5", "bert", "clip", "siglip"])
@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_the_zoo_saves_and_loads_it_to_the_bit(
    saved: Callable[[str], Path], tmp_path: Path, name: str, dtype: torch.dtype | None
) -> None:
    model = zoo.load(saved(name), dtype=dtype)
    zoo.save(model, tmp_path / "model")
    again = zoo.load(tmp_path / "model")
    assert again.config == model.config
    assert ties(again) == ties(model)
    wanted = dict(model.state_dict())
    assert again.state_dict().keys() == wanted.keys()
    assert all(torch.equal(tensor, wanted[n]) for n, tensor in again.state_dict().items())


@pytest.mark.parametrize(
    ("native", "told"),
    [
        ({"model_type": "no-such-type"}, "no-such-type"),
        ({"model_type": "gpt2", "n_layer": "two"}, "n_layer"),
        ({"model_type": "gpt2", "n_embd": 8, "n_head": 3}, "divisible"),
        ({"model_type": "gpt2", "vocab_size": -4}, "negative dimension"),
        ({"model_type": "gpt2", "architectures": ["BertModel"]}, "model type gpt2"),
        ({"model_type": "gpt2", "architectures": ["Trainer"]}, "Trainer"),
        ({"model_type": "gpt2", "architectures": ["os.system"]}, "os.system"),
        ({"model_type": "gpt2", "architectures": []}, "architectures"),
        ({"model_type": "gpt2", "auto_map": {"AutoModel": "x.Y"}}, "auto_map"),
        ({"model_type": "gpt2", "attn_implementation": "owner/kernel"}, "owner/kernel"),
        ({"model_type": "clip", "text_config": {"auto_map": {"A": "x"}}}, "auto_map"),
        ({"model_type": "gpt2", "transformers_weights": "x.safetensors"}, "transformers_weights"),
        ({"model_type": "gpt2", "quantization_config": {"bits": 4}}, "quantization_config"),
        ({}, "None"),
    ],
)
def test_a_wrong_configuration_is_refused(native: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told.replace(".", r"\.")):
        built(FrozenDict({"architectures": ["GPT2LMHeadModel"], **native}))


def test_infinite_numbers_stay_what_they_are() -> None:
    native = {"model_type": "gpt2", "layer_norm_epsilon": {"__float__": "Infinity"}}
    assert configuration(FrozenDict(native)).layer_norm_epsilon == float("inf")
