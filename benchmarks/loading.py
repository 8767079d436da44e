"""How fast a model is loaded, as ratios of medians measured in turn in one process.

    python benchmarks/loading.py [--megabytes 500] [--rounds 7] [--json]

Compared, up to and including the first forward pass: `zoo.load` of a pinned, warm model; building
the model and `load_state_dict`; what one would write by hand (meta device, mapped file,
`assign=True`); and, for small models of equal size, `from_pretrained` of transformers. Peak extra
memory is that of a process of its own.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import final

import torch
from measuring import results
from measuring.machine import describe
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]


import zoo_core as zoo  # noqa: E402
from zoo_core.interfaces import late  # noqa: E402

WIDTH = 4096
_NOTE = "Seconds, unless said otherwise; medians of rounds in turn in one process."


def layers(width: int, depth: int) -> nn.Sequential:
    """Make the network that all contenders load."""
    return nn.Sequential(*(nn.Linear(width, width) for _ in range(depth)))


@final
class Tower(zoo.DensityModel):
    """A stack of linear layers; its density is of no interest."""

    architecture = "bench/tower"

    @final
    class Config(zoo.Config):
        """How wide and how deep."""

        space: zoo.Space
        depth: int

    config: Config

    def _build(self) -> None:
        self.net = layers(self.space.size, self.config.depth)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self.net(z).sum(1)

    def _density(self, options: zoo.Config) -> tuple[zoo.DensityKind, str]:
        return zoo.DensityKind.UNNORMALIZED, "a benchmark"


def install() -> None:
    """Let the tower be found by its name."""
    from zoo_core import publishing

    known = late.architecture
    late.architecture = lambda name: Tower if name == Tower.architecture else known(name)
    publishing.versions = lambda names: {}
    publishing.pushing.registry_entry = lambda *arguments: ""


def medians(contenders: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Measure each contender in turn, `rounds` times after one to warm up; seconds."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, contender in contenders.items():
            gc.collect()
            start = time.perf_counter()
            result = contender()
            taken = time.perf_counter() - start
            del result
            if turn:
                times[name].append(taken)
    return {name: statistics.median(values) for name, values in times.items()}


def by_hand(path: Path, width: int, depth: int) -> nn.Module:
    """Load as one would by hand: meta device, mapped file, assign."""
    from safetensors.torch import load_file

    with torch.device("meta"):
        net = layers(width, depth)
    state = {name.removeprefix("net."): value for name, value in load_file(path).items()}
    net.load_state_dict(state, assign=True)
    return net.eval()


def built(path: Path, width: int, depth: int) -> nn.Module:
    """Build with initial weights, then load the state over them."""
    from safetensors.torch import load_file

    model = Tower.create(space=zoo.Space.real(width), depth=depth)
    model.load_state_dict(load_file(path))
    return model.eval()


def forward(net: nn.Module, x: Tensor) -> nn.Module:
    """Run one row through the layers: the same work for every contender."""
    with torch.no_grad():
        (net.net if isinstance(net, Tower) else net)(x).sum(1)
    return net


def contest(pin: str, depth: int, width: int, rounds: int) -> dict[str, float]:
    """Measure the contenders on one model."""
    path = zoo.pull(pin).files["model.safetensors"]
    x = torch.zeros(1, width)
    # What takes milliseconds is measured more often.
    ready = {
        "zoo.load, ready": lambda: zoo.load(pin),
        "by hand, ready": lambda: by_hand(path, width, depth),
    }
    first = {
        "zoo.load, first forward": lambda: forward(zoo.load(pin), x),
        "by hand, first forward": lambda: forward(by_hand(path, width, depth), x),
        "build + load_state_dict, first forward": lambda: forward(built(path, width, depth), x),
    }
    return medians(ready, 10 * rounds) | medians(first, rounds)


def against_transformers(publish: Callable[[Tower], str], place: Path, rounds: int) -> dict:
    """Measure a small model of equal size against transformers' from_pretrained."""
    try:
        from transformers import GPT2Config, GPT2LMHeadModel
    except ImportError:
        return {}
    shape = GPT2Config(n_embd=128, n_layer=6, n_head=4, vocab_size=1000, n_positions=128)
    GPT2LMHeadModel(shape).save_pretrained(place / "gpt2")
    size = (place / "gpt2/model.safetensors").stat().st_size
    width = 256
    depth = max(1, round(size / (4 * width * (width + 1))))
    pin = publish(Tower.create(space=zoo.Space.real(width), depth=depth))
    ids, x = torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, width)
    load = GPT2LMHeadModel.from_pretrained
    times = medians(
        {
            "zoo.load, small": lambda: forward(zoo.load(pin), x),
            "transformers, small": lambda: load(place / "gpt2")(ids),
        },
        3 * rounds,
    )
    return {**times, "small megabytes": size / 1e6}


def highest() -> int:
    """Give the most memory that this process has had, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says there counts the parent's memory before exec
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    import resource

    usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return usage if sys.platform == "darwin" else usage * 1024


_PEAK = """
import sys, torch
sys.path[:0] = sys.argv[1:4]
import loading
import zoo_core as zoo
loading.install()
zoo.load(sys.argv[5])  # every import and every first use
torch.zeros(1, 64) @ torch.zeros(64, 64)
before = loading.highest()
model = zoo.load(sys.argv[4])
loading.forward(model, torch.zeros(1, loading.WIDTH))
print(loading.highest() - before)
"""


def peak(ref: str, small: str) -> int:
    """Give the bytes by which a process grows at most when it loads and uses a model."""
    paths = [str(ROOT / "benchmarks"), str(ROOT), str(ROOT / "tests")]
    command = [sys.executable, "-c", _PEAK, *paths, ref, small]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(megabytes: int, rounds: int, place: Path) -> dict[str, float]:
    """Push the models to a Hub on this machine, load them once, then measure."""
    from hub.loopback import LoopbackHub

    depth = max(1, round(megabytes * 1e6 / (4 * WIDTH * (WIDTH + 1))))
    os.environ |= {"HF_HOME": str(place / "hf"), "ZOO_HOME": str(place / "zoo")}
    os.environ |= {"HF_TOKEN": "hf_writer", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    install()
    with LoopbackHub() as hub:
        os.environ["HF_ENDPOINT"] = hub.endpoint

        def publish(model: Tower) -> str:
            pin = zoo.push(model, f"somebody/tower-{model.config.depth}").pin
            zoo.load(pin)
            return pin

        model = Tower.create(space=zoo.Space.real(WIDTH), depth=depth)
        size = sum(parameter.nbytes for parameter in model.parameters())
        zoo.save(model, place / "saved")
        pin = publish(model)
        del model
        small = publish(Tower.create(space=zoo.Space.real(64), depth=2))
        hub.repositories.clear()
        hub.large.clear()
        times = contest(pin, depth, WIDTH, rounds)
        times["megabytes"] = size / 1e6
        times["peak extra / weights, cache"] = peak(pin, small) / size
        times["peak extra / weights, folder"] = peak(str(place / "saved"), small) / size
        return times | against_transformers(publish, place, rounds)


def report(found: dict[str, float]) -> dict[str, tuple[float, str]]:
    """Give the ratios that are promised, each with its bound."""
    ready, first = found["zoo.load, ready"], found["zoo.load, first forward"]
    lines = {
        "ready, milliseconds": (ready * 1e3, "< 50"),
        "build + load_state_dict / zoo.load, to the first forward": (
            found["build + load_state_dict, first forward"] / first,
            ">= 8",
        ),
        "zoo.load / by hand, ready": (ready / found["by hand, ready"], "<= 1"),
        "zoo.load / by hand, to the first forward": (
            first / found["by hand, first forward"],
            "<= 1",
        ),
        "peak extra memory / weights, from the cache": (
            found["peak extra / weights, cache"],
            "< 1.15",
        ),
        "peak extra memory / weights, from a folder": (
            found["peak extra / weights, folder"],
            "< 1.15",
        ),
    }
    if "transformers, small" in found:
        ratio = found["transformers, small"] / found["zoo.load, small"]
        lines["from_pretrained / zoo.load, small models"] = (ratio, ">= 2")
    return lines


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        found = measure(options.megabytes, options.rounds, Path(place))
    if options.json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    measured = results.table(
        ["measured", "value"], [[name, f"{value:.4g}"] for name, value in found.items()]
    )
    promised = results.table(
        ["promised", "value", "asked for"],
        [[name, f"{value:.3g}", bound] for name, (value, bound) in report(found).items()],
    )
    others = ("transformers",) if "transformers, small" in found else ()
    results.publish("Loading", describe("safetensors", *others), _NOTE, measured, promised)


if __name__ == "__main__":
    main()
