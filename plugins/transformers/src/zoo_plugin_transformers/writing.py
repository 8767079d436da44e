"""Write a model of this plugin's in transformers' own format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.model import Model
from zoo_plugin_transformers.silence import silenced

_NAMESPACE = "transformers/"


def write_folder(model: Model, folder: Path) -> bool | None:
    """Write what `AutoModel.from_pretrained` and `AutoTokenizer.from_pretrained` read.

    Give None for a model of another plugin's. Raises UnsupportedError for a view by `given`.
    """
    network = dict(model.named_children()).get("network")
    if not model.architecture.startswith(_NAMESPACE) or network is None:
        return None
    if model.is_given:
        raise UnsupportedError(
            "A view with a bound condition can't be saved", remedy="Save the model itself."
        )
    module: Any = network
    with silenced():
        module.save_pretrained(folder)
    config: Any = model.config
    fields = dict(config)
    if fields.get("tokenizer") is not None:
        fields["tokenizer"].write(folder)
    return True
