"""Load a pretrained model by name, draw digits, and score digits that it has never seen.

    python docs/examples/digits.py [FOLDER]

Needs zoo-plugin-flows and zoo-plugin-data, and no network: the weights are in the flows' package.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import torch
from torch import Tensor

import zoo_core as zoo
import zoo_plugin_data
from zoo_core.exchange import grid, panels, to_images

NAME = "flows/nsf-digits"
SHOWN = 64


def main(folder: Path = Path("out"), name: str = NAME) -> None:
    """Write samples beside real digits, and print how well the model predicts held-out ones."""
    model = zoo.load(name)
    train = zoo_plugin_data.load("digits", split="train").x
    test = zoo_plugin_data.load("digits", split="test").x

    samples = model.sample(SHOWN, rng=zoo.rng(0))
    path = draw(model.space, samples, test, folder / "digits.png")

    with torch.no_grad():
        score = bits_per_dim(model.log_prob(test, rng=zoo.rng(0)), model.space.size)
    baseline = bits_per_dim(independent_pixels(train, test, levels=17), model.space.size)
    density = model.density
    print(f"{path}: {SHOWN} samples of {name} beside real digits")
    print(
        f"bits/dim of {len(test)} held-out digits, less is better: "
        f"{name} {score} (kind: {density.kind} on the {density.measure}, {density.how}); "
        f"independent pixels {baseline} (kind: exact mass)"
    )


def draw(space: zoo.Space, samples: Tensor, test: Tensor, path: Path) -> Path:
    """Write samples and real digits side by side."""
    shuffled = test[torch.randperm(len(test), generator=zoo.rng(0))]
    sides = {"model": samples, "real": shuffled[: len(samples)]}
    path.parent.mkdir(parents=True, exist_ok=True)
    panels({side: grid(to_images(space, x)) for side, x in sides.items()}).save(path)
    return path


def bits_per_dim(log_prob: Tensor, size: int) -> str:
    """Give the mean of −log2 p / size and its standard error over the rows, as text."""
    bits = -log_prob.double() / (size * math.log(2))
    return f"{bits.mean():.3f} ± {bits.std() / len(bits) ** 0.5:.3f}"


def independent_pixels(train: Tensor, test: Tensor, levels: int) -> Tensor:
    """Give log p of each test row where every pixel has a categorical of its own, in nats.

    p(level k) = (count of k + 1) / (rows + levels): add-one smoothing.
    """
    counts = torch.nn.functional.one_hot(train.flatten(1), levels).sum(0)
    log_p = ((counts + 1.0) / (len(train) + levels)).log()
    pixels = torch.arange(log_p.shape[0])
    return log_p[pixels, test.flatten(1)].sum(1)


if __name__ == "__main__":
    main(Path(*sys.argv[1:2] or ["out"]))
