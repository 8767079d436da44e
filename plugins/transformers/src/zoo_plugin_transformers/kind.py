"""What an architecture of transformers is in the zoo, and by which of its classes it is opened."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, final

from zoo_core.errors import UnsupportedError

_ENCODERS = {
    # T5's decoder is left aside: what conditions is the encoder.
    "T5ForConditionalGeneration": "T5EncoderModel",
    "MT5ForConditionalGeneration": "MT5EncoderModel",
    "UMT5ForConditionalGeneration": "UMT5EncoderModel",
}
_TEXT_ENCODERS = (
    *_ENCODERS.values(),
    *("CLIPTextModel", "CLIPTextModelWithProjection", "SiglipTextModel"),
)
_IMAGE_ENCODERS = (
    *("CLIPVisionModel", "CLIPVisionModelWithProjection", "SiglipVisionModel"),
    *("ViTModel", "DeiTModel", "Dinov2Model", "Dinov2WithRegistersModel"),
)
_CAUSAL = ("ForCausalLM", "LMHeadModel")
_MASKED = ("ForMaskedLM",)
_MATCHERS = ("CLIPModel", "SiglipModel")


@final
class Kind(StrEnum):
    """The architectures of this plugin, by their names in the registry."""

    CAUSAL_LM = "causal-lm"
    MASKED_LM = "masked-lm"
    TEXT_ENCODER = "text-encoder"
    IMAGE_ENCODER = "image-encoder"
    CLIP = "clip"


@final
@dataclass(frozen=True)
class Chosen:
    """A kind, and the name of the class of transformers that reads it."""

    kind: Kind
    network: str


def chosen(architecture: str, model_type: str, origin: str) -> Chosen:
    """Choose by the class that config.json names first in `architectures`.

    Raises UnsupportedError for one that the zoo has no interface for.
    """
    from transformers.models.auto import modeling_auto as auto

    if architecture in _ENCODERS:
        return Chosen(Kind.TEXT_ENCODER, _ENCODERS[architecture])
    if architecture in _TEXT_ENCODERS:
        return Chosen(Kind.TEXT_ENCODER, architecture)
    if architecture in _IMAGE_ENCODERS:
        return Chosen(Kind.IMAGE_ENCODER, architecture)
    if architecture in _MATCHERS:
        return Chosen(Kind.CLIP, architecture)
    causal = _classes(auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
    if architecture in causal and architecture.endswith(_CAUSAL):
        return Chosen(Kind.CAUSAL_LM, architecture)
    masked = auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES
    if architecture in _classes(masked) and architecture.endswith(_MASKED):
        return Chosen(Kind.MASKED_LM, architecture)
    if model_type in masked and architecture in _classes(auto.MODEL_MAPPING_NAMES):
        return Chosen(Kind.TEXT_ENCODER, architecture)
    raise UnsupportedError(
        "A model of transformers is a causal or masked language model, a text or vision encoder, "
        "or CLIP or SigLIP",
        received=f"a {architecture} in {origin}",
        remedy="zoo.wrap makes a model of any torch module.",
    )


def _classes(mapping: Any) -> set[str]:
    names = [n if isinstance(n, tuple | list) else (n,) for n in mapping.values()]
    return {name for several in names for name in several}
