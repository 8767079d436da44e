"""The two towers of CLIP and SigLIP as models of their own, and the whole made of them again."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from zoo_plugin_transformers import network

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def taken_apart(module: PreTrainedModel) -> tuple[PreTrainedModel, PreTrainedModel]:
    """Give a CLIPModel's or SiglipModel's text and image encoder, with its projections.

    They hold the module's own submodules; nothing is copied.
    """
    import transformers

    whole: Any = module
    if not isinstance(whole, transformers.CLIPModel):
        return whole.text_model, whole.vision_model
    width: Any = whole.config.projection_dim
    text = _hollow(transformers.CLIPTextModelWithProjection, whole.text_model.config, width)
    image = _hollow(transformers.CLIPVisionModelWithProjection, whole.vision_model.config, width)
    text.text_model, text.text_projection = whole.text_model, whole.text_projection
    image.vision_model, image.visual_projection = whole.vision_model, whole.visual_projection
    return text.eval(), image.eval()


def put_together(
    native: Mapping[str, Any],
    text: nn.Module,
    image: nn.Module,
    own: Mapping[str, nn.Parameter],
) -> PreTrainedModel:
    """Give the module of a native configuration, made of live towers and parameters."""
    with torch.device("meta"):
        whole: Any = network.built(native)
    towers: tuple[Any, Any] = (text, image)
    if "text_projection" in dict(whole.named_children()):
        whole.text_model, whole.text_projection = towers[0].text_model, towers[0].text_projection
        whole.vision_model = towers[1].vision_model
        whole.visual_projection = towers[1].visual_projection
    else:
        whole.text_model, whole.vision_model = towers
    for name, parameter in own.items():
        setattr(whole, name, parameter)
    return whole


def _hollow(made: Any, config: Any, width: Any) -> Any:
    """Make a tower without layers or memory for its weights, all of which is put in after."""
    config = copy.deepcopy(config)
    layers, config.num_hidden_layers, config.projection_dim = config.num_hidden_layers, 0, width
    with torch.device("meta"):
        tower = made(config)
    tower.config.num_hidden_layers = layers
    return tower
