"""Components of pipelines: modules, schedulers and tokenizers, built from native configurations.

A native configuration is the mapping of a `config.json` or `scheduler_config.json`, its class
under `_class_name`. A tokenizer's has its two files: `tokenizer` as text, `settings` as mapping.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.config import FrozenDict, thaw
from zoo_core.errors import ConfigError, UnsafeFileError, UnsupportedError

if TYPE_CHECKING:
    from torch import nn

CLASS = "_class_name"

_PASSING = frozenset(
    {
        *("_diffusers_version", "transformers_version", "_name_or_path", "name_or_path"),
        *("_use_default_values", "_ignore_files", "_pre_quantization_dtype"),
        *("dtype", "torch_dtype", "architectures", "_commit_hash"),
        *("backend", "is_local", "local_files_only"),
    }
)
"""Fields that tell of a file and its writing, not of what is built."""

_ELSEWHERE = frozenset(
    {"auto_map", "custom_pipelines", "_attn_implementation", "attn_implementation"}
    | {"_attn_implementation_internal", "experts_implementation", "_experts_implementation"}
)
"""Fields by which a configuration can name code of a repository."""


def build_component(configuration: Mapping[str, Any]) -> Any:
    """Build what a native configuration describes: a module, a scheduler or a tokenizer.

    Weights are drawn from torch's global generator, which a model of the zoo seeds, and are
    float32. Raises UnsupportedError for a class of neither diffusers nor transformers, and
    ConfigError for a configuration that its class doesn't take.
    """
    fields = thaw(configuration)
    name = fields.pop(CLASS, None)
    found = component_class(name)
    refuse_code(fields)
    try:
        return _built(found, fields)
    except Exception as error:  # the libraries raise whatever a wrong field leads to
        raise ConfigError(
            f"{name} is built from its native configuration",
            received=f"{type(error).__name__}: {error}",
        ) from error


def described(component: Any) -> dict[str, Any]:
    """Give the native configuration of a component: clean JSON data.

    What tells of files and versions is left out. Raises UnsupportedError for a component of
    another library, and for a tokenizer that isn't one of the library `tokenizers`.
    """
    name = type(component).__name__
    if component_class(name) is not type(component):
        raise UnsupportedError(
            "A component is of diffusers' or of transformers' own classes",
            received=f"{type(component).__module__}.{name}",
        )
    if _is_tokenizer(type(component)):
        return {CLASS: name, **_tokenizer_files(component)}
    if _is_of_transformers(type(component)):
        fields = json.loads(component.config.to_json_string(use_diff=False))
    else:
        fields = json.loads(component.to_json_string())
    return {CLASS: name, **{key: value for key, value in _kept(fields).items() if key != CLASS}}


def component_class(name: Any) -> type:
    """Find a class of diffusers or transformers by its name; nothing else is looked up.

    Raises UnsupportedError for a name that is no class of models, schedulers or fast tokenizers.
    """
    import diffusers
    import transformers

    if isinstance(name, str) and name.isidentifier() and not name.startswith("_"):
        for library in (diffusers, transformers):
            found = getattr(library, name, None)
            if isinstance(found, type) and _is_component(found):
                return found
    raise UnsupportedError(
        "A component is a model, a scheduler or a fast tokenizer of diffusers or transformers",
        received=f"{CLASS} {name!r}",
        remedy="Classes of a repository's own are never loaded: they would be its code.",
    )


def module(configuration: Mapping[str, Any]) -> nn.Module:
    """Build a component that has weights. Raises UnsupportedError for one that hasn't."""
    from torch import nn

    built = build_component(configuration)
    if not isinstance(built, nn.Module):
        raise UnsupportedError("A network is needed here", received=configuration.get(CLASS))
    return built


def is_module(configuration: Mapping[str, Any]) -> bool:
    """Say whether a native configuration describes something with weights."""
    from torch import nn

    return issubclass(component_class(configuration.get(CLASS)), nn.Module)


def refuse_code(fields: Any) -> None:
    """Refuse a configuration that names code, or quantised weights, however deep.

    Raises UnsafeFileError or UnsupportedError.
    """
    if isinstance(fields, Mapping):
        for key, value in fields.items():
            if key in _ELSEWHERE and value not in (None, "sdpa", "eager", {}):
                raise UnsafeFileError(
                    "A configuration names no code of its own, which is never run",
                    received=f"{key}: {value!r}"[:200],
                )
            if key == "quantization_config" and value is not None:
                raise UnsupportedError(
                    "Weights are floating point numbers",
                    received="quantised ones, with a quantization_config",
                    remedy="Load the repository that they were quantised from.",
                )
            refuse_code(value)
    elif isinstance(fields, list | tuple):
        for value in fields:
            refuse_code(value)


def _built(found: Any, fields: dict[str, Any]) -> Any:
    if _is_tokenizer(found):
        return _tokenizer(found, fields)
    fields = _kept(fields)
    if _is_of_transformers(found):
        import torch

        return found._from_config(found.config_class.from_dict(fields), dtype=torch.float32)
    return found.from_config(fields)


def _kept(fields: Any) -> Any:
    """Leave out what tells of files and their writing, at every depth."""
    if isinstance(fields, Mapping):
        left = _PASSING | _ELSEWHERE
        return {key: _kept(value) for key, value in fields.items() if key not in left}
    if isinstance(fields, list | tuple):
        return [_kept(value) for value in fields]
    return fields


def _tokenizer(found: Any, fields: Mapping[str, Any]) -> Any:
    """Make a tokenizer from its files, which is the one way that all its classes know."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "tokenizer.json").write_text(fields["tokenizer"], encoding="utf-8")
        settings = json.dumps(fields["settings"])
        (Path(folder) / "tokenizer_config.json").write_text(settings, encoding="utf-8")
        return found.from_pretrained(folder, local_files_only=True)


def _tokenizer_files(tokenizer: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save_pretrained(folder)
        text = (Path(folder) / "tokenizer.json").read_text(encoding="utf-8")
        settings = json.loads((Path(folder) / "tokenizer_config.json").read_text(encoding="utf-8"))
    return {"tokenizer": text, "settings": _kept(settings)}


def _is_component(found: type) -> bool:
    from diffusers.configuration_utils import ConfigMixin
    from diffusers.models.modeling_utils import ModelMixin
    from diffusers.schedulers.scheduling_utils import SchedulerMixin

    native = issubclass(found, ConfigMixin) and issubclass(found, ModelMixin | SchedulerMixin)
    return native or _is_of_transformers(found) or _is_tokenizer(found)


def _is_of_transformers(found: type) -> bool:
    from transformers import PreTrainedModel

    return issubclass(found, PreTrainedModel)


def _is_tokenizer(found: type) -> bool:
    from transformers import PreTrainedTokenizerFast

    return issubclass(found, PreTrainedTokenizerFast)


def frozen(component: Any) -> FrozenDict:
    """Give `described` as a field of a Config holds it."""
    return FrozenDict(described(component))
