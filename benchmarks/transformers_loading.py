"""How models in transformers' format load beside the library's own `from_pretrained`.

    python benchmarks/transformers_loading.py [--quick]

The model has the size of GPT-2 (124 million parameters), with random weights and a tokenizer of
50,257 tokens. Both sides read the same files.
"""

from __future__ import annotations

import argparse
import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from measuring import results
from measuring.machine import describe

from loading import medians

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import zoo_core as zoo  # noqa: E402

END = "<|endoftext|>"
_NOTE = (
    "A GPT-2 of its smallest size, 124 million parameters, random weights. Wall seconds of warm "
    "loads, medians of rounds in turn in one process, the same files on both sides; the library "
    "reads its cache's folder. With a tokenizer it is `AutoTokenizer.from_pretrained` too, and a "
    "word is split; the zoo has forgotten the tokenizer each time. From a person's own folder the zoo copies what "
    "could change later, so the library is told not to map it (disable_mmap). The peak is by how "
    "much a process of its own grows at most, up to and including a first forward pass, over the "
    "weights' size."
)
_PEAK = """
import sys
sys.path[:0] = sys.argv[1:4]
import transformers_loading as bench
from loading import highest
from pathlib import Path
bench.quiet()
load = bench.SIDES[sys.argv[4]]
bench.forward(load(sys.argv[6]))  # every import and every first use
before = highest()
bench.forward(load(sys.argv[5]))
print(highest() - before)
"""


def native(folder: str, **options: Any) -> Any:
    """Load by the library alone."""
    from transformers import AutoModelForCausalLM

    return AutoModelForCausalLM.from_pretrained(folder, **options)


def with_tokenizer(folder: str) -> Any:
    """Load a model and its tokenizer by the library alone, and split a word."""
    from transformers import AutoTokenizer

    network = native(folder)
    AutoTokenizer.from_pretrained(folder)(END)
    return network


def afresh(reference: str) -> Any:
    """Load by the zoo and split a word; what it knows of the tokenizer is forgotten first."""
    from zoo_plugin_transformers import text_tokenizer

    text_tokenizer._built.cache_clear()
    model = zoo.load(reference)
    model.space.tokenizer.encode([END])
    return model


SIDES: dict[str, Callable[[str], Any]] = {
    "zoo": lambda reference: zoo.load(reference).get_submodule("network"),
    "library": native,
    "library, copied": lambda folder: native(folder, disable_mmap=True),
}


def forward(network: Any) -> None:
    """Ask the network once."""
    with torch.no_grad():
        network(torch.zeros(1, 8, dtype=torch.long))


def quiet() -> None:
    """Leave the library's progress bars and reports out."""
    import warnings

    from transformers.utils import logging as reports

    warnings.simplefilter("ignore")
    reports.disable_progress_bar()
    reports.set_verbosity(logging.ERROR)


def tokenizer() -> Any:
    """Make a byte-level BPE of as many tokens as GPT-2's: bytes, and pairs of them."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = [(a, b) for a in letters for b in letters][:50_000]
    words = [*letters, *(a + b for a, b in pairs), END]
    vocabulary = {word: code for code, word in enumerate(words)}
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token=END, bos_token=END)


def save(place: Path) -> tuple[Path, Path, Path]:
    """Save the model with and without a tokenizer, and a tiny one for what comes first."""
    from transformers import GPT2Config, GPT2LMHeadModel

    from models import native as tiny

    torch.manual_seed(0)
    network = GPT2LMHeadModel(GPT2Config())
    for name in ("alone", "whole"):
        network.save_pretrained(place / name)
    tokenizer().save_pretrained(place / "whole")
    return place / "alone", place / "whole", tiny.gpt2(place / "tiny")


def serve(hub: Any, folder: Path) -> tuple[str, str]:
    """Put a folder on the Hub and load it once; gives its reference and its cached folder."""
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    commit = hub.repository(f"somebody/{folder.name}").put(files)
    pin = f"hf://somebody/{folder.name}@{commit}"
    zoo.load(pin)
    return pin, str(zoo.pull(pin).files["config.json"].parent)


def measure(place: Path, rounds: int) -> list[list[str]]:
    """Measure every pair of loads and of peaks; a row for each."""
    from hub.loopback import LoopbackHub

    os.environ |= {"HF_HOME": str(place / "hf"), "ZOO_HOME": str(place / "zoo")}
    os.environ |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    alone, whole, tiny = save(place)
    size = (alone / "model.safetensors").stat().st_size
    with LoopbackHub() as hub:
        os.environ["HF_ENDPOINT"] = hub.endpoint
        pin, folder = serve(hub, alone)
        both, both_folder = serve(hub, whole)
        small, small_folder = serve(hub, tiny)
        hub.repositories.clear()
        hub.large.clear()
        own = str(alone)
        lines = [
            _raced("model, s", lambda: zoo.load(pin), lambda: native(folder), rounds),
            _raced(
                "model and tokenizer, s",
                lambda: afresh(both),
                lambda: with_tokenizer(both_folder),
                rounds,
            ),
            _raced(
                "model from one's own folder, s",
                lambda: zoo.load(own),
                lambda: native(own, disable_mmap=True),
                rounds,
            ),
        ]
        peaks = peak("zoo", pin, small) / size, peak("library", folder, small_folder) / size
        lines.append(_compared("peak memory / weights", *peaks))
        owned = peak("zoo", own, str(tiny)), peak("library, copied", own, str(tiny))
        lines.append(_compared("the same, own folder", owned[0] / size, owned[1] / size))
    return lines


def peak(side: str, reference: str, small: str) -> int:
    """Give the bytes by which a process grows at most when it loads and asks the network."""
    paths = [str(ROOT / "benchmarks"), str(ROOT), str(ROOT / "tests")]
    command = [sys.executable, "-c", _PEAK, *paths, side, reference, small]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _raced(
    name: str, ours: Callable[[], object], theirs: Callable[[], object], rounds: int
) -> list[str]:
    times = medians({"zoo": ours, "library": theirs}, rounds)
    return _compared(name, times["zoo"], times["library"])


def _compared(name: str, ours: float, theirs: float) -> list[str]:
    return [name, f"{ours:.3f}", f"{theirs:.3f}", f"{ours / theirs:.3f}"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    quiet()
    with tempfile.TemporaryDirectory() as place:
        lines = measure(Path(place), 2 if options.quick else 25)
    spoken = results.table(["load", "zoo", "library", "ratio"], lines)
    versions = describe("transformers", "tokenizers", "safetensors")
    results.publish("Loading models of transformers", versions, _NOTE, spoken)


if __name__ == "__main__":
    main()
