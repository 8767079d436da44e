"""The loop's parts: order, streams, schedule."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.interfaces.batch import Batch
from zoo_plugin_training.options import FitOptions
from zoo_plugin_training.order import BatchOrder
from zoo_plugin_training.schedule import Plan
from zoo_plugin_training.sources import Share, StreamSource
from zoo_plugin_training.streams import Purpose, stream_seed


def test_every_epoch_holds_every_row_once() -> None:
    order = BatchOrder(10, 4, seed=3)
    seen = torch.cat([order.at(step) for step in range(5)])
    assert torch.equal(seen[:10].sort().values, torch.arange(10))
    assert torch.equal(seen[10:].sort().values, torch.arange(10))
    assert not torch.equal(seen[:10], seen[10:])


def test_a_batch_is_a_function_of_seed_and_step() -> None:
    straight, jumping = BatchOrder(10, 4, seed=3), BatchOrder(10, 4, seed=3)
    expected = [straight.at(step) for step in range(9)]
    assert torch.equal(jumping.at(8), expected[8])
    assert torch.equal(jumping.at(2), expected[2])
    assert not torch.equal(BatchOrder(10, 4, seed=4).at(0), expected[0])


def test_a_batch_is_never_larger_than_the_data() -> None:
    assert len(BatchOrder(3, 100, seed=0).at(7)) == 3


def test_a_stream_resumes_where_it_would_have_been() -> None:
    source = StreamSource([Batch(torch.full((1, 1), float(i))) for i in range(3)])
    portions = source.portions(4, Share())
    assert [float(next(portions).batch.x) for _ in range(4)] == [1, 2, 0, 1]


def test_streams_of_different_purpose_or_number_differ() -> None:
    seeds = {stream_seed(s, p, n) for s in range(3) for p in Purpose for n in range(3)}
    assert len(seeds) == 9 * len(Purpose)
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_the_schedule_warms_up_and_decays() -> None:
    plan = Plan.of(FitOptions(learning_rate=1.0, warm_up=4), zoo.Objective("loss"))
    rates = [plan.rate(step, 14) for step in range(14)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[9] == pytest.approx((1 + math.cos(math.pi / 2)) / 2)
    assert all(a > b > 0 for a, b in pairwise(rates[4:]))


def test_lines_are_written_where_there_is_no_terminal(
    gaussian: Any, rows: Tensor, capsys: pytest.CaptureFixture[str]
) -> None:
    gaussian.create().fit(rows, valid=rows[:9], steps=20, evaluate_every=10, rng=zoo.rng(0))
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split()[1] for line in err.splitlines()] == ["10/20", "20/20"]
    assert all(word in err for word in ("loss", "held-out", "rows/s", " left"))
