"""A model of text: each character depends on the few before it, within a window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.errors import DataError, UnsupportedError
from zoo_core.interfaces.call import Observed
from zoo_core.interfaces.next_token import NextToken
from zoo_core.interfaces.tokenizer import Tokenizer

UNKNOWN = "?"
_MORE = 12


@final
class Characters(Tokenizer):
    """A code is a character of an alphabet; `?` says that one is unknown."""

    def __init__(self, alphabet: str) -> None:
        self._alphabet = alphabet

    @property
    def name(self) -> str:
        return f"characters of an alphabet of {len(self._alphabet)}"

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        return [[self._code(character) for character in text] for text in texts]

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        return ["".join(self._alphabet[code] for code in codes) for codes in sequences]

    def _code(self, character: str) -> int:
        if character == UNKNOWN:
            return -1
        if character not in self._alphabet:
            raise DataError(f"Characters are among {self._alphabet!r}", received=repr(character))
        return self._alphabet.index(character)


@final
class TextChain(zoo.Generator, zoo.DensityModel, NextToken):
    """p(x_t | x_<t) = softmax(b + Σ_j T_j[x_{t−j}]), j = 1 … order: a Markov chain.

    With a window of W characters, a longer text is scored in windows that advance by a stride.
    """

    architecture = "test/text-chain"
    observes = True

    @final
    class Config(zoo.Config):
        alphabet: str = "abcdefghijklmnopqrstuvwxyz \n"
        order: pydantic.PositiveInt = 2
        window: pydantic.PositiveInt | None = None

    @final
    class SampleOptions(zoo.Config):
        temperature: pydantic.PositiveFloat = 1.0

    @final
    class LogProbOptions(zoo.Config):
        stride: pydantic.PositiveInt | None = None

    config: Config

    def _space(self) -> zoo.Space:
        alphabet = self.config.alphabet
        return zoo.Space.categorical(len(alphabet), ragged=True, tokenizer=Characters(alphabet))

    def _build(self) -> None:
        levels = len(self.config.alphabet)
        self.bias = nn.Parameter(torch.randn(levels))
        self.tables = nn.Parameter(torch.randn(self.config.order, levels, levels))

    @property
    def window(self) -> int | None:
        return self.config.window

    def next_logits(self, codes: Tensor, reach: Tensor) -> Tensor:
        """[n, L] → [n, L, levels], of what follows each step; `reach`: how far back it looks.

        Codes are −1 where there is none.
        """
        logits = self.bias.expand(*codes.shape, -1)
        for j in range(self.config.order):
            there = nn.functional.pad(codes, (j, 0), value=-1)[:, : codes.shape[1]]
            seen = (there >= 0) & (reach > j)
            logits = logits + self.tables[j][there.clamp_min(0)] * seen[..., None]
        return logits

    def _log_prob(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
        if not len(z.values):
            return self.bias.new_zeros(len(z))
        codes, mask = z.padded()
        before = nn.functional.pad(codes, (1, 0), value=-1)[:, :-1]
        reach = self._reach(codes.shape[1], call.options.stride)
        log_probs = self.next_logits(before, reach).log_softmax(-1)
        each = log_probs.gather(2, codes[..., None])[..., 0][mask]
        if isinstance(call.observed, Tensor):
            _require_prefixes(zoo.Ragged(call.observed, z.lengths))
            each = each.masked_fill(call.observed, 0.0)
        return z.segment_sum(each)

    def _reach(self, longest: int, stride: int | None) -> Tensor:
        """How many characters before each step its window has."""
        steps, window = torch.arange(longest), self.config.window
        if window is None or longest <= window:
            return steps
        if stride is None or stride > window:
            raise DataError(f"A text has at most {window} characters", received=longest)
        return steps - (steps + stride - window).clamp_min(0) // stride * stride

    def _next_log_prob(
        self, steps: zoo.Ragged, state: Tensor | None, call: zoo.Call
    ) -> tuple[Tensor, Tensor]:
        order = self.config.order
        seen = torch.full((len(steps), order), -1) if state is None else state
        rows = [torch.cat([row, new])[-order:] for row, new in zip(seen, steps, strict=True)]
        last = torch.stack(rows)
        return self.next_logits(last, torch.tensor(order))[:, -1].log_softmax(-1), last

    def _sample(self, n: int, call: zoo.Call) -> zoo.Ragged:
        prompt = torch.full((n, 0), -1)
        begun = torch.zeros(n, dtype=torch.int64)
        if isinstance(call.observed, Observed):
            _require_prefixes(call.observed.mask)
            prompt, begun = call.observed.values.padded(-1)[0], call.observed.values.lengths
        lengths = begun + _MORE if call.lengths is None else call.lengths
        if bool((lengths < begun).any()):
            raise DataError("A text is as long as its prompt", received=lengths.tolist()[:8])
        codes = self._drawn(prompt, int(lengths.max()), call)
        return zoo.Ragged(codes[torch.arange(codes.shape[1]) < lengths[:, None]], lengths)

    def _drawn(self, prompt: Tensor, longest: int, call: zoo.Call) -> Tensor:
        codes = nn.functional.pad(prompt, (0, longest - prompt.shape[1]), value=-1)
        order = self.config.order
        for t in range(longest):
            last = nn.functional.pad(codes[:, :t], (order, 0), value=-1)[:, -order:]
            logits = self.next_logits(last, torch.tensor(order))[:, -1]
            chances = (logits / call.options.temperature).softmax(-1)
            drawn = chances.multinomial(1, generator=call.rng)[:, 0]
            codes[:, t] = torch.where(codes[:, t] < 0, drawn, codes[:, t])
        return codes


def _require_prefixes(known: zoo.Ragged) -> None:
    """Refuse what is known behind what isn't: that would need sums over all texts."""
    if any(bool((row[1:] & ~row[:-1]).any()) for row in known):
        raise UnsupportedError("What is known of a text is its beginning", received="gaps")
