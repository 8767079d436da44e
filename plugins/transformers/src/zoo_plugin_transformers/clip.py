"""CLIP and SigLIP: how well pictures and texts go together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_core import config as configuration
from zoo_core.config import FrozenDict
from zoo_core.errors import ConfigError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.matcher import Matcher
from zoo_core.interfaces.noise import Noise
from zoo_core.interfaces.part import Part, Provides
from zoo_core.interfaces.space import Space
from zoo_plugin_transformers import network
from zoo_plugin_transformers.clip_towers import put_together, taken_apart
from zoo_plugin_transformers.image_encoder import ImageEncoder
from zoo_plugin_transformers.text_encoder import TextEncoder
from zoo_plugin_transformers.text_tokenizer import TokenizerConfig

if TYPE_CHECKING:
    from transformers import BaseImageProcessor, PreTrainedModel, PreTrainedTokenizerFast

_CLASSES = ("CLIPModel", "SiglipModel")
_TOWERS = ("conditioner", "image_encoder")
_BLOCK = 1024
"""Rows whose texts and pictures are multiplied at once, each with each, as the library does it: a
product of another size differs in the last bits."""


@final
class ClipConfig(configuration.Config):
    """Fields of a CLIP or a SigLIP.

    network: the native configuration of the whole. conditioner: its text encoder. image_encoder:
    its image encoder, a Conditioner too, of models that are told pictures.
    """

    network: FrozenDict
    conditioner: Annotated[Part, Provides(Conditioner)]
    image_encoder: Annotated[Part, Provides(Conditioner)]


@final
class Clip(Matcher):
    """A picture and a text, each as a vector, and the cosine of the two.

    CLIP (Radford et al. 2021, arXiv:2103.00020, section 2.3): log p(text | picture) is
    exp(scale)·cos, up to a number of the picture alone, the logarithm of the sum over all texts.
    SigLIP (Zhai et al. 2023, arXiv:2303.15343, equation 1): the log-probability that the two
    belong together, log σ(exp(scale)·cos + bias). Pictures are `[3, size, size]` of values in
    [0, 1]; `pictures` makes them of PIL images of any size. Gradients to them flow.
    """

    architecture: ClassVar[str] = "transformers/clip"
    Config: ClassVar[type[configuration.Config]] = ClipConfig

    config: ClipConfig

    @classmethod
    def around(
        cls,
        module: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast | TokenizerConfig | None = None,
        processor: Mapping[str, Any] | BaseImageProcessor | None = None,
    ) -> Self:
        """Take a live CLIPModel or SiglipModel apart, without a copy, with what reads its input.

        Raises ConfigError for another module.
        """
        _require_class(type(module).__name__)
        text, image = taken_apart(module)
        live = {
            "conditioner": TextEncoder.around(text, tokenizer),
            "image_encoder": ImageEncoder.around(image, processor),
        }
        config = ClipConfig(
            network=FrozenDict(network.described(module)),
            conditioner=live["conditioner"].as_part(),
            image_encoder=live["image_encoder"].as_part(),
        )
        return cls(config, parts={**live, "network": module}).train(module.training)

    def native_module(self) -> PreTrainedModel:
        """Put the library's own module together again, of this model's very parts."""
        text, image = (self.get_submodule(f"{name}.network") for name in _TOWERS)
        own = dict(self.named_parameters(recurse=False))
        return put_together(self.config.network, text, image, own)

    def pictures(self, images: Any) -> Tensor:
        """Resize and crop PIL images of any size, one or a list, as the image processor does.

        It gives `[n, 3, size, size]` in [0, 1], as `match` takes them. Raises ConditionError.
        """
        return self._images().prepare(images)["pixels"].to(self.device)

    def match_each(self, x: Any, conditions: Any) -> Float[Tensor, "n k"]:
        """Give `match` of each picture with each of K conditions, `[n, K]`, each encoded once.

        Of CLIP, the softmax over the conditions classifies pictures without training (Radford et
        al. 2021, section 3.1). Gradients flow. Raises DataError, ConditionError.
        """
        picture: Any = self._checked(x)
        text: Any = self._encoded(self._codes_of(conditions, None))
        return self._scaled(self._unit(text.as_vector()) @ self._picture(picture).t()).t()

    def _space(self) -> Space:
        vision = network.configuration(self.config.network).vision_config
        return Space.unit(vision.num_channels, vision.image_size, vision.image_size)

    def _build(self) -> None:
        native: Any = network.configuration(self.config.network)
        name = network.first_architecture(self.config.network)
        _require_class(name)
        self._require_towers()
        self._sigmoid = name == "SiglipModel"
        taken: Any = self._taken("network")
        if taken is not None:
            own = dict(taken.named_parameters(recurse=False))
        elif self._sigmoid:
            # As training begins in Zhai et al. 2023.
            scale, bias = torch.tensor([10.0]).log(), torch.tensor([-10.0])
            own = {"logit_scale": scale, "logit_bias": bias}
        else:
            own = {"logit_scale": torch.tensor(float(native.logit_scale_init_value))}
        for name, tensor in own.items():
            held = tensor if isinstance(tensor, nn.Parameter) else nn.Parameter(tensor)
            self.register_parameter(name, held)

    def _require_towers(self) -> None:
        """Raise ConfigError for parts of other pictures, or that give no vectors of one width."""
        towers: list[Any] = [self.get_submodule(name) for name in _TOWERS]
        widths = [tower.context_shape.vector for tower in towers]
        if widths[0] is None or widths[0] != widths[1] or towers[1].space != self.space:
            raise ConfigError(
                f"Both encoders give vectors of one width, and one reads pictures {self.space}",
                received=f"widths {widths[0]} and {widths[1]}, pictures {towers[1].space}",
            )

    def _match(self, x: Any, noise: Noise | None, call: Call) -> Tensor:
        del noise
        told: Any = call.context
        picture, text = self._picture(x), told.as_vector()
        if len(text) > 1 and text.stride(0) == 0:  # one text for all
            return self._scaled(self._unit(text[:1]) @ picture.t())[0]
        blocks = zip(self._unit(text).split(_BLOCK), picture.split(_BLOCK), strict=True)
        return self._scaled(torch.cat([(t @ p.t()).diagonal() for t, p in blocks]))

    def _picture(self, x: Tensor) -> Tensor:
        return self._unit(self._images().encode(Codes({"pixels": x})).as_vector())

    def _unit(self, vector: Tensor) -> Tensor:
        """Give vectors the length 1, by the library's own operations."""
        if self._sigmoid:
            return vector / vector.norm(p=2, dim=-1, keepdim=True)
        return vector / vector.square().sum(-1, keepdim=True).pow(0.5)

    def _scaled(self, cosine: Tensor) -> Tensor:
        scaled = cosine * self.get_parameter("logit_scale").exp()
        if not self._sigmoid:
            return scaled
        return nn.functional.logsigmoid(scaled + self.get_parameter("logit_bias"))

    def _images(self) -> Any:
        return self.get_submodule("image_encoder")


def _require_class(name: str) -> None:
    if name not in _CLASSES:
        raise ConfigError(f"The module is one of {', '.join(_CLASSES)}", received=name)
