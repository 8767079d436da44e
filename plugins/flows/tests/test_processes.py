"""Normalisations on several processes: as if one process had all the rows."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import Tensor

from zoo_plugin_flows.actnorm import ActNorm
from zoo_plugin_flows.batch_norm import BatchNorm
from zoo_plugin_flows.bijection import Chain
from zoo_plugin_flows.linear import LULinear

PROCESSES = 2
LAYERS = {"actnorm": ActNorm, "batch norm": BatchNorm}


def rows() -> Tensor:
    return 3 * torch.randn(40, 3, generator=torch.Generator().manual_seed(0)) + 10


def trained(layer: str, x: Tensor) -> dict[str, Tensor]:
    """Do two steps of training, of which the second leaves its gradient; give it and the state."""
    torch.manual_seed(0)
    chain = Chain((LULinear(3), LAYERS[layer](3))).train()
    for part in x.chunk(2):
        chain.zero_grad()
        z, log_det = chain(part, None)
        (z.square().sum(1) / 2 - log_det + z.sin().sum(1)).mean().backward()
    gradients = {name: p.grad for name, p in chain.named_parameters() if p.grad is not None}
    return {**chain.state_dict(), **{f"gradient of {name}": g for name, g in gradients.items()}}


def run(rank: int, folder: str) -> None:
    """Be one of the processes: train on every second row, and write what came of it."""
    store = f"file://{folder}/store"
    torch.distributed.init_process_group("gloo", store, rank=rank, world_size=PROCESSES)
    states = {layer: trained(layer, rows()[rank::PROCESSES]) for layer in LAYERS}
    torch.save(states, f"{folder}/{rank}.pt")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, Tensor]]]:
    """What each process reached, by layer."""
    folder = tmp_path_factory.mktemp("processes")
    commands = [[sys.executable, __file__, str(rank), str(folder)] for rank in range(PROCESSES)]
    started = [subprocess.Popen(command) for command in commands]
    assert [process.wait(120) for process in started] == [0] * PROCESSES
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(PROCESSES)]


@pytest.mark.parametrize("layer", list(LAYERS))
def test_processes_agree_with_one(layer: str, states: list[dict[str, dict[str, Tensor]]]) -> None:
    for name, expected in trained(layer, rows()).items():
        first, *others = [state[layer][name] for state in states]
        if name.startswith("gradient"):
            torch.testing.assert_close(torch.stack([first, *others]).mean(0), expected)
        else:
            assert all(torch.equal(first, other) for other in others)
            torch.testing.assert_close(first, expected)


if __name__ == "__main__":
    run(int(sys.argv[1]), sys.argv[2])
