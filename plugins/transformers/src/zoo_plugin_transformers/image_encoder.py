"""Pictures as conditions: CLIP's and SigLIP's vision models, ViT and its like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self, final

import torch
from torch import nn

from zoo_core import config as configuration
from zoo_core.config import FrozenDict
from zoo_core.errors import ConditionError, ConfigError, DataError
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.context import Context, ContextShape
from zoo_core.interfaces.pixels import pictures_of
from zoo_core.interfaces.space import Space
from zoo_plugin_transformers import network
from zoo_plugin_transformers.pictures import PictureProcessor, native_processor
from zoo_plugin_transformers.pooled import Pooled

if TYPE_CHECKING:
    from transformers import BaseImageProcessor, PreTrainedModel

_CLASSES = (
    "CLIPVisionModel",
    "CLIPVisionModelWithProjection",
    "DeiTModel",
    "Dinov2Model",
    "Dinov2WithRegistersModel",
    "SiglipVisionModel",
    "ViTModel",
)


@final
class ImageEncoderConfig(configuration.Config):
    """Fields of an image encoder.

    network: the native configuration. processor: the native preprocessor_config.json, which says
    how pictures are resized, cropped and normalised.
    """

    network: FrozenDict
    processor: FrozenDict


@final
class ImageEncoder(Conditioner):
    """Pictures as transformers' encoders of patches see them.

    A raw condition is a PIL image of any size, which is resized and cropped by the image
    processor's rules, or an array `[c, size, size]` of values in [0, 1] of the network's size; a
    batch is a list of images, or an array `[n, c, size, size]`. A context holds the last hidden
    state as `sequence`, one entry a patch (and a class token), and as `vector` the projected or
    pooled output of networks that have one. The null context is zeros.
    """

    architecture: ClassVar[str] = "transformers/image-encoder"
    Config: ClassVar[type[configuration.Config]] = ImageEncoderConfig

    config: ImageEncoderConfig

    @classmethod
    def around(
        cls,
        module: PreTrainedModel,
        processor: Mapping[str, Any] | BaseImageProcessor | None = None,
    ) -> Self:
        """Take a live encoder of transformers, as it is, with its image processor.

        The processor is a live one or its native configuration; the usual one of the model's type
        where there is none. Raises ConfigError for a module or a processor of another kind.
        """
        _require_class(module)
        native = network.described(module)
        size = native["image_size"]
        height = size if isinstance(size, int) else size[0]
        described = native_processor(processor, native["model_type"], height)
        config = ImageEncoderConfig(network=FrozenDict(native), processor=FrozenDict(described))
        return cls(config, parts={"network": module}).train(module.training)

    @property
    def context_shape(self) -> ContextShape:
        """The last hidden state, and the pooled output where there is one."""
        vector = None if self._pooled is None else self._pooled.width
        return ContextShape(vector=vector, sequence=self._width)

    def _space(self) -> Space:
        native: Any = network.configuration(self.config.network)
        size = native.image_size
        height, width = (size, size) if isinstance(size, int) else tuple(size)
        return Space.unit(native.num_channels, height, width)

    def _build(self) -> None:
        taken = self._taken("network")
        module: Any = network.built(self.config.network) if taken is None else taken
        _require_class(module)
        self.network: nn.Module = module
        self._processor = PictureProcessor(self.config.processor)
        self._pooled = Pooled.of(module)
        self._width: int = module.config.hidden_size

    def _prepare(self, raw: Any) -> Codes:
        try:
            images = pictures_of(raw)
            if images is not None:
                return Codes({"pixels": self._processor.pictures(images, self.space)})
            x = self.space.tensor(raw)
            x = x[None] if x.ndim == len(self.space.shape) else x
            return Codes({"pixels": self.space.check(x, what="pictures")})
        except DataError as error:
            raise ConditionError(error.rule, received=error.received, remedy=error.remedy) from None

    def _encode(self, codes: Codes) -> Context:
        x = self._processor.normalised(codes["pixels"].to(self.dtype))
        outputs = self.network(pixel_values=x)
        sequence = outputs.last_hidden_state
        mask = torch.ones(sequence.shape[:2], dtype=torch.bool, device=sequence.device)
        vector = None if self._pooled is None else outputs[self._pooled.output]
        return Context(vector=vector, sequence=sequence, mask=mask)

    def _null(self) -> Context:
        zero = torch.zeros(1, 1, self._width, device=self.device, dtype=self.dtype)
        vector = None
        if self._pooled is not None:
            vector = zero.new_zeros(1, self._pooled.width)
        return Context(vector=vector, sequence=zero, mask=torch.ones_like(zero[..., 0]).bool())


def _require_class(module: nn.Module) -> None:
    if type(module).__name__ not in _CLASSES:
        raise ConfigError(
            f"An image encoder is one of {', '.join(_CLASSES)}", received=type(module).__name__
        )
