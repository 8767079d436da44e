"""How fast bridged models of transformers are beside the library's own calls of the same module.

    python benchmarks/transformers_bridge.py [--quick]

The module is one and the same on both sides. It isn't called transformers.py: a script's folder
comes first when modules are looked for.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from measuring import results
from measuring.machine import describe, one_thread
from measuring.turns import Work, race

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import zoo_core as zoo  # noqa: E402

NEW, PROMPT = 32, 16
_NOTE = (
    "Seconds of processor time of one thread, medians of rounds in turn; the ratio is the zoo's "
    "time over the library's. A GPT-2 of 6 layers, 512 wide, 50257 tokens, random weights: the "
    f"same module on both sides. Samples: {NEW} codes after a prompt of {PROMPT}, all drawn from "
    "the whole distribution; `generate` is given the same. Scores: rows of 128 codes behind a "
    "start code, and the library's loss of the same rows."
)


def language_model() -> tuple[zoo.Generator, torch.nn.Module]:
    """Make a GPT-2 of realistic size with random weights: the model, and the module in it."""
    fields = {"model_type": "gpt2", "n_embd": 512, "n_layer": 6, "n_head": 8, "bos_token_id": 50256}
    model = zoo.create("transformers/causal-lm", network={**fields, "eos_token_id": None}).eval()
    return model, model.network


def sampling(rows: int) -> tuple[Work, Work]:
    """Draw continuations of a prompt: the zoo's `sample`, and the library's `generate`."""
    from transformers import GenerationConfig

    model, network = language_model()
    prompt = torch.randint(50000, (rows, PROMPT), generator=zoo.rng(0))
    observed = zoo.Observed(list(prompt))
    behind = torch.cat([torch.full((rows, 1), 50256), prompt], 1)
    asked = GenerationConfig(do_sample=True, max_new_tokens=NEW, top_k=0, pad_token_id=0)
    mask = torch.ones_like(behind)
    return (
        lambda: model.sample(rows, observed=observed, max_new_tokens=NEW, rng=zoo.rng(0)),
        lambda: network.generate(behind, attention_mask=mask, generation_config=asked),
    )


@torch.no_grad()
def scoring(rows: int) -> tuple[Work, Work]:
    """Score rows of 128 codes: the zoo's `log_prob`, and the library's loss."""
    model, network = language_model()
    codes = torch.randint(50000, (rows, 128), generator=zoo.rng(0))
    x = zoo.Ragged.of(list(codes))
    behind = torch.cat([torch.full((rows, 1), 50256), codes], 1)
    no_grad = torch.no_grad()
    return (
        no_grad(lambda: model.log_prob(x)),
        no_grad(lambda: network(behind, labels=behind).loss),
    )


def speed(rounds: int) -> list[list[str]]:
    """Measure samples and scores; give a row of the table for each."""
    works = {
        "sample, 1 row": (sampling(1), NEW),
        "sample, 8 rows": (sampling(8), 8 * NEW),
        "log_prob, 1 row": (scoring(1), 128),
        "log_prob, 8 rows": (scoring(8), 8 * 128),
    }
    lines = []
    for name, ((ours, theirs), tokens) in works.items():
        times = race({"zoo": ours, "library": theirs}, rounds=rounds, least=min(rounds, 7))
        zoo_time, time = times["zoo"], times["library"]
        rates = f"{tokens / zoo_time:.0f}", f"{tokens / time:.0f}"
        lines.append([name, f"{zoo_time:.3f}", f"{time:.3f}", *rates, f"{zoo_time / time:.3f}"])
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    one_thread()
    header = ["work", "zoo, s", "library, s", "zoo, tokens/s", "library, tokens/s", "ratio"]
    spoken = results.table(header, speed(2 if options.quick else 15))
    results.publish("Bridge to transformers", describe("transformers"), _NOTE, spoken)


if __name__ == "__main__":
    main()
