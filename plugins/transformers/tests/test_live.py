"""Against the real Hub, where a person asks for it: ZOO_LIVE_HUB=1.

Reading needs nothing else. Writing needs a token and ZOO_LIVE_REPO=owner/repo, a repository of
yours that may be written to; with `-transformers` behind it, it is where the model goes.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import zoo_core as zoo
from zoo_core.errors import UnsafeFileError

GPT2 = "openai-community/gpt2"
CLIP = "openai/clip-vit-base-patch32"
TEXT = "The zoo keeps models that the world has already trained."
pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        os.environ.get("ZOO_LIVE_HUB") != "1",
        reason="talks to the real Hub; set ZOO_LIVE_HUB=1 to run it",
    ),
    pytest.mark.filterwarnings("ignore::zoo_core.loading.locating.UnpinnedWarning"),
]


def test_gpt2_scores_a_text_as_the_library() -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model: Any = zoo.load(f"hf://{GPT2}")
    own: Any = AutoModelForCausalLM.from_pretrained(GPT2)
    tokenizer: Any = AutoTokenizer.from_pretrained(GPT2)
    codes = tokenizer(tokenizer.bos_token + TEXT, return_tensors="pt")["input_ids"]
    with torch.no_grad():
        wanted = -own(codes, labels=codes).loss * (codes.shape[1] - 1)
        found = model.log_prob([TEXT])[0]
    torch.testing.assert_close(found, wanted)
    assert found / (codes.shape[1] - 1) > -math.log(1000)


def test_gpt2_is_written_back(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    model: Any = zoo.load(f"hf://{GPT2}")
    zoo.save(model, tmp_path / "native", format="transformers")
    again: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "native")
    codes = torch.tensor([model.space.tokenizer.encode([TEXT])[0]])
    with torch.no_grad():
        torch.testing.assert_close(again(codes).logits, model.network(codes).logits)


def test_clip_matches_as_the_library() -> None:
    from transformers import AutoProcessor, CLIPModel

    model: Any = zoo.load(f"hf://{CLIP}")
    own: Any = CLIPModel.from_pretrained(CLIP)
    processor: Any = AutoProcessor.from_pretrained(CLIP)
    pictures = [Image.new("RGB", (320, 240), "red"), Image.new("RGB", (240, 320), "green")]
    texts = ["a red wall", "a green lawn", "a dog"]
    with torch.no_grad():
        asked = processor(text=texts, images=pictures, return_tensors="pt", padding=True)
        wanted = own(**asked).logits_per_image
        found = model.match_each(model.pictures(pictures), texts)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=2e-2)
    assert found.argmax(1).tolist() == [0, 1]


def test_code_of_a_repository_is_refused() -> None:
    with pytest.raises(UnsafeFileError, match="code of its own"):
        zoo.load("hf://hf-internal-testing/test_dynamic_model")


@pytest.mark.skipif("ZOO_LIVE_REPO" not in os.environ, reason="set ZOO_LIVE_REPO=owner/repo")
def test_push_and_pull_of_a_private_repository() -> None:
    from transformers import AutoModelForCausalLM

    network = {"model_type": "gpt2", "vocab_size": 64, "n_embd": 16, "n_layer": 1, "n_head": 2}
    marks = {"bos_token_id": 0, "eos_token_id": 1}
    model: Any = zoo.create("transformers/causal-lm", network={**network, **marks}, seed=3).eval()
    name = os.environ["ZOO_LIVE_REPO"] + "-transformers"
    pushed = zoo.push(model, name, private=True, format="transformers")
    again: Any = zoo.load(pushed.pin)
    codes = torch.arange(12)[None]
    own: Any = AutoModelForCausalLM.from_pretrained(name)
    with torch.no_grad():
        wanted = model.network(codes).logits
        torch.testing.assert_close(again.network(codes).logits, wanted)
        torch.testing.assert_close(own(codes).logits, wanted)
