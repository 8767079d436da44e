"""Blanks: texts with entries to fill in, and what a masked language model makes of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.call import Call, Observed
from zoo_core.interfaces.ragged import Ragged
from zoo_plugin_transformers.frame import Frame
from zoo_plugin_transformers.reading import at_least_single, batches

if TYPE_CHECKING:
    from transformers import PreTrainedModel

UNKNOWN = -1
"""The code of an entry that isn't known."""


@final
@dataclass(frozen=True, eq=False)
class Blanks:
    """Texts `rows [n, longest]` with UNKNOWN where nothing is known, and the entries asked for.

    What stands behind a text's length doesn't matter, but isn't asked for.
    """

    rows: Int[Tensor, "n longest"]
    lengths: Int[Tensor, " n"]
    asked: Bool[Tensor, "n longest"]

    def take(self, rows: Tensor) -> Blanks:
        """Give the chosen texts."""
        return Blanks(self.rows[rows], self.lengths[rows], self.asked[rows])

    def codes(self, mask: int) -> Ragged:
        """Give the texts with a token for what is unknown."""
        steps = torch.arange(self.rows.shape[1], device=self.rows.device)
        real = self.rows[steps < self.lengths[:, None]]
        return Ragged(torch.where(real == UNKNOWN, mask, real), self.lengths)


@final
class Guesser:
    """A masked network, asked for the entries of texts: each given all that is known."""

    def __init__(self, network: PreTrainedModel, frame: Frame, mask: int, levels: int) -> None:
        self.network, self.frame, self.mask, self.levels = network, frame, mask, levels

    def each(self, blanks: Blanks, reduce: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Give `reduce(logits, which)` of the entries asked for, in the order of `nonzero()`.

        It is called for some entries at a time, so that memory is bounded: with their logits
        `[k, levels]`, and their numbers `[k]` in that order. Raises DataError for texts that are
        too long.
        """
        numbers = torch.full_like(blanks.rows, -1)
        numbers[blanks.asked] = torch.arange(int(blanks.asked.sum()), device=numbers.device)
        lengths = (blanks.lengths + self.frame.size).tolist()
        found, which = [], []
        for batch in batches(lengths, self.levels):
            rows = torch.tensor(sorted(batch), device=numbers.device)
            here = blanks.take(rows)
            which.append(numbers[rows][here.asked])
            found.append(reduce(self._read(here), which[-1]))
        return torch.cat(found)[torch.cat(which).argsort()]

    def scores(self, blanks: Blanks, codes: Int[Tensor, " asked"]) -> Float[Tensor, " asked"]:
        """Give log p(code | known) in nats of these codes at the entries asked for."""
        return self.each(
            blanks,
            lambda logits, which: logits.log_softmax(-1).gather(1, codes[which, None])[:, 0],
        )

    def _read(self, blanks: Blanks) -> Tensor:
        tokens, mask = self.frame.around(blanks.codes(self.mask))
        logits = self.network(input_ids=tokens, attention_mask=mask.long()).logits
        row, place = blanks.asked.nonzero(as_tuple=True)
        return at_least_single(logits[row, len(self.frame.front) + place], self.network)


def laid_out(z: Ragged, observed: Any) -> tuple[Tensor, Tensor]:
    """Give texts `[n, longest]`, and which entries are neither observed nor padding."""
    rows, real = z.padded()
    if observed is None:
        return rows, real
    return rows, real.masked_scatter(real, ~observed)


def blank_texts(n: int, call: Call) -> Ragged:
    """Give n texts with UNKNOWN where nothing is observed. Raises DataError without lengths."""
    observed, lengths = call.observed, call.lengths
    if not isinstance(observed, Observed):
        if lengths is None:
            raise DataError(
                "How many tokens a text has is given",
                received="neither lengths nor a text with unknown entries",
                remedy="Give lengths=…, or observed=Observed(a text with the mask token).",
            )
        return Ragged(torch.full((int(lengths.sum()),), UNKNOWN, device=lengths.device), lengths)
    values = observed.values.values.masked_fill(~observed.mask.values, UNKNOWN)
    known = Ragged(values, observed.values.lengths)
    if lengths is None:
        return known
    more = (lengths - known.lengths).tolist()
    rows = [
        torch.cat([row, row.new_full((k,), UNKNOWN)]) for row, k in zip(known, more, strict=True)
    ]
    return Ragged(torch.cat(rows), lengths)
