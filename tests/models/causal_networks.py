"""Tiny causal networks of transformers with random weights, of several families."""

from __future__ import annotations

from typing import Any

import torch

LEVELS, WINDOW, START, STOP = 61, 32, 0, 1
_CODES: dict[str, Any] = {"vocab_size": LEVELS, "bos_token_id": START, "eos_token_id": STOP}
_LLAMA: dict[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": WINDOW,
    "initializer_range": 0.5,
    "pad_token_id": None,
}
NATIVE: dict[str, dict[str, Any]] = {
    "gpt2": {
        "n_embd": 16,
        "n_layer": 2,
        "n_head": 2,
        "n_positions": WINDOW,
        "initializer_range": 0.5,
    },
    # Grouped queries and rotary positions; windows of attention; positions that begin at 2; scaled
    # embeddings, soft caps and windows in every other layer; positions by slopes; no attention.
    "llama": _LLAMA,
    "mistral": {**_LLAMA, "sliding_window": 4},
    "opt": {
        "hidden_size": 16,
        "ffn_dim": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": WINDOW,
        "word_embed_proj_dim": 8,
        "init_std": 0.5,
    },
    "gemma2": {**_LLAMA, "head_dim": 4, "sliding_window": 4},
    "bloom": {"hidden_size": 16, "n_layer": 2, "n_head": 2, "initializer_range": 0.5},
    "mamba": {"hidden_size": 16, "num_hidden_layers": 2, "state_size": 4},
}
"""Native configurations by model type, without what all of them share."""


def causal_network(model_type: str, **changes: Any) -> Any:
    """Build a network of a model type with weights of a seed, ready to use."""
    from transformers import AutoConfig, AutoModelForCausalLM

    fields = {**_CODES, **NATIVE[model_type], **changes}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **fields))
    return network.eval()


def sequences(*lengths: int, seed: int = 1) -> list[torch.Tensor]:
    """Draw sequences of codes, the marks not among them."""
    rng = torch.Generator().manual_seed(seed)
    return [torch.randint(2, LEVELS, (length,), generator=rng) for length in lengths]


def behind_start(row: torch.Tensor) -> torch.Tensor:
    """Give a sequence behind the start code, as a batch of one for the library."""
    return torch.cat([torch.tensor([START]), row])[None]
