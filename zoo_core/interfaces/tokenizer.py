"""Tokenizer: between texts and the codes that a model of text is a model of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence


class Tokenizer(ABC):
    """What a Space of text is converted by: texts to codes, and back.

    It holds no weights and never changes. A text that says which entries are unknown, such as by
    `[MASK]`, has the code −1 there. Tokens that a model itself puts in front of a sequence, or
    behind it, are left to the model. Provisional until a second family has used it unchanged.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Say how texts are split, in words: figures per token mean nothing without it."""

    @abstractmethod
    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Give the codes of each text."""

    @abstractmethod
    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """Give the text of each sequence of codes."""
