"""The guide to fine-tuning runs, with a tiny GPT-2 in the large one's place on a Hub of the tests."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from blocks import run_page
from hub.loopback import LoopbackHub
from models import native

PAGE = "docs/fine-tune-a-language-model.md"


def _tiny(folder: Path) -> None:
    """Save a GPT-2 of random weights whose window is as long as the page's texts need."""
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = native.byte_tokenizer()
    end = tokenizer.eos_token_id
    sizes = {"n_positions": 128, "n_embd": 16, "n_layer": 1, "n_head": 2}
    torch.manual_seed(0)
    config = GPT2Config(vocab_size=len(tokenizer), bos_token_id=end, eos_token_id=end, **sizes)
    GPT2LMHeadModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def test_every_block_of_the_guide_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZOO_REGISTRY", raising=False)
    _tiny(tmp_path / "tiny")
    work = tmp_path / "work"
    work.mkdir()
    with LoopbackHub() as hub:
        hub.tokens["hf_writer"] = "you"
        files = {file.name: file.read_bytes() for file in (tmp_path / "tiny").iterdir()}
        hub.repository("openai-community/gpt2").put(files)
        surroundings = {
            "HF_ENDPOINT": hub.endpoint,
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_TOKEN": "hf_writer",
        }
        for name in ("HF_HOME", "ZOO_HOME", "XDG_CONFIG_HOME", "APPDATA"):
            surroundings[name] = str(tmp_path / "home" / name)
        run_page(PAGE, work, surroundings)
        assert {"model.safetensors", "tokenizer.json"} <= _names(hub, "you/help-gpt2")
        assert "recipe.yaml" in _names(hub, "you/help-gpt2-by-recipe")


def _names(hub: LoopbackHub, repository: str) -> set[str]:
    stored = hub.repositories[repository]
    return set(stored.commits[stored.resolve("main")])
