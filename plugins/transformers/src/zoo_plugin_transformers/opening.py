"""Open a claimed repository: transformers' own module, as the model of the zoo that it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.errors import UnsupportedError
from zoo_core.hooks.repository import Opening
from zoo_plugin_transformers.claim import CONFIG, TOKENIZERS
from zoo_plugin_transformers.kind import Kind, chosen
from zoo_plugin_transformers.network import first_architecture, own_class
from zoo_plugin_transformers.silence import silenced
from zoo_plugin_transformers.weights import loaded

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from zoo_core.interfaces.model import Model
    from zoo_plugin_transformers.text_tokenizer import TokenizerConfig


def open_folder(opening: Opening) -> Model:
    """Open a folder of verified native files as a model, strictly and ready to use.

    Raises UnsupportedError for a type of model that the installed transformers doesn't know or
    the zoo has no interface for, and what `weights.loaded` raises.
    """
    native = json.loads((opening.folder / CONFIG).read_text("utf-8"))
    model_type = native["model_type"]
    _refuse_unknown(model_type, opening.origin)
    choice = chosen(first_architecture(native), model_type, opening.origin)
    module = loaded(own_class(choice.network), opening)
    return _model(choice.kind, module, opening.folder).eval()


def _refuse_unknown(model_type: Any, origin: str) -> None:
    from transformers import CONFIG_MAPPING

    if model_type not in CONFIG_MAPPING:
        raise UnsupportedError(
            f"{origin} needs code of its own, which is never run",
            received=f"model type {model_type!r}, which the installed transformers doesn't have",
            remedy="A newer transformers may have it: pip install -U transformers",
        )


def _model(kind: Kind, module: PreTrainedModel, folder: Path) -> Model:
    """Put a live module and what lies beside it behind the interfaces of the zoo."""
    match kind:
        case Kind.CAUSAL_LM:
            from zoo_plugin_transformers.causal_lm import CausalLM

            return CausalLM.around(module, _tokenizer(folder))
        case Kind.MASKED_LM:
            from zoo_plugin_transformers.masked_lm import MaskedLM

            return MaskedLM.around(module, _tokenizer(folder))
        case Kind.TEXT_ENCODER:
            from zoo_plugin_transformers.text_encoder import TextEncoder

            return TextEncoder.around(module, _tokenizer(folder))
        case Kind.IMAGE_ENCODER:
            from zoo_plugin_transformers.image_encoder import ImageEncoder
            from zoo_plugin_transformers.pictures import read_processor

            return ImageEncoder.around(module, read_processor(folder))
        case Kind.CLIP:
            from zoo_plugin_transformers.clip import Clip
            from zoo_plugin_transformers.pictures import read_processor

            return Clip.around(module, _tokenizer(folder), read_processor(folder))


def _tokenizer(folder: Path) -> TokenizerConfig | None:
    """Read the tokenizer's files, where there are any; without one, data are codes."""
    from zoo_plugin_transformers.text_tokenizer import TokenizerConfig

    held = any((folder / name).is_file() for name in TOKENIZERS)
    with silenced():
        return TokenizerConfig.of(folder) if held else None
