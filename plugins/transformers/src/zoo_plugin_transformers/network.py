"""Transformers' modules from their native configuration, and that configuration from a module."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from zoo_core.config import thaw
from zoo_core.errors import ConfigError
from zoo_plugin_transformers.foreign import foreign_field

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

_NOT_OF_THE_NETWORK = (
    *("dtype", "torch_dtype", "transformers_version", "_name_or_path", "name_or_path"),
    *("_commit_hash", "auto_map", "quantization_config"),
    # How products are computed is the library's choice for the device, not the model's.
    *("attn_implementation", "_attn_implementation", "_attn_implementation_autoset"),
    *("experts_implementation", "_experts_implementation"),
)


def built(native: Mapping[str, Any], architecture: str | None = None) -> PreTrainedModel:
    """Build a module from its native configuration, in float32 on the CPU, ready to use.

    `native` is what config.json holds; `architecture` is a class of transformers such as
    "GPT2LMHeadModel" or "AutoModelForCausalLM", the first of the configuration's `architectures`
    by default. Initial weights are drawn from torch's global generator. Raises ConfigError for
    what transformers doesn't know or refuses.
    """
    config = configuration(native)
    network = _class_for(architecture or first_architecture(native), config)
    try:
        return network._from_config(config, dtype=torch.float32).eval()
    except Exception as error:  # a wrong configuration breaks anything in there
        raise ConfigError(
            f"{network.__name__} can be built from its configuration", received=_told(error)
        ) from error


def configuration(native: Mapping[str, Any]) -> PreTrainedConfig:
    """Give transformers' own object for a native configuration.

    Raises ConfigError for an unknown model type, for wrong fields, and for fields that would
    bring code or weights from elsewhere.
    """
    from transformers import CONFIG_MAPPING, PreTrainedConfig

    fields = PreTrainedConfig._decode_special_floats(thaw(native))
    _refuse_foreign(fields)
    model_type = fields.pop("model_type", None)
    if model_type not in CONFIG_MAPPING:
        raise ConfigError(
            "A native configuration names a model type that the installed transformers has",
            received=f"model_type {model_type!r}",
            remedy="A newer transformers may have it. Code that comes with a model is never run.",
        )
    try:
        return CONFIG_MAPPING[model_type](**_of_the_network(fields))
    except Exception as error:  # transformers has many errors for a wrong field
        raise ConfigError(
            f"The configuration is one of transformers' {model_type}", received=_told(error)
        ) from error


def described(module: PreTrainedModel) -> dict[str, Any]:
    """Give a module's native configuration as JSON, by which `built` makes its like.

    It names the module's class first in `architectures`. What is not of the network is left out:
    dtype, where it was loaded from, and by which version of transformers.
    """
    fields = _of_the_network(json.loads(module.config.to_json_string()))
    return {**fields, "architectures": [type(module).__name__]}


def own_class(name: str) -> type[PreTrainedModel]:
    """Find a class of models of transformers' own by its name. Raises ConfigError."""
    import transformers
    from transformers import PreTrainedModel

    found = getattr(transformers, name, None)
    if not (isinstance(found, type) and issubclass(found, PreTrainedModel)):
        raise _no_class(name)
    return found


def _class_for(name: str, config: PreTrainedConfig) -> type[PreTrainedModel]:
    """Find the class to build; an Auto class's by the configuration, which must be the class's."""
    import transformers
    from transformers.models.auto.auto_factory import _BaseAutoModelClass

    auto: Any = getattr(transformers, name, None)
    if isinstance(auto, type) and issubclass(auto, _BaseAutoModelClass):
        found: Any = auto._model_mapping.get(type(config), None)  # pyright: ignore
        found = found[0] if isinstance(found, tuple) else found
        if found is None:
            raise _no_class(f"{name} for a {config.model_type}")
        return found
    found = own_class(name)
    if found.config_class is None or not isinstance(config, found.config_class):
        raise ConfigError(
            f"{name} is built from a configuration of its own",
            received=f"one of model type {config.model_type}",
        )
    return found


def _no_class(name: str) -> ConfigError:
    return ConfigError(
        "A class of models is one of transformers' own",
        received=f"{name}, which the installed transformers doesn't have",
        remedy="A newer transformers may have it. Code that comes with a model is never run.",
    )


def first_architecture(native: Mapping[str, Any]) -> str:
    """Give the class that a native configuration names first. Raises ConfigError for none."""
    named = native.get("architectures")
    if not isinstance(named, list | tuple) or not named or not isinstance(named[0], str):
        raise ConfigError(
            "A native configuration names its class in `architectures`", received=repr(named)
        )
    return named[0]


def _refuse_foreign(fields: Mapping[str, Any]) -> None:
    found = foreign_field(fields)
    if found is not None or fields.get("quantization_config"):
        raise ConfigError(
            "A native configuration brings neither code nor weights of another kind",
            received=found or "a quantization_config",
            remedy="Code that comes with a model is never run.",
        )


def _of_the_network(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out, however deep, what says nothing about the network."""
    kept = {name: value for name, value in fields.items() if name not in _NOT_OF_THE_NETWORK}
    return {n: _of_the_network(v) if isinstance(v, dict) else v for n, v in kept.items()}


def _told(error: Exception) -> str:
    """Give an error of another library on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
