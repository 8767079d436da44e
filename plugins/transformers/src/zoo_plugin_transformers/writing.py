"""Write a model of this plugin's in transformers' own format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.model import Model
from zoo_plugin_transformers.kind import Kind
from zoo_plugin_transformers.silence import silenced

_NAMESPACE = "transformers/"
_ARCHITECTURES = {f"{_NAMESPACE}{kind}" for kind in Kind}


def write_folder(model: Model, folder: Path) -> bool | None:
    """Write what `AutoModel.from_pretrained` and `AutoTokenizer.from_pretrained` read.

    Give None for a model of another plugin's. Raises UnsupportedError for a view by `given`.
    """
    if model.architecture not in _ARCHITECTURES:
        return None
    if model.is_given:
        raise UnsupportedError(
            "A view with a bound condition can't be saved", remedy="Save the model itself."
        )
    whole: Any = model
    if model.architecture == f"{_NAMESPACE}{Kind.CLIP}":
        parts = [whole.conditioner, whole.image_encoder]
        _save(whole.native_module(), folder)
    else:
        parts = [whole]
        _save(whole.network, folder)
    for part in parts:
        _write_beside(dict(part.config), folder)
    return True


def _save(module: Any, folder: Path) -> None:
    """Save as the library does: safetensors, in shards where they are large."""
    with silenced():
        module.save_pretrained(folder)


def _write_beside(fields: dict[str, Any], folder: Path) -> None:
    """Write what prepares texts and pictures, where a model has it."""
    if fields.get("tokenizer") is not None:
        fields["tokenizer"].write(folder)
    if fields.get("processor") is not None:
        from zoo_plugin_transformers.pictures import write_processor

        write_processor(fields["processor"], folder)
