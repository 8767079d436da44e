"""CausalLM: a causal language model of transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast, final

import pydantic
import torch
from torch import Tensor

from zoo_core import config as configuration
from zoo_core.config import FrozenDict
from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.density import DensityKind, DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.next_token import NextToken
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space
from zoo_plugin_transformers import network as networks
from zoo_plugin_transformers.causal_network import (
    codes_of,
    codes_within,
    marks,
    require_causal,
    require_codes,
    window_of,
)
from zoo_plugin_transformers.decoding import DecodingOptions, choice, continuations
from zoo_plugin_transformers.prompt import after, leading, prompts
from zoo_plugin_transformers.reading import Read, Reader
from zoo_plugin_transformers.text_tokenizer import TextTokenizer, TokenizerConfig
from zoo_plugin_transformers.token_scores import pieces, token_scores

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_AT_ONCE = 64
"""Rows that are drawn together. GPT-2 keeps 75 MB of a row of its window: 77 GB of 1024 rows."""


def _first(fields: dict[str, Any]) -> int | None:
    """Give the code that native fields put in front of every sequence: bos, else eos."""
    codes = (*_named(fields, "bos_token_id"), *_named(fields, "eos_token_id"))
    return codes[0] if codes else None


def _last(fields: dict[str, Any]) -> tuple[int, ...]:
    return _named(fields, "eos_token_id")


def _named(fields: dict[str, Any], name: str) -> tuple[int, ...]:
    native = fields.get("network", {})
    return codes_within(native.get(name), native.get("vocab_size"))


@final
class CausalLMConfig(configuration.Config):
    """Fields of a causal language model.

    network: the native configuration, as config.json holds it. tokenizer: how text becomes codes;
    None for a model of codes. start: the code that stands in front of every sequence, and is no
    part of it; by default the network's bos_token_id, else its eos_token_id. stops: the codes
    that end a sample; by default the network's eos_token_id. A native code outside of the
    vocabulary is none: without a start code a first code must be known, and without stops samples
    go on to max_new_tokens. Given ones must be in the vocabulary.
    """

    network: FrozenDict
    tokenizer: TokenizerConfig | None = None
    start: pydantic.NonNegativeInt | None = pydantic.Field(default_factory=_first)
    stops: tuple[pydantic.NonNegativeInt, ...] = pydantic.Field(default_factory=_last)


@final
class ScoringOptions(configuration.Config):
    """How sequences are read.

    stride: read those longer than the window in windows that advance by so many codes, each code
    scored once, given what its window has before it: window − stride codes at least, but for the
    first ones. start: whether the start code stands in front; where it doesn't, the first code of
    each sequence must be known, since nothing is said of it.
    """

    stride: pydantic.PositiveInt | None = None
    start: bool = True


@final
class CausalLM(Generator, DensityModel, NextToken):
    """A causal language model of transformers: log p(x) = Σ_t log p(x_t | start, x_1 … x_{t−1}).

    Samples, log-probabilities and caches are those of the library's own module, the attribute
    `network`. Lengths are given; a stop code counts where it stands in the data.
    """

    architecture: ClassVar[str] = "transformers/causal-lm"
    observes: ClassVar[bool] = True
    Config: ClassVar[type[configuration.Config]] = CausalLMConfig
    SampleOptions: ClassVar[type[configuration.Config]] = DecodingOptions
    LogProbOptions: ClassVar[type[configuration.Config]] = ScoringOptions

    config: CausalLMConfig
    network: PreTrainedModel

    @classmethod
    def around(
        cls,
        network: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast | TokenizerConfig | None = None,
    ) -> CausalLM:
        """Make a model of a live module of transformers, which is taken as it is, not copied.

        Start and stop codes are those of its generation_config, else of its config, else of the
        tokenizer; those outside of the vocabulary are none. Raises ConfigError for a module that
        is no causal language model.
        """
        held = tokenizer
        if held is not None and not isinstance(held, TokenizerConfig):
            held = TokenizerConfig.of(held)
        start, stops = marks(network, held)
        native = FrozenDict(networks.described(network))
        fields = CausalLMConfig(network=native, tokenizer=held, start=start, stops=stops)
        return cls(fields, parts={"network": network})

    @property
    def window(self) -> int | None:
        """How many codes a sequence has at most; None without a limit."""
        return self._window

    def _space(self) -> Space:
        native = networks.configuration(self.config.network).get_text_config()
        held = self.config.tokenizer
        tokenizer = None if held is None else TextTokenizer(held)
        return Space.categorical(native.vocab_size, ragged=True, tokenizer=tokenizer)

    def _build(self) -> None:
        native = self.config.network
        auto = None if native.get("architectures") else "AutoModelForCausalLM"
        taken = cast("PreTrainedModel | None", self._taken("network"))
        self.network = networks.built(native, auto) if taken is None else taken
        require_causal(self.network)
        marked = (*codes_of(self.config.start), *self.config.stops)
        require_codes(self.network, self.space.levels, marked)
        self._window = window_of(self.network)

    # Scores.

    def _density(self, options: ScoringOptions) -> tuple[DensityKind, str]:
        if options.stride is None or self.window is None:
            return DensityKind.EXACT, ""
        how = f"longer than {self.window}: windows of {self.window}, stride {options.stride}"
        return DensityKind.EXACT, how

    def _log_prob(self, z: Ragged, call: Call) -> Tensor:
        known = call.observed if isinstance(call.observed, Tensor) else None
        if known is not None:
            leading(Ragged(known, z.lengths))
        begun = self._begun(z, known, call.options.start)
        window, stride = self.window, call.options.stride
        cut = [piece for row in begun for piece in pieces(row, window, stride)]
        scores = token_scores(self.network, cut).split((begun.lengths - 1).clamp_min(0).tolist())
        if known is not None:
            masks = known.split(z.lengths.tolist())
            pairs = zip(scores, masks, strict=True)
            scores = [each.masked_fill(mask[len(mask) - len(each) :], 0.0) for each, mask in pairs]
        # Row by row, as the library sums: an index_add would round otherwise.
        return torch.stack([each.sum() for each in scores])

    def _begun(self, z: Ragged, known: Tensor | None, start: bool) -> Ragged:
        """Put the start code in front; without one, the first code must be known."""
        if start and self.config.start is not None:
            return after(self.config.start, z)
        firsts = (z.lengths.cumsum(0) - z.lengths)[z.lengths > 0]
        if len(firsts) and (known is None or not bool(known[firsts].all())):
            raise self._startless("the probability of a first code isn't defined")
        return z

    def _startless(self, received: str) -> UnsupportedError:
        return UnsupportedError(
            "Without a start code, a model says nothing of a first code",
            received=received,
            remedy="Give the first code (observed=…, a prefix), or a model with start=….",
        )

    # What comes next, and samples.

    def _next_log_prob(self, steps: Ragged, state: Read | None, call: Call) -> tuple[Tensor, Read]:
        del call
        reader = Reader(self.network, self.window)
        if state is not None:
            logits, state = reader.further(steps, state)
        else:
            logits, state = reader.first(self._prompts(steps))
        return logits.log_softmax(-1), state

    def _prompts(self, steps: Ragged) -> Ragged:
        if self.config.start is not None:
            return after(self.config.start, steps)
        if bool((steps.lengths == 0).any()):
            raise self._startless("an empty prefix")
        return steps

    def _sample(self, n: int, call: Call) -> Ragged:
        stops = torch.tensor(self.config.stops, dtype=torch.int64, device=self.device)
        known, room = prompts(n, call, self.window, stops)
        begun = list(self._prompts(known))
        reader, choose = Reader(self.network, self.window), choice(call.options, call.rng)
        chunks = []
        for begin in range(0, n, _AT_ONCE):
            rows = slice(begin, begin + _AT_ONCE)
            some = Ragged.of(begun[rows])
            chunks.append(continuations(reader, some, room[rows], choose))
        drawn = Ragged.cat(chunks)
        return Ragged.of([torch.cat(pair) for pair in zip(known, drawn, strict=True)])
