"""Context: an encoded condition, as networks take it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from zoo_core.errors import ConditionError
from zoo_core.interfaces.codes import require_one_row

_FIELDS = ("vector", "sequence", "mask", "image")


@final
@dataclass(frozen=True)
class ContextShape:
    """What a Conditioner's contexts hold: widths of the vector and the sequence, image shape."""

    vector: int | None = None
    sequence: int | None = None
    image: tuple[int, int, int] | None = None

    @property
    def as_vector(self) -> int:
        """Width of `Context.as_vector()`. Raises ConditionError for an image alone."""
        if self.vector is not None:
            return self.vector
        if self.sequence is not None:
            return self.sequence
        raise _no_form("vector")

    @property
    def as_sequence(self) -> int:
        """Width of `Context.as_sequence()`. Raises ConditionError for an image alone."""
        if self.sequence is not None:
            return self.sequence
        if self.vector is not None:
            return self.vector
        raise _no_form("sequence")


@final
@dataclass(frozen=True, eq=False)
class Context:
    """An encoded condition for n samples: a vector, a sequence with its mask, an image.

    At least one is there; `mask` is True on the real entries of `sequence`.
    """

    vector: Float[Tensor, "n d"] | None = None
    sequence: Float[Tensor, "n length e"] | None = None
    mask: Bool[Tensor, "n length"] | None = None
    image: Float[Tensor, "n c h w"] | None = None

    def __post_init__(self) -> None:
        rows = {len(tensor) for tensor in self._tensors().values()}
        if len(rows) != 1:
            raise ConditionError(
                "A Context holds at least one tensor, all with the same number of rows",
                received=f"row counts {sorted(rows)}",
            )
        if (self.sequence is None) != (self.mask is None):
            raise ConditionError("A Context's sequence comes with its mask", received="one of them")

    def __len__(self) -> int:
        return len(next(iter(self._tensors().values())))

    @property
    def shape(self) -> ContextShape:
        """What this context holds, without the batch."""
        image = None if self.image is None else self.image.shape[1:]
        return ContextShape(
            vector=None if self.vector is None else self.vector.shape[-1],
            sequence=None if self.sequence is None else self.sequence.shape[-1],
            image=None if image is None else (image[0], image[1], image[2]),
        )

    def as_vector(self) -> Float[Tensor, "n d"]:
        """Give the vector, or the mean of the sequence's real entries."""
        if self.vector is not None:
            return self.vector
        if self.sequence is None or self.mask is None:
            raise _no_form("vector")
        weight = self.mask.to(self.sequence.dtype)[..., None]
        return (self.sequence * weight).sum(1) / weight.sum(1).clamp_min(1)

    def as_sequence(self) -> tuple[Float[Tensor, "n length e"], Bool[Tensor, "n length"]]:
        """Give sequence and mask, or the vector as a sequence of one."""
        if self.sequence is not None and self.mask is not None:
            return self.sequence, self.mask
        if self.vector is None:
            raise _no_form("sequence")
        return self.vector[:, None], self.vector.new_ones(len(self), 1, dtype=torch.bool)

    def take(self, rows: Tensor | slice) -> Context:
        """Give the chosen rows."""
        return self._map(lambda tensor: tensor[rows])

    def expand(self, n: int) -> Context:
        """Repeat one row n times; n rows stay as they are. Raises ConditionError otherwise."""
        if len(self) == n:
            return self
        require_one_row(len(self), n)
        return self._map(lambda tensor: tensor.expand(n, *tensor.shape[1:]))

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Context:
        """Move to a device; the dtype is that of the floating tensors."""
        return self._map(
            lambda t: t.to(device=device, dtype=dtype if t.is_floating_point() else None)
        )

    @staticmethod
    def cat(parts: Sequence[Context]) -> Context:
        """Put contexts of the same shape one after another; sequences are padded to the longest."""
        longest = max((0 if p.mask is None else p.mask.shape[1]) for p in parts)
        padded = [p._padded(longest)._tensors() for p in parts]
        if len({tuple(p) for p in padded}) != 1:
            raise ConditionError(
                "Contexts that are joined hold the same things",
                received=" and ".join(sorted({str(tuple(p)) for p in padded})),
            )
        return Context(**{name: torch.cat([p[name] for p in padded]) for name in padded[0]})

    @staticmethod
    def where(choose: Bool[Tensor, " n"], first: Context, second: Context) -> Context:
        """Take each row from `first` where `choose` is True, else from `second`."""
        n = len(choose)
        both = Context.cat([first.expand(n), second.expand(n)])
        rows = torch.arange(n, device=choose.device)
        return both.take(torch.where(choose, rows, rows + n))

    def _tensors(self) -> dict[str, Tensor]:
        named = {name: self.__dict__[name] for name in _FIELDS}
        return {name: tensor for name, tensor in named.items() if tensor is not None}

    def _map(self, change: Callable[[Tensor], Tensor]) -> Context:
        return Context(**{name: change(tensor) for name, tensor in self._tensors().items()})

    def _padded(self, longest: int) -> Context:
        if self.sequence is None or self.mask is None:
            return self
        room = longest - self.mask.shape[1]
        return Context(
            vector=self.vector,
            sequence=torch.nn.functional.pad(self.sequence, (0, 0, 0, room)),
            mask=torch.nn.functional.pad(self.mask, (0, room)),
            image=self.image,
        )


def _no_form(form: str) -> ConditionError:
    return ConditionError(
        f"This model takes its condition as a {form}",
        received="a context without vector and sequence",
        remedy="Choose a Conditioner that gives one.",
    )
