"""Several processes that each hold a part of the weights."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast, final

import torch
import torch.distributed as dist
from torch import Tensor, nn

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.objective import Objective
from zoo_plugin_training.engine import Engine, local_norm, only_trained, taken_gradients
from zoo_plugin_training.engine_ddp import send_buffers
from zoo_plugin_training.losses import Losses
from zoo_plugin_training.options import Precision
from zoo_plugin_training.processes import Processes

if TYPE_CHECKING:
    from torch.distributed.fsdp import FSDPModule
    from torch.distributed.tensor import DTensor


@final
class ShardedEngine(Engine):
    """FSDP2: each process holds a part of every parameter, its gradient and what belongs to it.

    The parameters are put together for each step's forward and backward pass: those of the
    model's blocks one block at a time, the others for the whole of it. Those of no dimension,
    which FSDP2 does not split, are held by all. A parameter that a step does not use has a
    gradient of zero, since all processes exchange the same ones.
    """

    def __init__(
        self,
        model: Model,
        objectives: Sequence[Objective],
        trained: Sequence[Sequence[str]],
        precision: Precision,
        processes: Processes,
    ) -> None:
        from torch.distributed.fsdp import fully_shard

        self._model, self._processes = model, processes
        self._names = [objective.name for objective in objectives]
        self._trained = [list(names) for names in trained]
        send_parameters(model, processes)
        self._scalars = {name for name, p in model.named_parameters() if p.ndim == 0}
        self._places = _places(model)
        self._losses = Losses(model, precision, uses_all=True)
        ignored = {p for p in model.parameters() if p.ndim == 0}
        self._blocks = [_Block(block) for block in model._blocks()]
        for block in self._blocks:
            fully_shard(block.module, ignored_params=ignored)
            block.remember()
        self._sharded = cast("FSDPModule", fully_shard(self._losses, ignored_params=ignored))
        self._parameters = dict(model.named_parameters())
        self.local = {name: _local(p).detach() for name, p in self._parameters.items()}

    def rows(self, number: int, batch: Batch, rng: torch.Generator) -> Tensor:
        """Give the loss of each row."""
        return self._losses(batch, self._names[number], rng)

    def training(self, number: int) -> contextlib.AbstractContextManager[None]:
        """Let only the parameters of this objective have gradients inside."""
        return only_trained(self._parameters, self._trained[number])

    @contextlib.contextmanager
    def accumulating(self, number: int) -> Iterator[None]:
        """Exchange nothing inside."""
        del number
        self._sharded.set_requires_gradient_sync(False)
        try:
            yield
        finally:
            self._sharded.set_requires_gradient_sync(True)

    def gradients(self, names: Sequence[str]) -> list[Tensor | None]:
        """Give this process's parts of the gradients, and forget them."""
        found = taken_gradients(self._parameters, names)
        local = [None if gradient is None else _local(gradient) for gradient in found]
        for index, name in enumerate(names):
            if name in self._scalars:
                local[index] = self._averaged(local[index])
        return local

    def norm(self, gradients: list[Tensor]) -> Tensor:
        """Give the norm over the parts of all processes; what all hold counts once."""
        parts = [g for g in gradients if g.ndim > 0]
        total = local_norm(parts).square() if parts else gradients[0].new_zeros(())
        dist.all_reduce(total)
        return (total + sum(g.square() for g in gradients if g.ndim == 0)).sqrt()

    def whole(self, name: str, local: Tensor) -> Tensor:
        """Put the processes' parts together."""
        if name in self._scalars:
            return local
        from torch.distributed.tensor import DTensor

        like = self._dtensor(name)
        found = DTensor.from_local(
            local, like.device_mesh, like.placements, shape=like.shape, stride=like.stride()
        )
        return found.full_tensor()

    def part(self, name: str, whole: Tensor) -> Tensor:
        """Give this process's part."""
        if name in self._scalars:
            return whole
        from torch.distributed.tensor import distribute_tensor

        like = self._dtensor(name)
        return distribute_tensor(whole, like.device_mesh, like.placements).to_local()

    @contextlib.contextmanager
    def gathered(self) -> Iterator[None]:
        """Let the model hold whole tensors inside.

        They are not those that FSDP2 puts together, whose memory it takes away afterwards even
        from who still looks at it.
        """
        self.release()
        try:
            yield
        finally:
            for block in self._blocks:
                block.divide()
            for name, parameter in self._parameters.items():
                self._hang(name, parameter)

    def release(self) -> None:
        """Put whole parameters into the model's modules in the place of the parts."""
        for name, parameter in self._parameters.items():
            whole = self.whole(name, self.local[name])
            self._hang(name, nn.Parameter(whole, requires_grad=parameter.requires_grad))
        for block in self._blocks:
            block.unite()

    def _hang(self, name: str, parameter: nn.Parameter) -> None:
        for module, attribute in self._places[name]:
            module.register_parameter(attribute, parameter)

    def synchronize_buffers(self) -> None:
        """Let every process have the first one's buffers."""
        send_buffers(self._model, self._processes)

    def _averaged(self, gradient: Tensor | None) -> Tensor | None:
        """Average the gradient of a parameter that FSDP2 leaves alone."""
        known = self._processes.add([0.0 if gradient is None else 1.0])[0]
        if known == 0:
            return None
        total = torch.zeros((), device=self._processes.device) if gradient is None else gradient
        dist.all_reduce(total)
        return total / self._processes.size

    def _dtensor(self, name: str) -> DTensor:
        return cast("DTensor", self._parameters[name])


@final
class _Block:
    """A module that FSDP2 divides, and the ordinary module that it was."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self._before = self._now = _dress(module)

    def remember(self) -> None:
        """Take note of what FSDP2 has made of it."""
        self.module.register_forward_pre_hook(_differentiable, prepend=True, with_kwargs=True)
        self._now = _dress(self.module)

    def divide(self) -> None:
        """Let FSDP2 have it again."""
        _put_on(self.module, self._now)

    def unite(self) -> None:
        """Make it an ordinary module: its class, and nobody who is called along with forward."""
        _put_on(self.module, self._before)


def _differentiable(
    module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Let every input of a block require a gradient.

    FSDP2 exchanges a block's gradients when those of its inputs are there, and at the very end
    where there are none: that may differ from process to process, and then they would not meet.
    """
    del module
    if not torch.is_grad_enabled():
        return inputs, named
    return tuple(map(_requiring, inputs)), {k: _requiring(v) for k, v in named.items()}


def _requiring(value: Any) -> Any:
    if not isinstance(value, Tensor) or not value.is_floating_point() or value.requires_grad:
        return value
    return value.detach().requires_grad_()


def _dress(module: nn.Module) -> tuple[Any, ...]:
    hooks = OrderedDict(module._forward_pre_hooks), OrderedDict(module._forward_hooks)
    return type(module), *hooks


def _put_on(module: nn.Module, dress: tuple[Any, ...]) -> None:
    module.__class__, before, after = dress
    module._forward_pre_hooks, module._forward_hooks = OrderedDict(before), OrderedDict(after)


def _local(tensor: Tensor) -> Tensor:
    from torch.distributed.tensor import DTensor

    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def _places(model: Model) -> dict[str, list[tuple[nn.Module, str]]]:
    """Find where each parameter hangs; a shared one in several places."""
    by_identity: dict[int, list[tuple[nn.Module, str]]] = {}
    for module in model.modules():
        for attribute, parameter in module._parameters.items():
            if parameter is not None:
                by_identity.setdefault(id(parameter), []).append((module, attribute))
    return {name: by_identity[id(parameter)] for name, parameter in model.named_parameters()}


def send_parameters(model: Model, processes: Processes) -> None:
    """Let every process begin with the first one's weights."""
    for parameter in model.parameters():
        processes.send(parameter.detach())
