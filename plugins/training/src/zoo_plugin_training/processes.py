"""The processes that share a run, as torchrun starts them."""

from __future__ import annotations

import atexit
import gc
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
import torch.distributed as dist
from torch import Tensor

from zoo_core.errors import OptionError

_PAUSE = 0.1
"""Seconds in which a group's threads come to rest."""


@final
@dataclass(frozen=True)
class Processes:
    """This process's number among those of the run, and what they tell each other."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes, shows and is observed."""
        return self.rank == 0

    def add(self, values: Sequence[float]) -> list[float]:
        """Add numbers up over the processes, in float64; all get the same sums."""
        if self.size == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.all_reduce(total)
        return total.tolist()

    def told(self, value: Any) -> Any:
        """Give the first process's value to all."""
        if self.size == 1:
            return value
        box = [value if self.leads else None]
        dist.broadcast_object_list(box, src=0, device=self.device)
        return box[0]

    def send(self, tensor: Tensor) -> None:
        """Fill a tensor with the first process's."""
        if self.size > 1:
            dist.broadcast(tensor, src=0)


def join(device: torch.device) -> Processes:
    """Find the processes of the run, by torch's group or by what torchrun left in the environment.

    A group that isn't there is made: gloo for the CPU, NCCL for CUDA. Raises OptionError for a
    model on another process's device.
    """
    if not (dist.is_available() and _is_distributed()):
        return Processes(device)
    _check_device(device)
    if not dist.is_initialized():
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(_leave)
    return Processes(device, dist.get_rank(), dist.get_world_size())


def _is_distributed() -> bool:
    wanted = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    return dist.is_initialized() or all(name in os.environ for name in wanted)


def _check_device(device: torch.device) -> None:
    local = int(os.environ.get("LOCAL_RANK", "0"))
    if device.type == "cuda" and device.index != local and "LOCAL_RANK" in os.environ:
        raise OptionError(
            "Each process trains on a device of its own",
            received=f"process {local} of this machine with its model on {device}",
            remedy="Move it first: model.to(f\"cuda:{os.environ['LOCAL_RANK']}\").",
        )


def _leave() -> None:
    """Leave the group while the interpreter is still there.

    Its threads let go of the last tensors after the results have been given, and need the
    interpreter for that: one that came too late would abort a process whose work is done.
    """
    if dist.is_initialized():
        gc.collect()
        time.sleep(_PAUSE)
        dist.destroy_process_group()
