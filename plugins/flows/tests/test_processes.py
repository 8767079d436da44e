"""Normalisations on several processes: as if one process had all the rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor

from zoo_plugin_flows.actnorm import ActNorm
from zoo_plugin_flows.batch_norm import BatchNorm
from zoo_plugin_flows.bijection import Chain
from zoo_plugin_flows.linear import LULinear

PROCESSES = 2


def rows() -> Tensor:
    return 3 * torch.randn(40, 3, generator=torch.Generator().manual_seed(0)) + 10


def trained(layer: str, x: Tensor) -> dict[str, Tensor]:
    """Do two steps of training, of which the second has a gradient; give state and gradient."""
    torch.manual_seed(0)
    chain = Chain((LULinear(3), ActNorm(3) if layer == "actnorm" else BatchNorm(3))).train()
    for part in x.chunk(2):
        chain.zero_grad()
        z, log_det = chain(part, None)
        (z.square().sum(1) / 2 - log_det + z.sin().sum(1)).mean().backward()
    gradients = {name: p.grad for name, p in chain.named_parameters() if p.grad is not None}
    return {**chain.state_dict(), **{f"gradient of {name}": g for name, g in gradients.items()}}


def run(layer: str, rank: int, folder: str) -> None:
    """Be one of the processes: train on every second row, and write what came of it."""
    store = f"file://{folder}/store"
    torch.distributed.init_process_group("gloo", store, rank=rank, world_size=PROCESSES)
    state = trained(layer, rows()[rank::PROCESSES])
    torch.save(state, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize("layer", ["actnorm", "batch norm"])
def test_processes_agree_with_one(layer: str, tmp_path: Path) -> None:
    started = [
        subprocess.Popen([sys.executable, __file__, layer, str(rank), str(tmp_path)])
        for rank in range(PROCESSES)
    ]
    assert [process.wait(60) for process in started] == [0] * PROCESSES
    states = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(PROCESSES)]
    for name, expected in trained(layer, rows()).items():
        first, *others = [state[name] for state in states]
        if name.startswith("gradient"):
            torch.testing.assert_close(torch.stack([first, *others]).mean(0), expected)
        else:
            assert all(torch.equal(first, other) for other in others)
            torch.testing.assert_close(first, expected)


if __name__ == "__main__":
    run(sys.argv[1], int(sys.argv[2]), sys.argv[3])
