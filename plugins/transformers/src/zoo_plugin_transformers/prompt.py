"""Prompts: what is known of the beginning of sequences, and how much room there is after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Int
from torch import Tensor

from zoo_core.errors import DataError, UnsupportedError
from zoo_core.interfaces.call import Call, Observed
from zoo_core.interfaces.ragged import Ragged


@final
@dataclass(frozen=True, eq=False)
class Room:
    """How many codes follow the prompt of each row, at least and at most, and which ones end it.

    A stop code counts as a row's last one.
    """

    least: Int[Tensor, " n"]
    most: Int[Tensor, " n"]
    stops: Int[Tensor, " stops"]

    def __getitem__(self, rows: slice) -> Room:
        return Room(self.least[rows], self.most[rows], self.stops)


def prompts(n: int, call: Call, window: int | None, stops: Tensor) -> tuple[Ragged, Room]:
    """Give the known codes of each of n rows, and the room after them.

    Where lengths are given, stop codes are codes like any. Raises DataError for what the window
    has no room for, UnsupportedError for steps known behind unknown ones.
    """
    known, least = _known(n, call, stops.device)
    if call.lengths is not None:
        most = call.lengths - known.lengths
        _require_room(known, call.lengths, window)
        room = Room(most, most, stops[:0])
    else:
        _require_room(known, known.lengths + 1, window)
        most = torch.full_like(known.lengths, call.options.max_new_tokens)
        most = most if window is None else most.minimum(window - known.lengths)
        room = Room(least, most, stops)
    if bool((least > most).any()):
        raise DataError(
            "A sequence is at least as long as what is observed of it",
            received=f"room for {int(most.min())} codes after the known ones",
            remedy="Give lengths=…, or max_new_tokens=…, with what is observed included.",
        )
    return known, room


def _known(n: int, call: Call, device: torch.device) -> tuple[Ragged, Tensor]:
    """Give the known codes of each row, and how many steps are observed without being known."""
    if not isinstance(call.observed, Observed):
        none = torch.zeros(n, dtype=torch.int64, device=device)
        return Ragged(none[:0], none), none
    values, mask = call.observed.values, call.observed.mask
    lengths = leading(mask)
    return Ragged(values.values[mask.values], lengths), values.lengths - lengths


def _require_room(known: Ragged, lengths: Tensor, window: int | None) -> None:
    if window is not None and bool((lengths > window).any()):
        raise DataError(
            f"A sequence has at most as many codes as the model's window, {window}",
            received=f"one of {int(lengths.max())} or more, {int(known.lengths.max())} of a prompt",
            remedy="Give a shorter prompt, or shorter lengths.",
        )


def leading(known: Ragged) -> Int[Tensor, " n"]:
    """Give how many first steps of each row are known. Raises UnsupportedError for others."""
    counts = known.segment_sum(known.values.long())
    starts = torch.repeat_interleave(known.lengths.cumsum(0) - known.lengths, known.lengths)
    steps = torch.arange(len(starts), device=starts.device) - starts
    if not torch.equal(steps < torch.repeat_interleave(counts, known.lengths), known.values):
        raise UnsupportedError(
            "What is known of a sequence is its beginning: a causal model goes on after it",
            received="steps known behind one that isn't",
            remedy="Give a prefix.",
        )
    return counts


def after(start: int, sequences: Ragged) -> Ragged:
    """Put a code in front of each sequence."""
    lengths = sequences.lengths + 1
    values = sequences.values.new_full((int(lengths.sum()),), start)
    kept = torch.ones_like(values, dtype=torch.bool)
    kept[lengths.cumsum(0) - lengths] = False
    values[kept] = sequences.values
    return Ragged(values, lengths)
