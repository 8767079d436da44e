"""Reading: a causal network goes on through sequences and says what it expects next.

A cache of keys and values spares it what it has read. Rows of unequal length are read together
padded on the left, so that what a row has read stands in one piece, as windows of attention need.
Rows that go on by unequal numbers of steps part, each with its share of the cache. A network that
has no such cache, as recurrent ones, reads the whole again.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, final

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from zoo_core.interfaces.ragged import Ragged

if TYPE_CHECKING:
    from transformers import DynamicCache, PreTrainedModel

_LOGITS = 2**28
"""How many logits are held at once: 1 GiB in single precision, 5 rows of GPT-2's window."""


def batches(lengths: Sequence[int], levels: int) -> Iterator[list[int]]:
    """Divide rows into batches of like length, whose logits fit into bounded memory."""
    batch: list[int] = []
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[row] * levels > _LOGITS:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


@final
@dataclass(frozen=True, eq=False)
class Group:
    """Rows that were read together: their cache, and which of its steps are a row's own."""

    rows: Int[Tensor, " g"]
    cache: DynamicCache
    mask: Bool[Tensor, "g steps"] | None
    """None where all are."""

    def take(self, chosen: Bool[Tensor, " g"]) -> Group:
        """Give the chosen rows, with a cache of their own."""
        cache = copy.copy(self.cache)
        cache.layers = [copy.copy(layer) for layer in self.cache.layers]
        cache.batch_select_indices(chosen.nonzero()[:, 0])
        mask = None if self.mask is None else self.mask[chosen]
        return Group(self.rows[chosen], cache, mask)


Read = tuple[Group, ...] | Ragged
"""What is kept of sequences: groups of rows with caches, or the sequences themselves."""


@final
class Reader:
    """Reads sequences with a causal network of transformers.

    `window` is the number of positions that the network has, or None.
    """

    def __init__(self, network: PreTrainedModel, window: int | None) -> None:
        self.network, self.window = network, window
        self._takes = frozenset(inspect.signature(network.forward).parameters)
        self._keeps = "past_key_values" in self._takes and _keeps_steps(network)

    def first(self, sequences: Ragged) -> tuple[Float[Tensor, "n levels"], Read]:
        """Give the logits of what follows sequences of at least one step, and what was read."""
        if not self._keeps:
            return self._again(sequences)
        found = [self._begin(rows, sequences) for rows in self._together(sequences.lengths)]
        logits, groups = _joined([(group.rows, here, group) for here, group in found])
        return logits, groups if _is_plain(groups[0].cache) else sequences

    def _together(self, lengths: Tensor) -> list[Int[Tensor, " g"]]:
        """Divide rows into those that are begun together: all, but in double precision by length.

        Attention that the library works out in single precision masks by the smallest number of
        the network's precision. Of double precision it becomes −∞ there, and padding NaN.
        """
        if self.network.dtype is not torch.float64:
            return [torch.arange(len(lengths), device=lengths.device)]
        return [(lengths == length).nonzero()[:, 0] for length in lengths.unique()]

    def _begin(self, rows: Tensor, sequences: Ragged) -> tuple[Tensor, Group]:
        """Read chosen sequences from their beginning."""
        every = list(sequences)
        chosen = [every[row] for row in rows.tolist()]
        codes = pad_sequence(chosen, batch_first=True, padding_side="left")
        steps = torch.arange(codes.shape[1], device=codes.device)
        mask = steps >= codes.shape[1] - sequences.lengths[rows][:, None]
        known = None if bool(mask.all()) else mask
        logits, cache = self._forward(codes, known, None)
        return logits, Group(rows, cache, known)

    def further(self, steps: Ragged, read: Read) -> tuple[Float[Tensor, "n levels"], Read]:
        """Give the logits after more steps, at least one a row; `read` is used up."""
        if isinstance(read, Ragged):
            pairs = zip(read, steps, strict=True)
            return self._again(Ragged.of([torch.cat(pair) for pair in pairs]))
        parts = [part for group in read for part in _parted(group, steps.lengths)]
        return _joined([(part.rows, *self._go_on(part, steps)) for part in parts])

    def _go_on(self, group: Group, steps: Ragged) -> tuple[Tensor, Group]:
        """Read as many further steps of each row of a group."""
        codes, mask = _codes(steps, group.rows), group.mask
        if mask is not None:
            mask = torch.cat([mask, torch.ones_like(codes, dtype=torch.bool)], 1)
        logits, cache = self._forward(codes, mask, group.cache)
        return logits, Group(group.rows, cache, mask)

    def _forward(self, codes: Tensor, mask: Tensor | None, cache: Any) -> tuple[Tensor, Any]:
        """Call the network; give the logits after the last step, and the cache."""
        inputs: dict[str, Any] = {"input_ids": codes, "use_cache": True}
        if cache is not None:
            inputs["past_key_values"] = cache
        if mask is not None:
            inputs["attention_mask"] = mask.long()
            if "position_ids" in self._takes:
                # A row that has ended is read on beside the others, perhaps beyond the window.
                last = None if self.window is None else self.window - 1
                positions = (mask.long().cumsum(1) - 1).clamp(0, last)
                inputs["position_ids"] = positions[:, -codes.shape[1] :]
        if "logits_to_keep" in self._takes:
            inputs["logits_to_keep"] = 1
        output = self.network(**inputs)
        return at_least_single(output.logits[:, -1], self.network), output.get("past_key_values")

    def _again(self, sequences: Ragged) -> tuple[Tensor, Ragged]:
        """Read whole sequences. What follows a row's end changes nothing before: it is causal."""
        rows, logits = list(sequences), [torch.empty(0)] * len(sequences)
        for batch in batches(sequences.lengths.tolist(), n_logits(self.network)):
            codes = pad_sequence([rows[i] for i in batch], batch_first=True)
            output = self.network(input_ids=codes, use_cache=False).logits
            for place, row in enumerate(batch):
                logits[row] = at_least_single(output[place, len(rows[row]) - 1], self.network)
        return torch.stack(logits), sequences


def _joined(found: list[tuple[Tensor, Tensor, Group]]) -> tuple[Tensor, tuple[Group, ...]]:
    """Give the logits of the groups' rows in the order of the rows, and the groups."""
    rows, logits, groups = zip(*found, strict=True)
    if len(groups) == 1:
        return logits[0], groups
    return torch.cat(logits)[torch.cat(rows).argsort()], groups


def n_logits(network: PreTrainedModel) -> int:
    """Give how many logits a language model has a step."""
    head: Any = network.get_output_embeddings()
    return head.weight.shape[0]


def at_least_single(logits: Tensor, network: PreTrainedModel) -> Tensor:
    """Give logits in the network's precision, or in single where that is less.

    The library's own loss does the latter. Some networks of double precision give single logits.
    """
    return logits.to(torch.promote_types(network.dtype, torch.float32))


def _codes(steps: Ragged, rows: Tensor) -> Int[Tensor, "g steps"]:
    """Give the steps of rows that have equally many, in their order."""
    if len(rows) == len(steps):
        return steps.values.view(len(rows), -1)
    starts = (steps.lengths.cumsum(0) - steps.lengths)[rows]
    length = int(steps.lengths[rows[0]])
    return steps.values[starts[:, None] + torch.arange(length, device=starts.device)]


def _parted(group: Group, lengths: Tensor) -> Iterator[Group]:
    """Divide a group by how many steps its rows go on."""
    gains = lengths[group.rows]
    if bool((gains == gains[0]).all()):
        yield group
        return
    for gain in gains.unique().tolist():
        yield group.take(gains == gain)


def _keeps_steps(network: PreTrainedModel) -> bool:
    """Say whether all that a network keeps are keys and values of steps, not a running state."""
    from transformers import DynamicCache

    if network._is_stateful:
        return False
    return _is_plain(DynamicCache(config=network.config.get_text_config(decoder=True)))


def _is_plain(cache: Any) -> bool:
    """Say whether a cache is one of keys and values, of all steps or of a window's."""
    from transformers import DynamicCache
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    plain = (DynamicLayer, DynamicSlidingWindowLayer)
    return isinstance(cache, DynamicCache) and all(type(one) in plain for one in cache.layers)
