"""What a causal network of transformers says of itself: its codes that mark, and its window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from zoo_core.errors import ConfigError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from zoo_plugin_transformers.text_tokenizer import TokenizerConfig

_WINDOW = ("max_position_embeddings", "n_positions", "max_seq_len", "n_ctx")
_BOTH_WAYS = ("xlnet",)
"""Model types that read both ways, whatever their configuration says."""


def codes_of(value: Any) -> tuple[int, ...]:
    """Give codes that a native configuration has as one, several or none."""
    return () if value is None else (value,) if isinstance(value, int) else tuple(value)


def codes_within(value: Any, levels: int | None) -> tuple[int, ...]:
    """Give the codes of a native configuration that are in a vocabulary of so many."""
    return tuple(code for code in codes_of(value) if levels is None or 0 <= code < levels)


def marks(
    network: PreTrainedModel, tokenizer: TokenizerConfig | None
) -> tuple[int | None, tuple[int, ...]]:
    """Give the code in front of every sequence, bos or else eos, and those that end one.

    They are those of the generation_config, else of the config, else of the tokenizer. Codes
    outside of the vocabulary count as none: a small model's configuration often keeps those of the
    class's defaults, of which the library only warns.
    """
    config = network.config.get_text_config()
    levels = config.vocab_size
    sources: list[Any] = [one for one in (network.generation_config, config) if one is not None]
    bos = [code for source in sources for code in codes_within(source.bos_token_id, levels)]
    eos = next(filter(None, (codes_within(one.eos_token_id, levels) for one in sources)), ())
    if tokenizer is not None and not (bos and eos):
        # It is parsed only where nothing else tells: that takes as long as opening a module.
        native = tokenizer.built()
        bos = bos or [*codes_within(native.bos_token_id, levels)]
        eos = eos or codes_within(native.eos_token_id, levels)
    return next(iter([*bos, *eos]), None), eos


def window_of(network: PreTrainedModel) -> int | None:
    """Give how many positions a network has; None without a limit."""
    for name, module in network.named_modules():
        if name.endswith("position_embeddings") and isinstance(module, nn.Embedding):
            # RoBERTa's count from behind that of the padding.
            taken = 0 if module.padding_idx is None else module.padding_idx + 1
            return module.num_embeddings - taken
    fields = network.config.get_text_config().to_dict()
    return next((fields[name] for name in _WINDOW if fields.get(name)), None)


def require_causal(network: PreTrainedModel) -> None:
    """Raise ConfigError for a network that reads both ways: its figures are of no distribution."""
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


def require_codes(network: PreTrainedModel, levels: int | None, codes: tuple[int, ...]) -> None:
    """Raise ConfigError for other logits than there are levels, and for codes beyond them."""
    head: Any = network.get_output_embeddings()
    found = None if head is None else head.weight.shape[0]
    if found is None or found != levels or max(codes, default=0) >= found:
        raise ConfigError(
            f"A network with vocab_size {levels} has as many logits, and start and stop codes "
            "are among them",
            received=f"{found} logits, codes {list(codes)}",
            remedy="Give start=… and stops=… that are codes of the network.",
        )
