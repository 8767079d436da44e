"""Scores of the tokens of sequences, each given those before it, in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from zoo_core.errors import DataError
from zoo_plugin_transformers.reading import at_least_single, batches, n_logits

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_UNSCORED = -100
_LOGITS_AT_ONCE = 2**24
"""How many log-probabilities are worked out at once: 64 MiB in single precision."""


@final
@dataclass(frozen=True, eq=False)
class Piece:
    """A piece of a sequence: what the network reads, and those of the codes after that count."""

    codes: Int[Tensor, " steps"]
    targets: Int[Tensor, " steps"]
    """The code that follows each; −100 where another piece scores it."""


def pieces(sequence: Tensor, window: int | None, stride: int | None) -> list[Piece]:
    """Cut a sequence, start code in front, into pieces that score each later code once.

    A sequence that fits the window is one piece. A longer one is read in windows of `window`
    codes that advance by `stride`, and each scores the codes that the window before didn't
    reach. Raises DataError where it doesn't fit and no stride is given.
    """
    inputs, after, length = sequence[:-1], sequence[1:], len(sequence)
    if window is None or length - 1 <= window:
        return [Piece(inputs, after)] if length > 1 else []
    _require_stride(length - 1, window, stride)
    found, done = [], 1
    for begin in range(0, length, stride or 1):
        end = min(begin + window, length)
        targets = after[begin : end - 1].clone()
        targets[: done - begin - 1] = _UNSCORED
        found.append(Piece(inputs[begin : end - 1], targets))
        done = end
        if end == length:
            break
    return found


def token_scores(network: PreTrainedModel, given: Sequence[Piece]) -> Float[Tensor, " total"]:
    """Give log p(code | those before it in its piece), in nats, of all that count, in order.

    Pieces are read together, filled up behind: a causal network doesn't see what follows, so
    that no mask is needed, and one piece alone is read as the library's own loss reads it.
    """
    scores = [torch.zeros(0, device=network.device)] * (len(given) or 1)
    for batch in batches([len(piece.codes) for piece in given], n_logits(network)):
        codes = pad_sequence([given[i].codes for i in batch], batch_first=True)
        targets = pad_sequence(
            [given[i].targets for i in batch], batch_first=True, padding_value=_UNSCORED
        )
        found = _scored(network, codes, targets)
        for place, i in enumerate(batch):
            scores[i] = found[place][targets[place] != _UNSCORED]
    return torch.cat(scores)


def _scored(network: PreTrainedModel, codes: Tensor, targets: Tensor) -> Tensor:
    """Give the log-probability of each target; 0 where none counts."""
    flat = network(input_ids=codes, use_cache=False).logits.flatten(0, 1)
    rows = max(1, _LOGITS_AT_ONCE // flat.shape[1])
    parts = zip(flat.split(rows), targets.flatten().split(rows), strict=True)
    losses = [
        cross_entropy(
            at_least_single(part, network), target, ignore_index=_UNSCORED, reduction="none"
        )
        for part, target in parts
    ]
    return -torch.cat(losses).view(targets.shape)


def _require_stride(length: int, window: int, stride: int | None) -> None:
    if stride is None:
        raise DataError(
            f"A sequence has at most as many codes as the model's window, {window}",
            received=f"one of {length}",
            remedy="Divide it, or cut it; log_prob reads all of it with stride=…, by which windows "
            "over a longer one advance.",
        )
    if stride >= window:
        raise DataError(
            f"A stride is shorter than the window, {window}: each code is given some before it",
            received=stride,
        )
