"""A run that was killed anywhere and resumed ends as one that was not, to the bit."""

from __future__ import annotations

import json
import random
import signal
import time
from typing import Any

import pytest

OPTIONS: dict[str, Any] = {
    "steps": 16,
    "batch_size": 22,
    "accumulate": 2,
    "clip_norm": 0.5,
    "ema": 0.9,
    "learning_rate": 0.01,
    "weight_decay": 0.01,
    "evaluate_every": 4,
    "checkpoint_every": 3,
}
# What, the how-manieth time, and in which process.
MOMENTS = {
    1: [("loss", 14, 0), ("write", 7, 0), ("rename", 2, 0), ("write", 6, 0), ("loss", 5, 0)],
    2: [("loss", 19, 1), ("write", 8, 0)],
    4: [("loss", 25, 3)],
}


@pytest.mark.parametrize("model", ["denoiser", "duel"])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_a_killed_run_ends_as_one_that_was_not(runs: Any, model: str, size: int) -> None:
    whole = runs.finish("whole", size, model=model, options=OPTIONS)
    for moment in MOMENTS[size]:
        launched = runs.start("killed", size, model=model, options=OPTIONS, die=moment)
        assert launched.wait_for_death(moment[2]) == -9, launched.errors
    killed = runs.finish("killed", size, model=model, options=OPTIONS)
    assert killed.same_as(whole)
    assert killed.figures["saved"][0] > 3, "nothing was resumed"
    lines = (runs.folder / "killed" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [4, 8, 12, 16]


@pytest.mark.parametrize("model", ["denoiser", "duel"])
def test_a_run_killed_at_random_times_ends_as_one_that_was_not(runs: Any, model: str) -> None:
    """Killed from outside, at times spread over the run, whatever it is doing then."""
    options = {**OPTIONS, "steps": 60, "checkpoint_every": 2}
    began = time.monotonic()
    whole = runs.finish("whole", 1, model=model, options=options)
    seconds = time.monotonic() - began
    moments, kills = random.Random(0), 0
    for _ in range(4):
        launched = runs.start("killed", 1, model=model, options=options)
        time.sleep(moments.uniform(0.1, 0.5) * seconds)
        launched.kill()
        kills += launched.wait() == [-9]
    assert kills > 0
    assert runs.finish("killed", 1, model=model, options=options).same_as(whole)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_processes_that_are_interrupted_stop_together_and_go_on(runs: Any, number: int) -> None:
    """Only one process is told; all end after the same step, with a checkpoint of it."""
    options = {**OPTIONS, "checkpoint_every": 100}
    whole = runs.finish("whole", 2, model="denoiser", options=options)
    stopped = runs.start(
        "stopped", 2, model="denoiser", options=options, die=("signal", 20, 1, number)
    )
    codes = stopped.wait()
    assert codes == [1, 1 if number == signal.SIGINT else -15], stopped.errors
    state = runs.folder / "stopped" / "checkpoints" / "last" / "state.json"
    assert json.loads(state.read_text())["done"] == 10
    assert runs.finish("stopped", 2, model="denoiser", options=options).same_as(whole)


def test_a_run_is_resumed_by_as_many_processes(runs: Any) -> None:
    runs.finish("run", 1, model="denoiser", options=OPTIONS)
    launched = runs.start("run", 2, model="denoiser", options=OPTIONS)
    assert launched.wait() == [1, 1]
    assert "processes 2 instead of 1" in launched.errors


def test_a_full_disk_ends_every_process(runs: Any) -> None:
    launched = runs.start("run", 2, model="duel", options=OPTIONS, die=("full", 9, 0))
    assert launched.wait() == [1, 1]
    assert "DiskFullError" in launched.errors
    assert "CheckpointError: The first process writes the checkpoint" in launched.errors
    assert runs.finish("run", 2, model="duel", options=OPTIONS).figures["saved"][0] == 6
