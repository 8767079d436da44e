"""Frame: the special tokens that a model's texts stand between, and how texts are filled up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, final

import pydantic
import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn

from zoo_core.config import Config
from zoo_core.errors import ConfigError, DataError
from zoo_core.interfaces.ragged import Ragged

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_POSITIONS = ("position_embedding", "position_embeddings")


@final
class Frame(Config):
    """What a text's codes are put between before a network reads them.

    front, behind: special tokens, such as [CLS] and [SEP]. pad: what shorter texts of a batch are
    filled up with. longest: how many tokens the network reads at most, these included; None for
    a network without a limit. fixed: whether every text is filled up to `longest`.
    """

    front: tuple[pydantic.NonNegativeInt, ...] = ()
    behind: tuple[pydantic.NonNegativeInt, ...] = ()
    pad: pydantic.NonNegativeInt = 0
    longest: pydantic.PositiveInt | None = None
    fixed: bool = False

    @pydantic.model_validator(mode="after")
    def _has_room(self) -> Frame:
        if self.longest is not None and self.longest < self.size:
            raise ValueError("longest is at least the number of special tokens")
        if self.fixed and self.longest is None:
            raise ValueError("texts are filled up to `longest`, which is None")
        return self

    @classmethod
    def of(
        cls,
        network: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast | None,
        *,
        fixed: bool = False,
    ) -> Frame:
        """Read off a network and its tokenizer what stands around a text.

        It is what the tokenizer's own call adds; nothing, without a tokenizer. A network with
        learnt positions reads no more tokens than it has positions.
        """
        front, behind = ((), ()) if tokenizer is None else _around(tokenizer)
        pad: Any = None if tokenizer is None else tokenizer.pad_token_id
        pad = network.config.pad_token_id if pad is None else pad
        longest = _positions(network)
        return cls(front=front, behind=behind, pad=pad or 0, longest=longest, fixed=fixed)

    @property
    def size(self) -> int:
        """How many special tokens stand around a text."""
        return len(self.front) + len(self.behind)

    def check(self, codes: Ragged) -> None:
        """Raise DataError for a text too long for the network."""
        over = [] if self.longest is None else (codes.lengths > self.longest - self.size).tolist()
        if any(over):
            row, room = over.index(True), (self.longest or 0) - self.size
            raise DataError(
                f"Texts have at most {room} tokens, beside {self.size} special ones",
                received=f"{int(codes.lengths[row])} tokens at row {row}",
                remedy="Shorten the text, or divide it.",
            )

    def around(self, codes: Ragged) -> tuple[Int[Tensor, "n length"], Bool[Tensor, "n length"]]:
        """Put texts into the frame: tokens `[n, length]`, and a mask that is True but on padding.

        Raises DataError for a text too long for the network.
        """
        self.check(codes)
        rows, real = codes.padded(self.pad)
        lengths, front = codes.lengths[:, None], len(self.front)
        width = max(self.size + rows.shape[1], self.longest or 0 if self.fixed else 0)
        tokens = rows.new_full((len(rows), width), self.pad)
        tokens[:, :front] = tokens.new_tensor(self.front)
        tokens[:, front : front + rows.shape[1]].masked_scatter_(real, codes.values)
        last = front + lengths + torch.arange(len(self.behind), device=rows.device)
        tokens.scatter_(1, last, tokens.new_tensor(self.behind).expand(last.shape))
        return tokens, torch.arange(width, device=rows.device) < lengths + self.size


def _around(tokenizer: PreTrainedTokenizerFast) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Find the special tokens in front of a text and behind it."""
    plain = tokenizer.backend_tokenizer.encode("a", add_special_tokens=False).ids
    framed = tokenizer.backend_tokenizer.encode("a").ids
    for start in range(len(framed) - len(plain) + 1):
        end = start + len(plain)
        if framed[start:end] == plain:
            return tuple(framed[:start]), tuple(framed[end:])
    raise ConfigError(
        "A tokenizer puts special tokens in front of a text and behind it",
        received=f"{framed} of {plain}",
    )


def _positions(network: nn.Module) -> int | None:
    """Count the positions that a network has learnt: as many tokens as it reads at most."""
    tables = [
        module
        for name, module in network.named_modules()
        if name.rpartition(".")[2] in _POSITIONS and isinstance(module, nn.Embedding)
    ]
    # RoBERTa's positions begin behind the number of its padding token.
    unused = [0 if t.padding_idx is None else t.padding_idx + 1 for t in tables]
    rooms = [t.num_embeddings - u for t, u in zip(tables, unused, strict=True)]
    return min(rooms, default=None)
