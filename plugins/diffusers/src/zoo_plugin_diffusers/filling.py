"""Fill a module of diffusers' without making its initial weights first, nor copying what fits."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo_core.checkpoints.meta import meta_parameters
from zoo_plugin_diffusers.component_files import Stem


def is_plain(found: Any) -> bool:
    """Say whether a class is loaded as most are: some of diffusers' bring a way of their own."""
    from diffusers.models.modeling_utils import ModelMixin

    own = issubclass(found, ModelMixin)
    return own and found.from_pretrained.__func__ is ModelMixin.from_pretrained.__func__


def filled(found: Any, folder: Path) -> tuple[nn.Module, Mapping[str, Any]]:
    """Build a module in float32 and give it its tensors, with the report of `from_pretrained`.

    Without the package accelerate the library makes a module that is overwritten then, and looks
    through all names for each of its modules: that takes most of its time. Names of old files are
    brought up to date by the library itself.
    """
    config = found.load_config(folder, local_files_only=True)
    with meta_parameters():
        module = found.from_config(config)
    tensors = _tensors(folder)
    module._fix_state_dict_keys_on_load(tensors)
    wanted: Mapping[str, Tensor] = module.state_dict()
    report = _report(wanted, tensors, found._keys_to_ignore_on_load_unexpected or ())
    if not any(report.values()):
        kept = {name: _single(tensors[name]) for name in wanted}
        module.load_state_dict(kept, assign=True)
    return module, report


def _tensors(folder: Path) -> dict[str, Tensor]:
    """Map the tensors of one file, or of those that an index names."""
    from safetensors.torch import load_file

    index = folder / f"{Stem.DIFFUSERS}.safetensors.index.json"
    names = [f"{Stem.DIFFUSERS}.safetensors"]
    if index.is_file():
        names = sorted(set(json.loads(index.read_text("utf-8"))["weight_map"].values()))
    tensors: dict[str, Tensor] = {}
    for name in names:
        tensors |= load_file(folder / name)
    return tensors


def _report(
    wanted: Mapping[str, Tensor], there: Mapping[str, Tensor], ignored: Any
) -> dict[str, list[Any]]:
    extra = [name for name in there if name not in wanted]
    return {
        "missing_keys": [name for name in wanted if name not in there],
        "unexpected_keys": [n for n in extra if not any(re.search(one, n) for one in ignored)],
        "mismatched_keys": [
            (name, tuple(there[name].shape), tuple(tensor.shape))
            for name, tensor in wanted.items()
            if name in there and there[name].shape != tensor.shape
        ],
        "error_msgs": [],
    }


def _single(tensor: Tensor) -> Tensor:
    """Give a tensor as the library would hold it: floating ones in single precision."""
    return tensor.to(torch.float32) if tensor.is_floating_point() else tensor
