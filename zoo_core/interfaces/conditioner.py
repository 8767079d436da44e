"""Conditioner: turns what people say into what networks take."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, final

from zoo_core.errors import ConditionError, DefinitionError
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.context import Context, ContextShape
from zoo_core.interfaces.model import Model


class Conditioner(Model, interface=True):
    """A model from raw conditions to Contexts: raw → codes (no weights) → Context.

    `space` describes one raw condition. A plugin implements `context_shape`, `_prepare`,
    `_encode` and `_null`.
    """

    @property
    @abstractmethod
    def context_shape(self) -> ContextShape:
        """What the contexts hold; known from the configuration alone."""

    @final
    def prepare(self, raw: Any, n: int | None = None) -> Codes:
        """Turn one raw condition, or a batch of them, into code tensors, without weights.

        With n, one condition is repeated n times. Raises ConditionError for a condition outside
        the space, or for a batch of another number than n.
        """
        self._require(Conditioner)
        codes = self._prepare(raw)
        return codes if n is None else codes.expand(n)

    @final
    def encode(self, codes: Codes) -> Context:
        """Turn codes into a Context, differentiably; a row that is repeated is encoded once."""
        self._require(Conditioner)
        codes = codes.to(self.device)
        if codes.repeats:
            return self.encode(codes.take(slice(1))).expand(len(codes))
        context = self._encode(codes)
        if context.shape != self.context_shape or len(context) != len(codes):
            raise DefinitionError(
                f"{type(self).__name__}._encode gives {len(codes)} rows of {self.context_shape}",
                received=f"{len(context)} rows of {context.shape}",
            )
        return context

    @final
    def context(self, raw: Any, n: int | None = None) -> Context:
        """Prepare and encode."""
        return self.encode(self.prepare(raw, n))

    @property
    @final
    def null(self) -> Context:
        """The Context, one row, of not being told: for classifier-free training and generation.

        It is never a marginal.
        """
        self._require(Conditioner)
        null = self._null()
        if null.shape != self.context_shape or len(null) != 1:
            raise ConditionError("The null context is one row like any other", received=null.shape)
        return null

    @abstractmethod
    def _prepare(self, raw: Any) -> Codes:
        """Turn one raw condition or a batch of them into codes; one condition gives one row."""

    @abstractmethod
    def _encode(self, codes: Codes) -> Context:
        """Encode codes that are on the model's device."""

    @abstractmethod
    def _null(self) -> Context:
        """Give the Context of not being told, one row."""
