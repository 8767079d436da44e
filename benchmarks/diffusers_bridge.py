"""How bridged pipelines of diffusers load and sample beside the library's own calls.

    python benchmarks/diffusers_bridge.py [--quick]

The network has the size of DDPM's for CIFAR-10, with random weights. The script isn't called
diffusers.py: a script's folder comes first when modules are looked for.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from measuring import results
from measuring.machine import describe, one_thread
from measuring.turns import Work, race

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import zoo_core as zoo  # noqa: E402
from zoo_core.interfaces.randomness import child_rng  # noqa: E402

STEPS = 4
_NOTE = (
    "The network of DDPM for CIFAR-10 (Ho et al. 2020, appendix B): {millions:.1f} million "
    "parameters, random weights. Loading: processor seconds of a warm load from a Hub's cache on this "
    "machine, medians in turn in one process, the same files on both sides; the peak is by how "
    "much a process of its own grows at most, up to and including a first forward pass, over the "
    "weights' size. Sampling: processor seconds a step of one thread, medians in turn, the same "
    f"module on both sides, {STEPS} steps; `denoise` beside a call of the network itself."
)


def pipeline() -> Any:
    """Make DDPM's pipeline for CIFAR-10 with random weights."""
    from diffusers import DDPMPipeline, DDPMScheduler, UNet2DModel

    unet = UNet2DModel(
        sample_size=32,
        block_out_channels=(128, 256, 256, 256),
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
        layers_per_block=2,
        attention_head_dim=None,
        downsample_padding=0,
        flip_sin_to_cos=False,
        freq_shift=1,
        norm_eps=1e-6,
    )
    return DDPMPipeline(unet=unet.eval(), scheduler=DDPMScheduler())


def native(folder: Path) -> Any:
    """Load by the library alone, as it does where the package accelerate isn't installed."""
    from diffusers import DiffusionPipeline

    return DiffusionPipeline.from_pretrained(folder, low_cpu_mem_usage=False)


def forward(unet: Any) -> Any:
    """Ask the network once."""
    with torch.no_grad():
        return unet(torch.zeros(1, 3, 32, 32), 1).sample


def loading(pin: str, folder: Path, rounds: int) -> dict[str, float]:
    """Measure loads in turn, one to warm up; processor seconds."""
    contenders: dict[str, Work] = {
        "zoo": lambda: zoo.load(pin),
        "library": lambda: native(folder),
        "zoo, first": lambda: forward(zoo.load(pin).unet),
        "library, first": lambda: forward(native(folder).unet),
    }
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(rounds + 1):
        for name, load in contenders.items():
            gc.collect()
            start = time.process_time()
            made = load()
            taken = time.process_time() - start
            del made
            if turn:
                times[name].append(taken)
    return {name: statistics.median(values) for name, values in times.items()}


_PEAK = """
import sys, torch
sys.path[:0] = sys.argv[1:4]
import diffusers_bridge as bench
from loading import highest
from pathlib import Path
import zoo_core as zoo
from zoo_plugin_diffusers.silence import silenced
load = {"zoo": lambda ref: zoo.load(ref).unet, "library": lambda ref: bench.native(Path(ref)).unet}
with silenced():
    bench.forward(load[sys.argv[4]](sys.argv[6]))  # every import and every first use
    before = highest()
    bench.forward(load[sys.argv[4]](sys.argv[5]))
print(highest() - before)
"""


def peak(side: str, ref: str, small: str) -> int:
    """Give the bytes by which a process grows at most when it loads and asks the network."""
    paths = [str(ROOT / "benchmarks"), str(ROOT), str(ROOT / "tests")]
    command = [sys.executable, "-c", _PEAK, *paths, side, ref, small]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(told.stdout)


def sampling(rounds: int) -> list[list[str]]:
    """Measure samples and single predictions, of the same module."""
    from zoo_plugin_diffusers.served import UnconditionalPipeline
    from zoo_plugin_diffusers.unconditional import Unconditional

    own = pipeline()
    own.set_progress_bar_config(disable=True)
    kind = UnconditionalPipeline.DDPM
    model = Unconditional.of(kind, unet=own.unet, scheduler=own.scheduler).eval()
    lines = []
    for n in (1, 4):
        asked = {"num_inference_steps": STEPS, "output_type": "pt", "batch_size": n}
        sample: dict[str, Work] = {
            "zoo": lambda n=n: model.sample(n, steps=STEPS, rng=zoo.rng(0)),
            "library": lambda asked=asked: own(generator=child_rng(zoo.rng(0), "cpu"), **asked),
        }
        lines.append(_line(f"a step of sampling, {n} at once", sample, rounds, STEPS))
        lines.append(_line(f"denoise, {n} at once", _denoising(model, own, n), rounds, 1))
    return lines


def _denoising(model: Any, own: Any, n: int) -> dict[str, Work]:
    x = torch.randn(n, 3, 32, 32)
    level = model.path(10)[4]
    no_grad = torch.no_grad()
    return {
        "zoo": no_grad(lambda: model.denoise(x, level)),
        "library": no_grad(lambda: own.unet(x, 500).sample),
    }


def _line(name: str, works: dict[str, Work], rounds: int, calls: int) -> list[str]:
    times = race(works, rounds=rounds, least=min(rounds, 3))
    ours, theirs = times["zoo"] / calls, times["library"] / calls
    return [name, f"{ours:.3f}", f"{theirs:.3f}", f"{ours / theirs:.3f}"]


def load_lines(own: Any, place: Path, rounds: int) -> list[list[str]]:
    """Serve the pipeline, load it once, then measure."""
    from hub.loopback import LoopbackHub

    os.environ |= {"HF_HOME": str(place / "hf"), "ZOO_HOME": str(place / "zoo")}
    os.environ |= {"HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    weights = sum(parameter.nbytes for parameter in own.unet.parameters())
    with LoopbackHub() as hub:
        os.environ["HF_ENDPOINT"] = hub.endpoint
        pin, folder = serve(hub, own, "cifar", place)
        tiny, tiny_folder = serve(hub, _tiny(), "tiny", place)
        hub.repositories.clear()
        hub.large.clear()
        found = loading(pin, folder, rounds)
        peaks = {
            "zoo": peak("zoo", pin, tiny) / weights,
            "library": peak("library", str(folder), str(tiny_folder)) / weights,
        }
    rows = [("load, s", "zoo", "library"), ("load and ask once, s", "zoo, first", "library, first")]
    lines = [_compared(name, found[ours], found[theirs]) for name, ours, theirs in rows]
    return [*lines, _compared("peak memory / weights", peaks["zoo"], peaks["library"])]


def serve(hub: Any, own: Any, name: str, place: Path) -> tuple[str, Path]:
    """Put a pipeline on the Hub and load it once; gives its reference and its cached folder."""
    own.save_pretrained(place / name)
    inside = [path for path in (place / name).rglob("*") if path.is_file()]
    files = {path.relative_to(place / name).as_posix(): path.read_bytes() for path in inside}
    commit = hub.repository(f"somebody/{name}").put(files)
    pin = f"hf://somebody/{name}@{commit}"
    zoo.load(pin)
    return pin, zoo.pull(pin).files["model_index.json"].parent


def _tiny() -> Any:
    from models import native_pipelines

    return native_pipelines.unconditional("DDPMPipeline", "DDPMScheduler")


def _compared(name: str, ours: float, theirs: float) -> list[str]:
    return [name, f"{ours:.3f}", f"{theirs:.3f}", f"{ours / theirs:.3f}"]


def main() -> None:
    """Measure and print."""
    from zoo_plugin_diffusers.silence import silenced

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    one_thread()
    with silenced(), tempfile.TemporaryDirectory() as place:
        own = pipeline()
        millions = sum(parameter.numel() for parameter in own.unet.parameters()) / 1e6
        lines = load_lines(own, Path(place), 2 if options.quick else 15)
        lines += sampling(2 if options.quick else 15)
    spoken = results.table(["work", "zoo", "library", "ratio"], lines)
    note = _NOTE.format(millions=millions)
    results.publish("Bridge to diffusers", describe("diffusers", "safetensors"), note, spoken)


if __name__ == "__main__":
    main()
