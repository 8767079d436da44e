"""CausalLM: a causal language model of transformers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, cast, final

import pydantic
import torch
from torch import Tensor

from zoo_core import config as configuration
from zoo_core.config import FrozenDict
from zoo_core.errors import ConfigError, DataError, UnsupportedError
from zoo_core.interfaces.call import Call, Observed
from zoo_core.interfaces.density import DensityKind, DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.next_token import NextToken
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space
from zoo_plugin_transformers import network as networks
from zoo_plugin_transformers.decoding import DecodingOptions, Room, choice, continuations
from zoo_plugin_transformers.reading import Read, Reader
from zoo_plugin_transformers.text_tokenizer import TextTokenizer, TokenizerConfig
from zoo_plugin_transformers.token_scores import pieces, token_scores

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_WINDOW = ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx")
_BOTH_WAYS = ("xlnet",)
"""Model types that read both ways, whatever their configuration says."""
_AT_ONCE = 64
"""Rows that are drawn together: what a thousand rows of GPT-2 read would take 70 GB to keep."""


def _first(fields: dict[str, Any]) -> int | None:
    """Give the code that native fields put in front of every sequence: bos, else eos."""
    native = fields.get("network", {})
    codes = (*_codes(native.get("bos_token_id")), *_codes(native.get("eos_token_id")))
    return codes[0] if codes else None


def _last(fields: dict[str, Any]) -> tuple[int, ...]:
    return _codes(fields.get("network", {}).get("eos_token_id"))


def _codes(value: Any) -> tuple[int, ...]:
    """Give codes that a native configuration has as one, several or none."""
    return () if value is None else (value,) if isinstance(value, int) else tuple(value)


@final
class CausalLMConfig(configuration.Config):
    """Fields of a causal language model.

    network: the native configuration, as config.json holds it. tokenizer: how text becomes codes;
    None for a model of codes. start: the code that stands in front of every sequence, and is no
    part of it; by default the network's bos_token_id, else its eos_token_id. stops: the codes
    that end a sample; by default the network's eos_token_id.
    """

    network: FrozenDict
    tokenizer: TokenizerConfig | None = None
    start: pydantic.NonNegativeInt | None = pydantic.Field(default_factory=_first)
    stops: tuple[pydantic.NonNegativeInt, ...] = pydantic.Field(default_factory=_last)


@final
class ScoringOptions(configuration.Config):
    """How sequences longer than the window are scored.

    stride: read them in windows that advance by so many codes, each code scored once, given what
    its window has before it: window − stride codes at least, but for the first ones.
    """

    stride: pydantic.PositiveInt | None = None


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
        tokenizer. Raises ConfigError for a module that is no causal language model.
        """
        held = tokenizer
        if held is not None and not isinstance(held, TokenizerConfig):
            held = TokenizerConfig.of(held)
        native = held.built() if held is not None else None
        generation, config = network.generation_config, network.config.get_text_config()
        sources = [source for source in (generation, config, native) if source is not None]
        bos = [code for source in sources for code in _codes(source.bos_token_id)]
        eos = next(filter(None, (_codes(source.eos_token_id) for source in sources)), ())
        fields = CausalLMConfig(
            network=FrozenDict(networks.described(network)),
            tokenizer=held,
            start=next(iter([*bos, *eos]), None),
            stops=eos,
        )
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
        _require_causal(self.network)
        self._require_codes()
        fields = self.network.config.get_text_config().to_dict()
        self._window = next((fields[name] for name in _WINDOW if fields.get(name)), None)

    def _require_codes(self) -> None:
        """Refuse a network of other logits than there are levels, and codes beyond them."""
        head: Any = self.network.get_output_embeddings()
        levels = None if head is None else head.weight.shape[0]
        marks = (*_codes(self.config.start), *self.config.stops)
        if levels is None or levels != self.space.levels or max(marks, default=0) >= levels:
            raise ConfigError(
                f"A network with vocab_size {self.space.levels} has as many logits, and start "
                "and stop codes among them",
                received=f"{levels} logits, start {self.config.start}, stops {self.config.stops}",
                remedy="Give start=… and stops=… that are codes of the network.",
            )

    # Scores.

    def _density(self, options: ScoringOptions) -> tuple[DensityKind, str]:
        if options.stride is None or self.window is None:
            return DensityKind.EXACT, ""
        how = f"longer than {self.window}: windows of {self.window}, stride {options.stride}"
        return DensityKind.EXACT, how

    def _log_prob(self, z: Ragged, call: Call) -> Tensor:
        known = call.observed if isinstance(call.observed, Tensor) else None
        if known is not None:
            _leading(Ragged(known, z.lengths))
        begun = self._begun(z, known)
        cut = [pieces(row, self.window, call.options.stride) for row in begun]
        flat = [piece for row in cut for piece in row]
        scores = (
            token_scores(self.network, flat) if flat else torch.zeros(0, device=z.values.device)
        )
        scores = scores.split((begun.lengths - 1).clamp_min(0).tolist())
        if known is not None:
            masks = known.split(z.lengths.tolist())
            pairs = zip(scores, masks, strict=True)
            scores = [each.masked_fill(mask[len(mask) - len(each) :], 0.0) for each, mask in pairs]
        return torch.stack([each.sum() for each in scores])

    def _begun(self, z: Ragged, known: Tensor | None) -> Ragged:
        """Put the start code in front; without one, the first code must be known."""
        if self.config.start is not None:
            return _after(self.config.start, z)
        firsts = (z.lengths.cumsum(0) - z.lengths)[z.lengths > 0]
        if len(firsts) and (known is None or not bool(known[firsts].all())):
            raise self._startless("the probability of a first code isn't defined")
        return z

    def _startless(self, received: str) -> UnsupportedError:
        return UnsupportedError(
            "This model has no start code, so that it says nothing of a first code",
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
            return _after(self.config.start, steps)
        if bool((steps.lengths == 0).any()):
            raise self._startless("an empty prefix")
        return steps

    def _sample(self, n: int, call: Call) -> Ragged:
        known, room = self._room(n, call)
        prompts = self._prompts(known)
        reader, choose = Reader(self.network, self.window), choice(call.options, call.rng)
        chunks = []
        for begin in range(0, n, _AT_ONCE):
            rows = slice(begin, begin + _AT_ONCE)
            some = Ragged.of(list(prompts)[rows])
            chunks.append(continuations(reader, some, room[rows], choose))
        drawn = Ragged.cat(chunks)
        return Ragged.of([torch.cat(pair) for pair in zip(known, drawn, strict=True)])

    def _room(self, n: int, call: Call) -> tuple[Ragged, Room]:
        """Say what is known of each row, and how many codes follow."""
        known, least = self._known_prefixes(n, call)
        stops = torch.tensor(self.config.stops, dtype=torch.int64, device=self.device)
        if call.lengths is not None:
            most = call.lengths - known.lengths
            self._require_room(known, call.lengths, least <= most)
            return known, Room(most, most, stops[:0])
        most = torch.full_like(known.lengths, call.options.max_new_tokens)
        if self.window is not None:
            most = most.minimum(self.window - known.lengths)
        self._require_room(known, known.lengths + 1, least <= most)
        return known, Room(least, most, stops)

    def _known_prefixes(self, n: int, call: Call) -> tuple[Ragged, Tensor]:
        """Give the known codes of each row, and how many steps are observed but unknown."""
        none = torch.zeros(n, dtype=torch.int64, device=self.device)
        if not isinstance(call.observed, Observed):
            return Ragged(none[:0], none), none
        values, mask = call.observed.values, call.observed.mask
        lengths = _leading(mask)
        return Ragged(values.values[mask.values], lengths), values.lengths - lengths

    def _require_room(self, known: Ragged, lengths: Tensor, fits: Tensor) -> None:
        """Refuse sequences that are longer than the window, or shorter than what is observed."""
        if self.window is not None and bool((lengths > self.window).any()):
            raise DataError(
                f"A sequence has at most as many codes as the model's window, {self.window}",
                received=f"one of {int(lengths.max())}, {int(known.lengths.max())} known",
                remedy="Give a shorter prompt, or shorter lengths.",
            )
        if not bool(fits.all()):
            raise DataError(
                "A sequence is at least as long as what is observed of it",
                received="room for less",
                remedy="Give lengths=… or max_new_tokens=… with what is observed included.",
            )


def _after(start: int, sequences: Ragged) -> Ragged:
    """Put a code in front of each sequence."""
    lengths = sequences.lengths + 1
    values = sequences.values.new_full((int(lengths.sum()),), start)
    kept = torch.ones_like(values, dtype=torch.bool)
    kept[lengths.cumsum(0) - lengths] = False
    values[kept] = sequences.values
    return Ragged(values, lengths)


def _leading(known: Ragged) -> Tensor:
    """Give how many first steps of each row are known. Raises UnsupportedError for others."""
    counts = known.segment_sum(known.values.long())
    steps = torch.cat([torch.arange(int(n)) for n in known.lengths]).to(counts.device)
    expected = steps < torch.repeat_interleave(counts, known.lengths)
    if not torch.equal(expected, known.values):
        raise UnsupportedError(
            "What is known of a sequence is its beginning: a causal model goes on after it",
            received="steps known behind one that isn't",
            remedy="Give a prefix.",
        )
    return counts


def _require_causal(network: PreTrainedModel) -> None:
    """Refuse networks that read both ways: their figures would be of no distribution."""
    from transformers import MODEL_FOR_MASKED_LM_MAPPING

    fields = network.config.to_dict()
    # Some causal networks have the field without heeding it; encoders do heed it.
    encodes = type(network.config) in MODEL_FOR_MASKED_LM_MAPPING and not fields.get("is_decoder")
    if encodes or fields.get("is_encoder_decoder") or fields["model_type"] in _BOTH_WAYS:
        raise ConfigError(
            "A causal language model reads from left to right alone",
            received=f"a {fields['model_type']}, which reads both ways",
            remedy="Open it as what it is, a masked model or an encoder.",
        )
