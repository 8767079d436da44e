"""Prompt tokenizers: a pipeline's own, and how prompts are framed by their marks."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, final

import torch
from jaxtyping import Int
from torch import Tensor

from zoo_core.errors import ConditionError, UnsupportedError
from zoo_core.interfaces.tokenizer import Tokenizer
from zoo_plugin_diffusers.component import build_component


@final
class PromptTokenizer(Tokenizer):
    """A fast tokenizer of a pipeline, from its native configuration."""

    def __init__(self, native: Mapping[str, Any]) -> None:
        self._tokenizer = build_component(native)
        if self._tokenizer.padding_side != "right" or self._tokenizer.pad_token_id is None:
            raise UnsupportedError(
                "A pipeline's tokenizer pads prompts at their end",
                received=f"{self.name}, padding {self._tokenizer.padding_side}",
            )

    def __deepcopy__(self, memo: object) -> PromptTokenizer:
        """Give itself: nothing changes it, and a copy of CLIP's would decode other texts."""
        del memo
        return self

    @property
    def name(self) -> str:
        """The tokenizer's class and the size of its vocabulary."""
        return f"{type(self._tokenizer).__name__} of {self.size} codes"

    @property
    def size(self) -> int:
        """How many codes there are."""
        return len(self._tokenizer)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Give the codes of each text, without those that frame a prompt."""
        return self._tokenizer(list(texts), add_special_tokens=False).input_ids

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """Give the text of each sequence of codes."""
        return [self._tokenizer.decode(list(codes)) for codes in sequences]

    def framed(self, sequences: Sequence[Sequence[int]], length: int) -> Int[Tensor, "n length"]:
        """Give prompts as pipelines do: begun, cut, ended and padded to one length."""
        before, after = self._frame
        room = length - len(before) - len(after)
        rows = [[*before, *codes[:room], *after] for codes in sequences]
        padding = self._tokenizer.pad_token_id
        padded = [row + [padding] * (length - len(row)) for row in rows]
        return torch.tensor(padded, dtype=torch.int64).reshape(len(padded), length)

    def mask(self, prompts: Int[Tensor, "n length"]) -> Int[Tensor, "n length"]:
        """Give 1 for each code of framed prompts, and 0 for the padding behind them."""
        padded = prompts == self._tokenizer.pad_token_id
        # Where padding is what ends a prompt, the first of it belongs there.
        ended = self._tokenizer.pad_token_id in self._frame[1]
        return (padded.cumsum(1) <= int(ended)).to(torch.int64)

    def require_known(self, codes: Tensor) -> None:
        """Raise ConditionError for a code that isn't one of the tokenizer's."""
        wrong = codes[(codes < 0) | (codes >= self.size)]
        if len(wrong):
            raise ConditionError(
                f"Codes of a prompt lie between 0 and {self.size - 1}", received=int(wrong[0])
            )

    @cached_property
    def _frame(self) -> tuple[list[int], list[int]]:
        """The codes that stand before a prompt, and those after it."""
        whole = self._tokenizer("a").input_ids
        inner = self._tokenizer("a", add_special_tokens=False).input_ids
        start = next(i for i in range(len(whole)) if whole[i : i + len(inner)] == inner)
        return whole[:start], whole[start + len(inner) :]


def cleaned(text: str) -> str:
    """Give a text without HTML's entities, escaped once or twice, and with single spaces."""
    return " ".join(html.unescape(html.unescape(text)).split())
