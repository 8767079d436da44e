"""Prompt: a text, as the text encoders of a text-to-image pipeline read it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, final

import pydantic
import torch
from torch import Tensor, nn

from zoo_core import config as configuration
from zoo_core.config import FrozenDict
from zoo_core.errors import ConditionError, ZooError
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.context import Context, ContextShape
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space
from zoo_plugin_diffusers.component import module
from zoo_plugin_diffusers.prompt_tokenizer import PromptTokenizer, cleaned


@final
class PromptEncoding(StrEnum):
    """How a pipeline makes embeddings of what its text encoders give.

    SINGLE: the last hidden states of one encoder, as Stable Diffusion 1 and 2, and CogVideoX.
    CLAP: the unit vector of a CLAP. LTX: as SINGLE, with the mask of the prompt. STABLE_AUDIO:
    likewise, where the encoder is told the mask too. WAN: such an encoder's states, and zeros
    behind the prompt. STABLE_DIFFUSION_XL: the last hidden states but one of each encoder, side by
    side, and the last one's pooled vector. STABLE_DIFFUSION_3: the last but one of two CLIPs side
    by side, followed in the sequence by T5's, and both pooled vectors. FLUX: T5's last hidden
    states, and the pooled vector of a CLIP.
    """

    SINGLE = "single"
    CLAP = "clap"
    LTX = "ltx"
    STABLE_AUDIO = "stable-audio"
    WAN = "wan"
    STABLE_DIFFUSION_XL = "stable-diffusion-xl"
    STABLE_DIFFUSION_3 = "stable-diffusion-3"
    FLUX = "flux"


_MASKED = (PromptEncoding.LTX, PromptEncoding.STABLE_AUDIO, PromptEncoding.WAN)
_NUMBERS = {
    PromptEncoding.SINGLE: (1,),
    PromptEncoding.CLAP: (1,),
    **dict.fromkeys(_MASKED, (1,)),
    PromptEncoding.STABLE_DIFFUSION_3: (2, 3),
}
"""How many text encoders there are, where it isn't two."""


@final
class Prompt(Conditioner):
    """A text, encoded by the tokenizers and text encoders of one of diffusers' pipelines.

    A raw condition is a text, a batch a list of them; codes of the first tokenizer, without those
    that frame a prompt, are taken as well. The context is what the pipeline's own `encode_prompt`
    gives: `sequence` its prompt embeddings, `vector` the pooled ones where there are any. Most
    networks attend to the padding too, and the mask is True everywhere; that of LTX and Stable
    Audio is True on the prompt. Wan's pipeline cleans texts of HTML and of needless spaces, and so
    does this; what `ftfy` would mend where that package is installed isn't touched. The null
    context is what the pipeline leads away from when nobody names a negative prompt: the empty
    text, or zeros.
    """

    architecture = "diffusers/prompt"

    @final
    class Config(configuration.Config):
        """Native configurations of `text_encoder`, `tokenizer`, `text_encoder_2`, …

        `lengths` are the numbers of codes that a prompt is padded to, one a text encoder.
        `width` is that of a sequence of Stable Diffusion 3, whose T5 may be left out: zeros
        stand in its place then. `zero_null` says that null is zeros, and not the empty text.
        """

        encoding: PromptEncoding
        components: FrozenDict
        lengths: tuple[pydantic.PositiveInt, ...]
        width: pydantic.PositiveInt | None = None
        zero_null: bool = False

        @property
        def encoders(self) -> tuple[str, ...]:
            """The names of the text encoders, in order."""
            return tuple(sorted(name for name in self.components if "text_encoder" in name))

        @pydantic.model_validator(mode="after")
        def _complete(self) -> Any:
            numbers = _NUMBERS.get(self.encoding, (2,))
            if len(self.encoders) not in numbers:
                raise ValueError(f"{self.encoding} has {numbers[0]} text encoders")
            wanted = {*self.encoders, *(_tokenizer_of(name) for name in self.encoders)}
            if set(self.components) != wanted:
                raise ValueError(f"components are {', '.join(sorted(wanted))}")
            third = self.encoding is PromptEncoding.STABLE_DIFFUSION_3
            if len(self.lengths) != (3 if third else len(self.encoders)):
                raise ValueError("lengths has a number a text encoder, that left out included")
            if third != (self.width is not None):
                raise ValueError("width is given for Stable Diffusion 3, and only there")
            return self

    config: Config

    def _space(self) -> Space:
        names = [_tokenizer_of(name) for name in self.config.encoders]
        self._tokenizers = [PromptTokenizer(self.config.components[name]) for name in names]
        first = self._tokenizers[0]
        return Space.categorical(first.size, ragged=True, tokenizer=first)

    def _build(self) -> None:
        for name in self.config.encoders:
            live = self._taken(name)
            self.add_module(name, module(self.config.components[name]) if live is None else live)

    @property
    def context_shape(self) -> ContextShape:
        """The widths of the embeddings and of the pooled vector."""
        native = [self.config.components[name] for name in self.config.encoders]
        match self.config.encoding:
            case PromptEncoding.CLAP:
                return ContextShape(vector=native[0]["projection_dim"])
            case PromptEncoding.STABLE_DIFFUSION_XL:
                pooled = native[-1]["projection_dim"]
                return ContextShape(sequence=sum(map(_width, native)), vector=pooled)
            case PromptEncoding.STABLE_DIFFUSION_3:
                pooled = native[0]["projection_dim"] + native[1]["projection_dim"]
                return ContextShape(sequence=self.config.width, vector=pooled)
            case PromptEncoding.FLUX:
                return ContextShape(sequence=_width(native[1]), vector=_width(native[0]))
            case _:
                return ContextShape(sequence=_width(native[0]))

    def _prepare(self, raw: Any) -> Codes:
        texts = _texts(raw)
        if texts is not None and self.config.encoding is PromptEncoding.WAN:
            raw = [cleaned(text) for text in texts]
        try:
            first = self._first_codes(raw)
        except ConditionError:
            raise
        except ZooError as error:
            raise ConditionError(
                "A condition is a text, or a list of texts",
                received=error.received,
                remedy='For example condition="a slanted seven".',
            ) from None
        self._tokenizers[0].require_known(first.values)
        told = [row.tolist() for row in first]
        codes = {self.config.encoders[0]: self._framed(0, told)}
        if len(self._tokenizers) > 1:
            texts = _texts(raw) or self._tokenizers[0].decode(told)
            for which, name in enumerate(self.config.encoders[1:], 1):
                codes[name] = self._framed(which, self._tokenizers[which].encode(texts))
        return Codes(codes)

    def _first_codes(self, raw: Any) -> Ragged:
        """Give the codes of the first tokenizer; one sequence of codes is one condition."""
        if isinstance(raw, Tensor) and raw.ndim == 1:
            raw = [raw]
        codes = self.space.sequences(raw)
        return Ragged(self.space.tensor(codes.values), codes.lengths)

    def _framed(self, which: int, codes: list[list[int]]) -> Tensor:
        return self._tokenizers[which].framed(codes, self.config.lengths[which])

    def _encode(self, codes: Codes) -> Context:
        match self.config.encoding:
            case PromptEncoding.SINGLE:
                return _context(self._module("text_encoder")(codes["text_encoder"])[0])
            case PromptEncoding.CLAP:
                return self._clap(codes["text_encoder"])
            case PromptEncoding.STABLE_DIFFUSION_XL:
                parts = [self._penultimate(name, codes) for name in self.config.encoders]
                return _context(torch.cat([part for part, _ in parts], -1), parts[-1][1])
            case PromptEncoding.STABLE_DIFFUSION_3:
                return self._stable_diffusion_3(codes)
            case PromptEncoding.FLUX:
                pooled = self._module("text_encoder")(codes["text_encoder"]).pooler_output
                return _context(self._module("text_encoder_2")(codes["text_encoder_2"])[0], pooled)
            case _:
                return self._masked(codes["text_encoder"])

    def _masked(self, codes: Tensor) -> Context:
        """Give the states of a T5 and which of them are the prompt's."""
        mask = self._tokenizers[0].mask(codes)
        told = {} if self.config.encoding is PromptEncoding.LTX else {"attention_mask": mask}
        sequence = self._module("text_encoder")(codes, **told)[0]
        if self.config.encoding is PromptEncoding.WAN:
            return _context(sequence.masked_fill(mask[..., None] == 0, 0.0))
        return Context(sequence=sequence, mask=mask.bool())

    def _stable_diffusion_3(self, codes: Codes) -> Context:
        """Esser et al. 2024, arXiv:2403.03206, section 4: CLIPs side by side, T5 after them."""
        (one, pooled_one), (two, pooled_two) = (
            self._penultimate(name, codes) for name in self.config.encoders[:2]
        )
        clip = torch.cat([one, two], -1)
        width = self.config.width or 0
        clip = nn.functional.pad(clip, (0, width - clip.shape[-1]))
        if "text_encoder_3" in codes.tensors:
            third = self._module("text_encoder_3")(codes["text_encoder_3"])[0]
        else:
            third = clip.new_zeros(len(clip), self.config.lengths[2], width)
        return _context(torch.cat([clip, third], -2), torch.cat([pooled_one, pooled_two], -1))

    def _clap(self, codes: Tensor) -> Context:
        """Give a CLAP's unit vectors; it alone is told where the padding is."""
        mask = self._tokenizers[0].mask(codes)
        told = self._module("text_encoder")(codes, attention_mask=mask)
        return Context(vector=nn.functional.normalize(told.text_embeds, dim=-1))

    def _penultimate(self, name: str, codes: Codes) -> tuple[Tensor, Tensor]:
        """Give the hidden states before the last layer, and the pooled vector."""
        told = self._module(name)(codes[name], output_hidden_states=True)
        return told.hidden_states[-2], told[0]

    def _null(self) -> Context:
        empty = self._encode(self._prepare("").to(self.device))
        if not self.config.zero_null:
            return empty
        zeros = {
            "vector": None if empty.vector is None else torch.zeros_like(empty.vector),
            "sequence": None if empty.sequence is None else torch.zeros_like(empty.sequence),
        }
        return Context(**zeros, mask=empty.mask)

    def _module(self, name: str) -> nn.Module:
        return self.get_submodule(name)


def _context(sequence: Tensor, pooled: Tensor | None = None) -> Context:
    mask = torch.ones(sequence.shape[:2], dtype=torch.bool, device=sequence.device)
    return Context(vector=pooled, sequence=sequence, mask=mask)


def _tokenizer_of(encoder: str) -> str:
    return encoder.replace("text_encoder", "tokenizer")


def _width(native: Mapping[str, Any]) -> int:
    """Give the width of a text encoder's hidden states: CLIP's and T5's names for it differ."""
    return native["d_model"] if "d_model" in native else native["hidden_size"]


def _texts(raw: Any) -> list[str] | None:
    """Give texts, where these are what was given."""
    texts = [raw] if isinstance(raw, str) else raw
    if isinstance(texts, list | tuple) and all(isinstance(text, str) for text in texts):
        return list(texts)
    return None
