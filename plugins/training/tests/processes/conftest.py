"""Runs of several processes on this machine, as torchrun would start them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import pytest
import torch
from torch import Tensor

_HERE = Path(__file__).parent


@final
class Launched:
    """The processes of one run."""

    def __init__(self, launcher: Launcher, numbers: list[int], errors: Path) -> None:
        self._launcher, self.numbers, self._errors = launcher, numbers, errors

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Signal all processes."""
        for process in self.numbers:
            os.kill(process, number)

    def wait(self) -> list[int]:
        """Wait for the first one to end; end the others where it was killed; give exit codes."""
        codes: dict[int, int] = {}
        for process in self.numbers:
            codes[process] = self._launcher.wait(process)
        return [codes[process] for process in self.numbers]

    def wait_for_death(self, rank: int) -> int:
        """Wait for one process to be killed, and then kill the others, as torchrun does."""
        code = self._launcher.wait(self.numbers[rank])
        others = [process for i, process in enumerate(self.numbers) if i != rank]
        for process in others:
            os.kill(process, signal.SIGKILL)
        for process in others:
            self._launcher.wait(process)
        return code

    @property
    def errors(self) -> str:
        """What the processes wrote to stderr."""
        return self._errors.read_text() if self._errors.exists() else ""


@final
class Launcher:
    """Starts processes by forking one that has imported everything."""

    def __init__(self) -> None:
        env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(_HERE)}
        self._zygote = subprocess.Popen(
            [sys.executable, str(_HERE / "zygote.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=env,
        )

    def start(self, task: dict[str, Any], size: int, folder: Path) -> Launched:
        """Start the processes of one run."""
        env: dict[str, str] = {}
        if size > 1:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            env = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(size)}
        numbers = []
        errors = folder / "stderr.txt"
        errors.unlink(missing_ok=True)
        for rank in range(size):
            own = {**env, "RANK": str(rank), "LOCAL_RANK": str(rank)} if size > 1 else {}
            told = {"env": own, "task": task, "stderr": str(errors)}
            numbers.append(self._ask(f"run {json.dumps(told)}"))
        return Launched(self, numbers, errors)

    def wait(self, process: int) -> int:
        """Wait for a process to end; give its exit code."""
        return self._ask(f"wait {process}")

    def close(self) -> None:
        """End the zygote."""
        self._zygote.communicate()

    def _ask(self, line: str) -> int:
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.write(line + "\n")
        self._zygote.stdin.flush()
        return int(self._zygote.stdout.readline())


@final
@dataclass(frozen=True)
class Outcome:
    """What a run left."""

    weights: dict[str, Tensor]
    figures: dict[str, Any]
    files: dict[str, bytes]

    def same_as(self, other: Outcome) -> bool:
        """Compare weights, figures and the last checkpoint's tensors bit for bit."""
        weights = all(torch.equal(t, other.weights[name]) for name, t in self.weights.items())
        shared = ("history", "steps", "stopped")
        figures = all(self.figures[name] == other.figures[name] for name in shared)
        return weights and figures and self.files == other.files


@final
class Runs:
    """Runs of one test in a folder of its own."""

    def __init__(self, launcher: Launcher, folder: Path) -> None:
        self._launcher, self.folder = launcher, folder

    def start(self, name: str, size: int = 1, **task: Any) -> Launched:
        """Start a run that writes to the folder of this name."""
        options = {"out": str(self.folder / name), "resume": True, **task.pop("options")}
        told = {"result": str(self.folder / f"{name}.json"), "options": options, **task}
        return self._launcher.start(told, size, self.folder)

    def finish(self, name: str, size: int = 1, **task: Any) -> Outcome:
        """Run to the end."""
        launched = self.start(name, size, **task)
        codes = launched.wait()
        assert codes == [0] * size, launched.errors
        return self.outcome(name)

    def outcome(self, name: str) -> Outcome:
        """Read what a finished run left."""
        result = self.folder / f"{name}.json"
        last = self.folder / name / "checkpoints" / "last"
        files = {path.name: path.read_bytes() for path in last.glob("*.safetensors")}
        figures = json.loads(result.read_text())
        return Outcome(torch.load(result.with_suffix(".pt")), figures, files)


@pytest.fixture(scope="session")
def _launcher() -> Iterator[Launcher]:
    launcher = Launcher()
    yield launcher
    launcher.close()


@pytest.fixture
def runs(_launcher: Launcher, tmp_path: Path) -> Runs:
    """Runs in a temporary folder."""
    return Runs(_launcher, tmp_path)
