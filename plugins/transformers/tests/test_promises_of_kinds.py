"""Every promise of kinds of models that no registry entry has: each like none of the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import zoo_core as zoo
from models.causal_networks import causal_network
from zoo_core.conformance import Status, check_model
from zoo_core.interfaces.model import Model
from zoo_plugin_transformers.causal_lm import CausalLM

CAUSAL = ["gemma2", "mamba"]
"""Grouped queries, rotary positions, windows and soft caps; a running state."""
SAVED = ["roberta", "t5_encoder", "clip_text", "siglip", "vit"]


def _require_promises(model: Model) -> None:
    broken = [str(one) for one in check_model(model, rng=zoo.rng(0)) if one.status is Status.FAILED]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("model_type", CAUSAL)
def test_causal_networks(model_type: str) -> None:
    # As few codes as marks and sequences need: sums over all sequences are what takes long.
    _require_promises(
        CausalLM.around(causal_network(model_type, vocab_size=5, num_hidden_layers=1)).eval()
    )


@pytest.mark.parametrize("name", SAVED)
def test_models_of_a_folder(saved: Callable[[str], Path], name: str) -> None:
    _require_promises(zoo.load(str(saved(name))))
