"""Label: a condition that is one of K classes."""

from __future__ import annotations

from typing import Any, Self, final

import pydantic
import torch
from torch import Tensor, nn

from zoo_core import config as configuration
from zoo_core.errors import ConditionError, DataError
from zoo_core.interfaces.cells import texts
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.context import Context, ContextShape
from zoo_core.interfaces.space import Space


@final
class Label(Conditioner):
    """One of K classes, as a one-hot vector or, with `width`, as a learned embedding.

    A raw condition is a number 0 … K−1, or a name where `names` are given; a batch is a list, a
    vector or a column of them. The null context is the zero vector. With `missing`, −1, NaN, and
    None in a batch, are a class that nobody knows, whose context is the null one.
    """

    architecture = "core/label"

    @final
    class Config(configuration.Config):
        """How many classes, how wide the embedding (None: one-hot), what they are called."""

        classes: pydantic.PositiveInt
        width: pydantic.PositiveInt | None = None
        names: tuple[str, ...] | None = None
        missing: bool = False

        @pydantic.model_validator(mode="after")
        def _name_each(self) -> Self:
            if self.names is not None and len(set(self.names)) != self.classes:
                raise ValueError("names gives each class a name of its own")
            return self

    config: Config

    def _space(self) -> Space:
        return Space.categorical(self.config.classes, missing=self.config.missing)

    def _build(self) -> None:
        width = self.config.width
        self.embedding = None if width is None else nn.Embedding(self.config.classes, width)
        # Keeps device and dtype where there is no embedding.
        self.register_buffer("zero", torch.zeros(1, width or self.config.classes))

    @property
    def context_shape(self) -> ContextShape:
        """A vector: as wide as there are classes, or as the embedding."""
        return ContextShape(vector=self.config.width or self.config.classes)

    def _prepare(self, raw: Any) -> Codes:
        try:
            labels = self.space.tensor(self._numbers(raw)).reshape(-1)
            return Codes({"label": self.space.check(labels, what="labels")})
        except DataError as error:
            raise ConditionError(
                f"A condition is a class 0 … {self.config.classes - 1}"
                + (f" or one of {', '.join(self.config.names)}" if self.config.names else ""),
                received=error.received,
                remedy="Give one for all samples, or a list with one a sample."
                + ("" if self.space.missing else " A class may be unknown (−1) with missing=True."),
            ) from None

    def _numbers(self, raw: Any) -> Any:
        """Replace names by numbers, and None among them by −1."""
        cells = texts(raw)
        if cells is None:
            return raw
        numbers: dict[Any, int] = {None: -1}
        numbers |= {name: number for number, name in enumerate(self.config.names or ())}
        unknown = [cell for cell in cells if isinstance(cell, str) and cell not in numbers]
        if unknown:
            raise DataError("A name is one of the classes'", received=repr(unknown[0]))
        return [numbers.get(cell, cell) for cell in cells]

    def _encode(self, codes: Codes) -> Context:
        label: Tensor = codes["label"]
        known = (label >= 0)[:, None].to(self.dtype)
        if self.embedding is not None:
            return Context(vector=self.embedding(label.clamp_min(0)) * known)
        nothing = known.new_zeros(len(label), self.config.classes)
        return Context(vector=nothing.scatter_(1, label.clamp_min(0)[:, None], known))

    def _null(self) -> Context:
        return Context(vector=self.get_buffer("zero"))
