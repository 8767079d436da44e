"""Load components from their native files: strictly, quietly, and from them alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from zoo_core.errors import ConfigError, TensorError, UnsupportedError, ZooError
from zoo_core.hooks.repository import Opening
from zoo_plugin_diffusers.component import component_class
from zoo_plugin_diffusers.filling import filled, is_plain
from zoo_plugin_diffusers.silence import silenced


def loaded(kind: str, folder: Path, opening: Opening) -> Any:
    """Load a component of a class, to the bit as the library's own `from_pretrained` does.

    Weights are float32 unless another dtype is wished, as in diffusers. Tensors are mapped where
    files never change in place, and copied elsewhere. Raises TensorError for tensors that are
    missing, extra or of another shape; ConfigError for what the library refuses; UnsupportedError
    for what it reads with another package alone.
    """
    found: Any = component_class(kind)
    is_module = issubclass(found, nn.Module)
    try:
        with silenced():
            if not is_module:
                return found.from_pretrained(folder, local_files_only=True)
            module, report = _from_pretrained(found, folder, opening)
    except ZooError:
        raise
    except Exception as error:  # whatever a stranger's files make the libraries raise
        told = " ".join(f"{type(error).__name__}: {error}".split())
        raise ConfigError(
            f"The installed library reads the {kind} of {opening.origin}",
            received=told.replace(str(opening.folder), opening.origin)[:500],
        ) from error
    _refuse_differences(module, report, opening.origin)
    if not opening.mappable:
        _copy_tensors(module)
    return module if opening.device is None else module.to(opening.device)


def _from_pretrained(
    found: Any, folder: Path, opening: Opening
) -> tuple[nn.Module, Mapping[str, Any]]:
    from diffusers.utils.import_utils import is_accelerate_available
    from transformers import PreTrainedModel

    options: dict[str, Any] = {
        "local_files_only": True,
        "use_safetensors": True,
        "output_loading_info": True,
        "ignore_mismatched_sizes": True,
    }
    dtype = opening.dtype or torch.float32
    if dtype == torch.float32 and is_plain(found):
        return filled(found, folder)
    if issubclass(found, PreTrainedModel):
        transformer: Any = found
        return transformer.from_pretrained(folder, dtype=dtype, **options)
    # Without the package accelerate diffusers fills a module that it has made, and would say so.
    lean = is_accelerate_available()
    if found._keep_in_fp32_modules and not lean:
        raise UnsupportedError(
            f"The library reads a {found.__name__}, of which parts stay float32, with the package "
            "accelerate alone",
            received=f"dtype {dtype}",
            remedy="pip install accelerate, or load it as it is, in float32.",
        )
    return found.from_pretrained(folder, torch_dtype=dtype, low_cpu_mem_usage=lean, **options)


def _copy_tensors(module: nn.Module) -> None:
    """Give tensors memory of their own, which a file that changes later doesn't change."""
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.data = tensor.data.clone()


def _refuse_differences(module: nn.Module, report: Mapping[str, Any], origin: str) -> None:
    problems = [
        f"{word}: {_first_few(report[key])}"
        for word, key in (("missing", "missing_keys"), ("extra", "unexpected_keys"))
        if report[key]
    ]
    shapes = [f"{name} is {list(a)}, not {list(b)}" for name, a, b in report["mismatched_keys"]]
    problems += [f"of another shape: {_first_few(shapes)}"] if shapes else []
    problems += report["error_msgs"]
    if problems:
        raise TensorError(
            f"The tensors of {origin} are those of the {type(module).__name__} that its "
            "config.json describes",
            received="; ".join(problems),
            remedy="Weights and config.json must come from the same model.",
        )


def _first_few(names: Iterable[str]) -> str:
    ordered = sorted(names)
    return ", ".join(ordered[:5]) + (f" and {len(ordered) - 5} more" if len(ordered) > 5 else "")
