"""A Conditioner of texts: codes of characters, as a sequence and as their mean."""

from __future__ import annotations

from typing import Any, final

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo
from models.text_chain import Characters
from zoo_core.errors import ConditionError, DataError
from zoo_core.interfaces.codes import Codes


class Sentence(zoo.Conditioner):
    """Characters with their places, embedded; the mean of the real ones as a vector."""

    architecture = "test/sentence"

    @final
    class Config(zoo.Config):
        alphabet: str = "abc "
        width: pydantic.PositiveInt = 3
        longest: pydantic.PositiveInt = 8

    config: Config

    def _space(self) -> zoo.Space:
        alphabet = self.config.alphabet
        return zoo.Space.categorical(len(alphabet), ragged=True, tokenizer=Characters(alphabet))

    def _build(self) -> None:
        self.embedding = nn.Embedding(len(self.config.alphabet), self.config.width)
        self.places = nn.Parameter(torch.randn(self.config.longest, self.config.width))

    @property
    def context_shape(self) -> zoo.ContextShape:
        return zoo.ContextShape(vector=self.config.width, sequence=self.config.width)

    def _prepare(self, raw: Any) -> Codes:
        try:
            texts = self.sequences(raw)
            codes = self.space.check(self.space.tensor(texts.values), what="texts", empty=True)
        except DataError as error:
            raise ConditionError(error.rule, received=error.received) from None
        rows, mask = zoo.Ragged(codes, texts.lengths).padded()
        return Codes({"codes": rows, "mask": mask})

    def sequences(self, raw: Any) -> zoo.Ragged:
        return self.space.sequences([raw] if isinstance(raw, Tensor) else raw)

    def _encode(self, codes: Codes) -> zoo.Context:
        mask = codes["mask"]
        steps = self.embedding(codes["codes"]) + self.places[: mask.shape[1]]
        return zoo.Context(vector=self.mean(steps, mask), sequence=steps, mask=mask)

    def mean(self, steps: Tensor, mask: Tensor) -> Tensor:
        weight = mask[..., None].to(steps.dtype)
        return (steps * weight).sum(1) / weight.sum(1).clamp_min(1)

    def _null(self) -> zoo.Context:
        nothing = self.places.new_zeros(1, 1, self.config.width)
        mask = torch.zeros(1, 1, dtype=torch.bool)
        return zoo.Context(vector=nothing[:, 0], sequence=nothing, mask=mask)
