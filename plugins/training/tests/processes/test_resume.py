"""A run that was killed anywhere and resumed ends as one that was not, to the bit."""

from __future__ import annotations

import json
from typing import Any

import pytest

OPTIONS: dict[str, Any] = {
    "steps": 24,
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
    1: [("loss", 20, 0), ("write", 7, 0), ("rename", 2, 0), ("write", 6, 0), ("loss", 13, 0)],
    2: [("loss", 19, 1), ("write", 8, 0), ("rename", 3, 0)],
    4: [("loss", 25, 3), ("write", 9, 0)],
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
    assert [json.loads(line)["step"] for line in lines] == [4, 8, 12, 16, 20, 24]
