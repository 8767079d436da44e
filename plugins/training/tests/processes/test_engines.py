"""Several processes do what one does, whichever engine shares the work."""

from __future__ import annotations

from typing import Any

import pytest
import torch

PLAIN: dict[str, Any] = {
    "model": "denoiser",
    "config": {"plain": True},
    "weighted": True,
    "rows": 53,
    "options": {
        "steps": 8,
        "batch_size": 21,
        "accumulate": 2,
        "clip_norm": 0.5,
        "ema": 0.5,
        "learning_rate": 0.01,
        "schedule": "constant",
    },
}


@pytest.mark.parametrize(("size", "engine"), [(2, "ddp"), (2, "fsdp")])
def test_several_processes_give_the_weights_that_one_gives(
    runs: Any, size: int, engine: str
) -> None:
    """Rows of unequal weights in unequal shares: the mean over the whole batch is exact."""
    alone = runs.finish("alone", 1, **PLAIN)
    task = {**PLAIN, "options": {**PLAIN["options"], "engine": engine}}
    shared = runs.finish("shared", size, **task)
    assert alone.weights.keys() == shared.weights.keys()
    for name, tensor in alone.weights.items():
        torch.testing.assert_close(shared.weights[name], tensor, rtol=2e-4, atol=2e-5)
    last, same = alone.figures["history"][-1], shared.figures["history"][-1]
    assert same == pytest.approx(last, rel=1e-4)
    assert shared.figures["requires_grad"] == alone.figures["requires_grad"]
    # A block's weights are in parts again when it has done its work; validation has them whole.
    assert shared.figures["held"] == (["DTensor", "Tensor"] if engine == "fsdp" else ["Tensor"])


def test_a_batch_may_have_fewer_rows_than_there_are_processes(runs: Any) -> None:
    options = {**PLAIN["options"], "batch_size": 1}
    alone = runs.finish("alone", 1, **{**PLAIN, "options": options})
    shared = runs.finish("shared", 2, **{**PLAIN, "options": options})
    for name, tensor in alone.weights.items():
        torch.testing.assert_close(shared.weights[name], tensor, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("model", ["denoiser", "duel"])
def test_a_run_with_sharded_weights_resumes(runs: Any, model: str) -> None:
    options = {
        "steps": 10,
        "batch_size": 20,
        "accumulate": 2,
        "clip_norm": 0.5,
        "ema": 0.9,
        "checkpoint_every": 3,
        "evaluate_every": 5,
        "engine": "fsdp",
    }
    whole = runs.finish("whole", 2, model=model, options=options)
    for moment in (("write", 8, 0), ("loss", 14, 1)):
        launched = runs.start("killed", 2, model=model, options=options, die=moment)
        assert launched.wait_for_death(moment[2]) == -9, launched.errors
    killed = runs.finish("killed", 2, model=model, options=options)
    assert killed.same_as(whole)
    assert killed.figures["saved"][0] > 3
    assert all(torch.isfinite(tensor).all() for tensor in killed.weights.values())
