"""Ragged: sequences of unequal length, end to end in one tensor."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Bool, Shaped
from torch import Tensor

from zoo_core.errors import DataError


@final
@dataclass(frozen=True, eq=False)
class Ragged:
    """Sequences of unequal length: `values [total, *step]` end to end, `lengths [n]`.

    Indexing by a number gives one sequence; by a slice, a mask or a tensor of numbers, the
    Ragged of those sequences.
    """

    values: Shaped[Tensor, "total ..."]
    lengths: Shaped[Tensor, " n"]

    def __post_init__(self) -> None:
        lengths = torch.as_tensor(self.lengths, dtype=torch.int64, device=self.values.device)
        object.__setattr__(self, "lengths", lengths)
        whole = lengths.ndim == 1 and bool((lengths >= 0).all())
        if not whole or int(lengths.sum()) != len(self.values):
            raise DataError(
                "lengths is a vector of non-negative numbers that add up to the number of values",
                received=f"lengths {lengths.tolist()[:8]}, {len(self.values)} values",
                remedy="Build it by Ragged.of([sequence, sequence, …]).",
            )

    @classmethod
    def of(cls, sequences: Sequence[Any]) -> Ragged:
        """Put sequences `[length, *step]`, tensors or arrays, end to end. Raises DataError."""
        if not sequences:
            raise DataError("A Ragged has at least one sequence", received="an empty list")
        try:
            parts = [torch.as_tensor(sequence) for sequence in sequences]
            return cls(torch.cat(parts), torch.tensor([len(part) for part in parts]))
        except (TypeError, ValueError, RuntimeError) as error:
            raise DataError(
                "Sequences are tensors or arrays of numbers whose steps have one shape",
                received=str(error).splitlines()[0],
            ) from None

    @classmethod
    def cat(cls, parts: Sequence[Ragged]) -> Ragged:
        """Put batches of sequences one after another."""
        return cls(torch.cat([p.values for p in parts]), torch.cat([p.lengths for p in parts]))

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.values.split(self.lengths.tolist()))

    def __getitem__(self, index: int | slice | Tensor) -> Tensor | Ragged:
        ends = self.lengths.cumsum(0)
        starts = ends - self.lengths
        if isinstance(index, int):
            row = range(len(self))[index]
            return self.values[starts[row] : ends[row]]
        chosen = torch.arange(len(self), device=self.lengths.device)[index]
        lengths = self.lengths[chosen]
        shift = starts[chosen] - (lengths.cumsum(0) - lengths)
        steps = torch.arange(int(lengths.sum()), device=self.lengths.device)
        return Ragged(self.values[steps + torch.repeat_interleave(shift, lengths)], lengths)

    def padded(
        self, fill: float = 0.0
    ) -> tuple[Shaped[Tensor, "n longest ..."], Bool[Tensor, "n longest"]]:
        """Give `[n, longest, *step]` and the mask `[n, longest]` that is True on real steps."""
        rows = torch.nn.utils.rnn.pad_sequence(list(self), batch_first=True, padding_value=fill)
        steps = torch.arange(rows.shape[1], device=rows.device)
        return rows, steps[None, :] < self.lengths[:, None]

    def segment_sum(self, per_step: Shaped[Tensor, " total"]) -> Shaped[Tensor, " n"]:
        """Add up a number a step `[total]` to a number a sequence `[n]`."""
        owners = torch.repeat_interleave(
            torch.arange(len(self), device=per_step.device), self.lengths
        )
        return per_step.new_zeros(len(self)).index_add(0, owners, per_step)

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Ragged:
        """Move to a device; the dtype is that of floating values, codes stay codes."""
        dtype = dtype if self.values.is_floating_point() else None
        return Ragged(self.values.to(device=device, dtype=dtype), self.lengths.to(device=device))
