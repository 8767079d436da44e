"""What transformers' encoders give beside a sequence: one vector an input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_POOLED, _TEXT, _PICTURE = "pooler_output", "text_embeds", "image_embeds"
_OUTPUTS = {
    "CLIPTextModel": (_POOLED, "hidden_size"),
    "CLIPTextModelWithProjection": (_TEXT, "projection_dim"),
    "CLIPVisionModel": (_POOLED, "hidden_size"),
    "CLIPVisionModelWithProjection": (_PICTURE, "projection_dim"),
    "Dinov2Model": (_POOLED, "hidden_size"),
    "Dinov2WithRegistersModel": (_POOLED, "hidden_size"),
    "SiglipTextModel": (_POOLED, "projection_size"),
}
"""Of classes whose vector is no `pooler`'s: the output's name, and the field with its width."""
_POOLERS = {"pooler": "hidden_size", "head": "hidden_size"}
"""Submodules that make a vector out of a sequence, where a network was built with them."""


@final
@dataclass(frozen=True)
class Pooled:
    """The vector that an encoder gives: the output's name, and how wide it is."""

    output: str
    width: int

    @classmethod
    def of(cls, network: PreTrainedModel) -> Pooled | None:
        """Say which vector a network gives, from how it is built; None for a sequence alone."""
        config: Any = network.config
        if type(network).__name__ in _OUTPUTS:
            output, field = _OUTPUTS[type(network).__name__]
            return cls(output, getattr(config, field))
        built = dict(network.named_children())
        fields = [field for name, field in _POOLERS.items() if built.get(name) is not None]
        return cls(_POOLED, getattr(config, fields[0])) if fields else None
