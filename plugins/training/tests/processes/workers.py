"""What the processes of a test do: train a small model, and die where they are told to."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.checkpoints import writer
from zoo_core.interfaces import late
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.objective import Objective
from zoo_core.interfaces.preprocessing import Standardize
from zoo_core.interfaces.space import Space
from zoo_plugin_training import checkpoint_folder, loop
from zoo_plugin_training.hooks import zoo_train


@final
class Denoiser(Model):
    """Restores noisy rows; has dropout, running statistics, a scalar, and a layer that only some
    steps of some processes use.
    """

    architecture = "test/denoiser"

    @final
    class Config(zoo.Config):
        """Dropout's probability; whether anything at all is random or depends on other rows."""

        dropout: float = 0.3
        plain: bool = False

    def _space(self) -> Space:
        return Space.real(3)

    def _preprocessing(self) -> tuple[Standardize]:
        return (Standardize(),)

    def _build(self) -> None:
        self.inner = nn.Linear(3, 7)
        self.outer = nn.Linear(7, 3)
        self.sometimes = nn.Linear(3, 3)
        self.scale = nn.Parameter(torch.ones(()))
        self.held: set[str] = set()
        self.frozen = nn.Parameter(torch.ones(3), requires_grad=False)
        self.drop = nn.Dropout(0.0 if self.config.plain else self.config.dropout)
        self.register_buffer("seen", torch.zeros(3))

    def _blocks(self) -> tuple[nn.Module, ...]:
        return self.inner, self.outer

    def _loss(self, batch: Batch, call: Call) -> Tensor:
        x = batch.x
        if self.config.plain:
            loss = (self._restored(x) - 2 * x).square().sum(-1)
            self.held.add(type(self.inner.weight.data).__name__)
            return loss
        noisy = x + torch.randn(x.shape, generator=call.rng)
        if self.training:
            self.seen.lerp_(x.detach().mean(0), 0.1)
        if float(torch.rand((), generator=call.rng)) < 0.5:
            noisy = noisy + self.sometimes(noisy)
        return (self._restored(noisy - self.seen) - x).square().sum(-1)

    def _restored(self, x: Tensor) -> Tensor:
        return self.scale * self.outer(self.drop(self.inner(x).tanh())) * self.frozen


@final
class Duel(Model):
    """Two objectives: a critic tells rows from a generator's, which learns from it."""

    architecture = "test/duel"

    @final
    class Config(zoo.Config):
        """Dropout's probability."""

        dropout: float = 0.3

    def _space(self) -> Space:
        return Space.real(3)

    def _build(self) -> None:
        self.generator = nn.Linear(2, 3)
        self.critic = nn.Sequential(
            nn.Linear(3, 8), nn.ReLU(), nn.Dropout(self.config.dropout), nn.Linear(8, 1)
        )

    def _objectives(self) -> tuple[Objective, ...]:
        return Objective("critic", ("critic",), steps=2), Objective("generator", ("generator",))

    def _loss(self, batch: Batch, call: Call) -> Tensor:
        made = self.generator(torch.randn(len(batch), 2, generator=call.rng))
        told = self.critic(made).squeeze(-1)
        if call.objective == "generator":
            return nn.functional.softplus(-told)
        true = self.critic(batch.x).squeeze(-1)
        return nn.functional.softplus(told) + nn.functional.softplus(-true)


MODELS: dict[str, type[Model]] = {"denoiser": Denoiser, "duel": Duel}


def rows(n: int) -> Tensor:
    """Give rows to train on."""
    return torch.randn(n, 3, generator=zoo.rng(1)) * torch.tensor([1.0, 2.0, 0.5]) + 1


def run(task: dict[str, Any]) -> None:
    """Train as a task says, and leave the weights, the history and the steps' figures."""
    torch.set_num_threads(1)
    late.train = zoo_train
    events: list[Any] = []
    loop.observe_training = lambda model, request: events.append  # pyright: ignore
    for model_class in MODELS.values():
        zoo.register(model_class)
    _die(task.get("die"))
    model = MODELS[task["model"]].create(seed=0, **task.get("config", {}))
    n = task.get("rows", 50)
    weight = torch.arange(n) % 3 if task.get("weighted") else None
    report = model.fit(
        rows(n), weight=weight, valid=rows(20), rng=zoo.rng(0), progress="none", **task["options"]
    )
    if model._blocks():
        assert all(type(block) is nn.Linear for block in model._blocks())
        assert all(not block._forward_pre_hooks for block in model._blocks())
    if os.environ.get("RANK", "0") == "0" and "result" in task:
        result = Path(task["result"])
        torch.save(model.state_dict(), result.with_suffix(".pt"))
        history = [{k: v for k, v in entry.items() if k != "seconds"} for entry in report.history]
        saved = [event.step for event in events if event.kind == "saved"]
        figures = {"history": history, "steps": report.steps, "saved": saved}
        figures["stopped"] = report.stopped
        if isinstance(model, Denoiser):
            figures["held"] = sorted(model.held)
        figures["requires_grad"] = [p.requires_grad for p in model.parameters()]
        result.write_text(json.dumps(figures))


def _die(moment: list[Any] | None) -> None:
    """Be killed at the k-th loss, in the middle of the k-th file, or before the k-th rename."""
    if moment is None or int(os.environ.get("RANK", "0")) != moment[2]:
        return
    what, number, _, *signals = moment
    if what in ("loss", "signal"):
        for model_class in MODELS.values():
            model_class._loss = _deadly(model_class._loss, number, *signals)  # pyright: ignore
    elif what == "rename":
        checkpoint_folder.os.rename = _deadly(os.rename, number)
    elif what in ("write", "full"):
        writer._write = _half_written(writer._write, number, full=what == "full")


def _deadly(
    function: Callable[..., Any], number: int, deadly: int = signal.SIGKILL
) -> Callable[..., Any]:
    calls = iter(range(1, 10**9))

    def called(*arguments: Any, **named: Any) -> Any:
        if next(calls) == number:
            os.kill(os.getpid(), deadly)
        return function(*arguments, **named)

    return called


def _half_written(function: Callable[..., Any], number: int, *, full: bool) -> Callable[..., Any]:
    calls = iter(range(1, 10**9))

    def called(path: Path, pieces: Any) -> None:
        if next(calls) != number:
            function(path, pieces)
            return
        whole = io.BytesIO()
        for piece in pieces:
            whole.write(piece if isinstance(piece, bytes) else piece.view())
        path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])
        if full:
            raise OSError(28, "No space left on device")
        os.kill(os.getpid(), signal.SIGKILL)

    return called
