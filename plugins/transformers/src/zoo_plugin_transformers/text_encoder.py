"""Texts as conditions: T5's encoder, CLIP's and SigLIP's text models, BERT and its like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, final

import pydantic
import torch
from torch import Tensor, nn

from zoo_core import config as configuration
from zoo_core.config import FrozenDict
from zoo_core.errors import ConditionError, ConfigError, DataError
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.context import Context, ContextShape
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space
from zoo_plugin_transformers import network
from zoo_plugin_transformers.frame import Frame
from zoo_plugin_transformers.pooled import Pooled
from zoo_plugin_transformers.text_tokenizer import TextTokenizer, TokenizerConfig

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_FIXED = ("CLIPTextModel", "CLIPTextModelWithProjection", "SiglipTextModel")
"""Classes whose texts are all filled up to one length, as in their training."""
_UNMASKED = ("SiglipTextModel",)
"""Classes that read padding like any token."""


@final
class TextEncoderConfig(configuration.Config):
    """Fields of a text encoder.

    network: the native configuration. tokenizer: how texts become codes; without one, conditions
    are codes. frame: what stands around a text. mask: the token that stands for an unknown entry,
    which codes call −1.
    """

    network: FrozenDict
    tokenizer: TokenizerConfig | None = None
    frame: Frame = Frame()
    mask: pydantic.NonNegativeInt | None = None


@final
class TextEncoder(Conditioner):
    """Texts as transformers' encoders read them.

    A raw condition is a text, or the codes `[length]` of one; a batch is a list of either, codes
    `[n, length]`, or a Ragged. Special tokens are put around each, as the tokenizer's own call
    does; texts too long for the network are refused. A context holds the last hidden state as
    `sequence`, masked on padding, and as `vector` the pooled or projected output of networks that
    have one. The null context is that of the empty text.
    """

    architecture: ClassVar[str] = "transformers/text-encoder"
    Config: ClassVar[type[configuration.Config]] = TextEncoderConfig

    config: TextEncoderConfig

    @classmethod
    def around(
        cls,
        module: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast | TokenizerConfig | None = None,
    ) -> Self:
        """Take a live encoder of transformers, as it is, with its tokenizer.

        Raises ConfigError for a module that is no text encoder.
        """
        if not isinstance(tokenizer, TokenizerConfig | None):
            tokenizer = TokenizerConfig.of(tokenizer)
        live: Any = None if tokenizer is None else tokenizer.built()
        frame = Frame.of(module, live, fixed=type(module).__name__ in _FIXED)
        config = TextEncoderConfig(
            network=FrozenDict(network.described(module)),
            tokenizer=tokenizer,
            frame=frame,
            mask=None if live is None else live.mask_token_id,
        )
        return cls(config, parts={"network": module}).train(module.training)

    @property
    def context_shape(self) -> ContextShape:
        """The last hidden state, and the pooled output where there is one."""
        vector = None if self._pooled is None else self._pooled.width
        return ContextShape(vector=vector, sequence=self._width)

    def _space(self) -> Space:
        levels = network.configuration(self.config.network).vocab_size
        tokenizer = None if self.config.tokenizer is None else TextTokenizer(self.config.tokenizer)
        missing = self.config.mask is not None
        return Space.categorical(levels, ragged=True, tokenizer=tokenizer, missing=missing)

    def _build(self) -> None:
        taken = self._taken("network")
        module: Any = network.built(self.config.network) if taken is None else taken
        if module.config.is_encoder_decoder or getattr(module.config, "is_decoder", False):
            raise ConfigError(
                "A text encoder reads a whole text at once",
                received=f"{type(module).__name__}, which is or has a decoder",
                remedy="Take the encoder alone, such as T5EncoderModel.",
            )
        self.network: nn.Module = module
        self._pooled = Pooled.of(module)
        self._width: int = module.config.hidden_size

    def _prepare(self, raw: Any) -> Codes:
        try:
            texts = self._texts(raw)
            if not self.config.frame.size and bool((texts.lengths == 0).any()):
                raise DataError("A text has at least one token", received="an empty one")
            tokens, mask = self.config.frame.around(texts)
        except DataError as error:
            raise ConditionError(error.rule, received=error.received, remedy=error.remedy) from None
        return Codes({"tokens": tokens, "mask": mask})

    def _texts(self, raw: Any) -> Ragged:
        """Give the codes of texts, checked; the mask token's where an entry is unknown."""
        if isinstance(raw, Tensor) and raw.ndim in (1, 2):
            raw = Ragged.of(list(raw[None] if raw.ndim == 1 else raw))
        elif isinstance(raw, list | tuple) and raw and isinstance(raw[0], int):
            raw = Ragged.of([raw])
        texts = self.space.sequences(raw)
        codes = self.space.check(self.space.tensor(texts.values), what="texts", empty=True)
        if self.config.mask is not None:
            codes = torch.where(codes == -1, self.config.mask, codes)
        return Ragged(codes, texts.lengths)

    def _encode(self, codes: Codes) -> Context:
        mask = codes["mask"]
        attended = None if type(self.network).__name__ in _UNMASKED else mask.long()
        outputs = self.network(input_ids=codes["tokens"], attention_mask=attended)
        vector = None if self._pooled is None else outputs[self._pooled.output]
        return Context(vector=vector, sequence=outputs.last_hidden_state, mask=mask)

    def _null(self) -> Context:
        empty = Ragged(torch.zeros(0, dtype=torch.int64), torch.zeros(1, dtype=torch.int64))
        return self.context(empty)
