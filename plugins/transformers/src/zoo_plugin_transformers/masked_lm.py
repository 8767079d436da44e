"""MaskedLM: a masked language model of transformers, as the order-agnostic model that it is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Self, final

import pydantic
import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core import config as configuration
from zoo_core.config import FrozenDict
from zoo_core.errors import ConfigError, DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.density import DensityKind, DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space
from zoo_plugin_transformers import network as networks
from zoo_plugin_transformers.blanks import UNKNOWN, Blanks, Guesser, blank_texts, laid_out
from zoo_plugin_transformers.frame import Frame
from zoo_plugin_transformers.orders import passes, random_ranks
from zoo_plugin_transformers.text_tokenizer import TextTokenizer, TokenizerConfig

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_AT_ONCE = 1024
"""Texts with blanks that are laid out together."""


@final
class MaskedLMConfig(configuration.Config):
    """Fields of a masked language model.

    network: the native configuration. mask: the token that stands for an unknown entry.
    tokenizer: how texts become codes. frame: the special tokens around a text.
    """

    network: FrozenDict
    mask: pydantic.NonNegativeInt
    tokenizer: TokenizerConfig | None = None
    frame: Frame = Frame()


@final
class MaskedLMSampleOptions(configuration.Config):
    """Options of `sample`.

    steps: in how many passes a text is filled in. By default one entry a pass, which is a draw
    from the model; with fewer passes, several entries are drawn at once as if they were
    independent given what is known, an approximation. temperature: divides the logits.
    """

    steps: pydantic.PositiveInt | None = None
    temperature: pydantic.PositiveFloat = 1.0


@final
class MaskedLMLogProbOptions(configuration.Config):
    """Options of `log_prob`: samples is the number of orders that a text is read in."""

    samples: pydantic.PositiveInt = 1


@final
class MaskedLM(Generator, DensityModel):
    """A network that guesses hidden entries, as an order-agnostic autoregressive model.

    It gives p(x_i | known entries) for any set of known ones, so that it has a chain rule in every
    order σ, and is their mixture (Uria, Murray & Larochelle 2014,
    arXiv:1310.1757, section 4; Hoogeboom et al. 2022, arXiv:2110.02037, equations 2 to 4):

        p(x) = E_σ Π_t p(x_σ(t) | x_σ(1) … x_σ(t−1)).

    A sample fills a text in, one entry after another in a random order. `log_prob` is the log-mean
    over `samples` random orders, a lower bound in expectation, tighter with more; an order takes a
    pass of the network an entry. Both take any part of a text as known; since the network's
    conditionals belong to no one joint distribution, what they then give is the mixture over
    orders of the rest, not a ratio of marginals. BERT and its like were trained with a small part
    of a text hidden, and guess worse the less is known. Lengths are given; special tokens are put
    around a text inside.
    """

    architecture: ClassVar[str] = "transformers/masked-lm"
    observes: ClassVar[bool] = True
    Config: ClassVar[type[configuration.Config]] = MaskedLMConfig
    SampleOptions: ClassVar[type[configuration.Config]] = MaskedLMSampleOptions
    LogProbOptions: ClassVar[type[configuration.Config]] = MaskedLMLogProbOptions

    config: MaskedLMConfig

    @classmethod
    def around(
        cls,
        module: PreTrainedModel,
        tokenizer: PreTrainedTokenizerFast | TokenizerConfig | None = None,
        *,
        mask: int | None = None,
    ) -> Self:
        """Take a live masked language model of transformers, as it is, with its tokenizer.

        `mask` is the tokenizer's mask token unless given. Raises ConfigError where there is none.
        """
        if not isinstance(tokenizer, TokenizerConfig | None):
            tokenizer = TokenizerConfig.of(tokenizer)
        live: Any = None if tokenizer is None else tokenizer.built()
        mask = live.mask_token_id if mask is None and live is not None else mask
        if mask is None:
            raise ConfigError(
                "A masked language model has a token for what is hidden",
                received="none" if live is None else "a tokenizer without a mask token",
                remedy="Give mask=…, its code.",
            )
        config = MaskedLMConfig(
            network=FrozenDict(networks.described(module)),
            mask=mask,
            tokenizer=tokenizer,
            frame=Frame.of(module, live),
        )
        return cls(config, parts={"network": module}).train(module.training)

    def fill_log_prob(self, x: Any) -> Float[Tensor, "unknown levels"]:
        """Give log p(code | what is known), in nats, of every code at each unknown entry of x.

        x is a text or texts with the mask token (`[MASK]`), or codes with −1; there is a row an
        entry, in order. Of several unknown entries each is given with the others unknown.
        Gradients flow. Raises DataError for texts that are too long, or in which all is known.
        """
        gaps = self.space.model_copy(update={"missing": True})
        texts = gaps.sequences(x)
        codes = gaps.check(gaps.tensor(texts.values), what="texts", empty=True).to(self.device)
        if not bool((codes == UNKNOWN).any()):
            raise DataError(
                "There is an entry to fill in",
                received="texts in which all is known",
                remedy="Write the mask token in its place, or the code −1.",
            )
        # Padding is no unknown entry.
        rows, _ = Ragged(codes, texts.lengths).padded(0)
        blanks = Blanks(rows, texts.lengths.to(self.device), rows == UNKNOWN)
        return self._guesser().each(blanks, lambda logits, _: logits.log_softmax(-1))

    def _space(self) -> Space:
        native: Any = networks.configuration(self.config.network)
        held = self.config.tokenizer
        tokenizer = None if held is None else TextTokenizer(held)
        return Space.categorical(native.vocab_size, ragged=True, tokenizer=tokenizer)

    def _build(self) -> None:
        taken = self._taken("network")
        module: Any = networks.built(self.config.network) if taken is None else taken
        if not type(module).__name__.endswith("ForMaskedLM"):
            raise ConfigError(
                "A masked language model is one of transformers' …ForMaskedLM",
                received=type(module).__name__,
            )
        self.network = module

    def _density(self, options: MaskedLMLogProbOptions) -> tuple[DensityKind, str]:
        many = f"{options.samples} random orders" if options.samples > 1 else "one random order"
        return DensityKind.LOWER_BOUND, many

    def _log_prob(self, z: Ragged, call: Call) -> Tensor:
        """Give the log-mean over orders of Π_t p(x_σ(t) | known, x_σ(1) … x_σ(t−1))."""
        samples = call.options.samples
        rows, unknown = laid_out(z, call.observed)
        ranks = random_ranks(unknown, samples, call.rng)
        entries = (ranks >= 0).nonzero()
        sums = self._zeros(samples, len(z))
        chunks = entries.split(_AT_ONCE) if len(entries) else ()
        for order, row, place in (some.unbind(1) for some in chunks):
            # Each entry is asked for once an order, with those hidden that come no earlier.
            ranked, own = ranks[order, row], ranks[order, row, place][:, None]
            texts = rows[row].masked_fill(ranked >= own, UNKNOWN)
            blanks = Blanks(texts, z.lengths[row], ranked == own)
            found = self._guesser().scores(blanks, rows[row, place])
            sums = sums.index_put((order, row), found.to(sums.dtype), accumulate=True)
        return sums.logsumexp(0) - math.log(samples)

    def _loss(self, batch: Batch, call: Call) -> Tensor:
        """Give an unbiased estimate of the bound, negative, by one pass.

        Hoogeboom et al. 2022, equation 4: a number t of known entries is drawn, and which; the
        guesses of the L − t others, each given these, count L/(L − t) times.
        """
        z: Any = batch.x
        rows, unknown = laid_out(z, None)
        draws = torch.rand(len(z), generator=call.rng, device=self.device, dtype=torch.float64)
        known = (draws * z.lengths).long()
        asked = random_ranks(unknown, 1, call.rng)[0] >= known[:, None]
        asked &= unknown
        sums = self._zeros(len(z))
        if bool(asked.any()):
            blanks = Blanks(rows.masked_fill(asked, UNKNOWN), z.lengths, asked)
            found = self._guesser().scores(blanks, rows[asked])
            sums = sums.index_add(0, asked.nonzero()[:, 0], found.to(sums.dtype))
        return -sums * z.lengths / (z.lengths - known).clamp_min(1)

    def _sample(self, n: int, call: Call) -> Ragged:
        """Fill texts in, each in a random order."""
        blank = blank_texts(n, call)
        self.config.frame.check(blank)
        rows, unknown = laid_out(blank, blank.values != UNKNOWN)
        ranks, counts = random_ranks(unknown, 1, call.rng)[0], unknown.sum(1)
        for first, last in passes(counts, call.options.steps):
            asked = (ranks >= first[:, None]) & (ranks < last[:, None])
            rows = self._filled(rows, blank.lengths, asked, call)
        steps = torch.arange(rows.shape[1], device=rows.device)
        return Ragged(rows[steps < blank.lengths[:, None]], blank.lengths)

    def _filled(self, rows: Tensor, lengths: Tensor, asked: Tensor, call: Call) -> Tensor:
        """Draw the entries asked for, each given what is known."""
        active = asked.any(1).nonzero()[:, 0]
        if not len(active):
            return rows

        def draw(logits: Tensor, which: Tensor) -> Tensor:
            del which
            share = (logits / call.options.temperature).softmax(-1)
            return share.multinomial(1, generator=call.rng)[:, 0]

        drawn = self._guesser().each(Blanks(rows, lengths, asked).take(active), draw)
        return rows.masked_scatter(asked, drawn)

    def _guesser(self) -> Guesser:
        config = self.config
        return Guesser(self.network, config.frame, config.mask, self.space.n_levels or 1)

    def _zeros(self, *shape: int) -> Tensor:
        """Give sums of log-probabilities to begin with, in single precision at least."""
        dtype = torch.promote_types(self.dtype, torch.float32)
        return torch.zeros(shape, device=self.device, dtype=dtype)
