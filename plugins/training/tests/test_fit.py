"""What a fit reaches, keeps and reports."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.hooks.events import TrainingEvent
from zoo_core.interfaces.fitting import StopReason
from zoo_plugin_training import loop

QUIET: dict[str, Any] = {"progress": "none"}


def _weights(model: Any) -> Tensor:
    return torch.cat([tensor.detach().reshape(-1) for tensor in model.state_dict().values()])


def _nll(model: Any, x: Tensor) -> float:
    with torch.no_grad():
        return -float(model.log_prob(x).mean())


def _closed_form_nll(x: Tensor) -> float:
    return float((x.std(0, correction=0).log() + math.log(2 * math.pi) / 2 + 0.5).sum())


def test_a_gaussian_reaches_the_closed_form(gaussian: Any, rows: Tensor) -> None:
    model = gaussian.create()
    report = model.fit(
        rows, steps=600, batch_size=2000, learning_rate=0.05, rng=zoo.rng(0), **QUIET
    )
    nll = _nll(model, rows)
    assert nll == pytest.approx(_closed_form_nll(rows), abs=1e-5)
    assert (report.steps, report.stopped) == (600, StopReason.FINISHED)
    assert report.history[-1]["step"] == 600
    assert not model.training


def test_preprocessing_is_fitted_with_the_weights_of_the_rows(gaussian: Any, rows: Tensor) -> None:
    weight = torch.cat([torch.full((1000,), 3.0), torch.ones(1000)])
    model = gaussian.create(standardize=True)
    model.fit(rows, weight=weight, steps=1, rng=zoo.rng(0), **QUIET)
    expected = (rows * weight[:, None]).sum(0) / weight.sum()
    torch.testing.assert_close(model.preprocessing.maps[0].loc, expected, rtol=1e-5, atol=1e-5)
    before = model.preprocessing.maps[0].loc.clone()
    model.fit(rows + 100, steps=1, keep_preprocessing=True, rng=zoo.rng(0), **QUIET)
    assert torch.equal(model.preprocessing.maps[0].loc, before)


def test_a_weight_of_two_is_a_row_twice(gaussian: Any, rows: Tensor) -> None:
    rows = rows[:60]
    weight = torch.ones(60)
    weight[::3] = 2
    options = {"steps": 40, "batch_size": 1000, "learning_rate": 0.05, **QUIET}
    weighted, doubled = gaussian.create(), gaussian.create()
    first = weighted.fit(rows, weight=weight, rng=zoo.rng(0), **options)
    second = doubled.fit(torch.cat([rows, rows[::3]]), rng=zoo.rng(0), **options)
    torch.testing.assert_close(_weights(weighted), _weights(doubled), rtol=1e-4, atol=1e-5)
    assert first.history[0]["loss"] == pytest.approx(second.history[0]["loss"], rel=1e-5)


def test_weighted_batches_are_unbiased(gaussian: Any, rows: Tensor) -> None:
    """Rows of weight 0 in small batches change nothing about where training ends."""
    strange = torch.cat([rows, rows + 50])
    weight = torch.cat([torch.ones(2000), torch.zeros(2000)])
    model = gaussian.create(standardize=True)
    model.fit(
        strange,
        weight=weight,
        steps=1500,
        batch_size=64,
        learning_rate=0.02,
        rng=zoo.rng(1),
        **QUIET,
    )
    assert _nll(model, rows) == pytest.approx(_closed_form_nll(rows), abs=0.01)


def test_a_seeded_run_repeats_bit_for_bit(gaussian: Any, rows: Tensor) -> None:
    def run(seed: int) -> Tensor:
        model = gaussian.create(noise=0.1, dropout=0.3)
        model.fit(
            rows, valid=rows[:50], steps=30, batch_size=64, ema=0.9, rng=zoo.rng(seed), **QUIET
        )
        return _weights(model)

    torch.manual_seed(1)
    first = run(0)
    torch.manual_seed(2)
    assert torch.equal(first, run(0))
    assert not torch.equal(first, run(1))


def test_the_global_generator_is_left_alone(gaussian: Any, rows: Tensor) -> None:
    before = torch.get_rng_state()
    gaussian.create(dropout=0.3).fit(rows, valid=rows, steps=5, rng=zoo.rng(0), **QUIET)
    assert torch.equal(before, torch.get_rng_state())


def test_dropout_differs_from_step_to_step(gaussian: Any, rows: Tensor) -> None:
    model = gaussian.create(dropout=0.5, dimension=1)
    torch.nn.init.constant_(model.mean, 5.0)
    report = model.fit(
        rows[:1, :1], steps=40, learning_rate=1e-9, evaluate_every=1, rng=zoo.rng(0), **QUIET
    )
    assert len({round(entry["loss"], 3) for entry in report.history}) == 2


def test_the_best_held_out_weights_are_kept(gaussian: Any, rows: Tensor) -> None:
    """The held-out rows lie on the way to the training rows: the best weights are passed by."""
    model = gaussian.create(dimension=1)
    report = model.fit(
        rows[:, :1] * 0 + torch.linspace(9, 11, 2000)[:, None],
        valid=torch.linspace(2, 4, 100)[:, None],
        steps=400,
        batch_size=500,
        learning_rate=0.05,
        schedule="constant",
        evaluate_every=10,
        rng=zoo.rng(0),
        **QUIET,
    )
    figures = [entry["valid"] for entry in report.history]
    assert report.best["valid"] == min(figures) < figures[-1]
    nll = _nll(model, torch.linspace(2, 4, 100)[:, None])
    assert nll == pytest.approx(report.best["valid"], rel=1e-5)


def test_patience_stops_early(gaussian: Any, rows: Tensor) -> None:
    model = gaussian.create(dimension=1)
    report = model.fit(
        rows[:, :1] + 9, valid=torch.full((9, 1), 3.0), steps=10**6, learning_rate=0.05,
        evaluate_every=10, patience=3, rng=zoo.rng(0), **QUIET,
    )  # fmt: skip
    assert report.stopped is StopReason.EARLY
    assert report.history[-1]["step"] - report.best["step"] == 30


def test_the_average_is_what_is_kept(gaussian: Any, rows: Tensor) -> None:
    plain, averaged = gaussian.create(), gaussian.create()
    options = {"steps": 50, "learning_rate": 0.05, "schedule": "constant", **QUIET}
    plain.fit(rows, rng=zoo.rng(0), **options)
    report = averaged.fit(rows, valid=rows, ema=0.99, rng=zoo.rng(0), **options)
    assert float(averaged.mean.detach().norm()) < float(plain.mean.detach().norm())
    nll = _nll(averaged, rows)
    assert nll == pytest.approx(report.best["valid"], rel=1e-5)


def test_epochs_visit_each_row_equally_often(gaussian: Any, rows: Tensor) -> None:
    report = gaussian.create().fit(rows, epochs=2.5, batch_size=100, rng=zoo.rng(0), **QUIET)
    assert report.steps == 50


def test_a_stream_of_batches_trains_too(gaussian: Any, rows: Tensor) -> None:
    batches = [zoo.Batch(part) for part in rows.split(250)]
    model = gaussian.create(standardize=True)
    report = model.fit(
        batches, valid=[zoo.Batch(rows)], epochs=60, learning_rate=0.02, rng=zoo.rng(0), **QUIET
    )
    assert report.steps == 480
    assert report.best["valid"] == pytest.approx(_closed_form_nll(rows), abs=1e-3)


def test_an_interrupt_keeps_the_best_and_is_raised_on(
    gaussian: Any, rows: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = gaussian.create()
    log_prob, calls = gaussian._log_prob, iter(range(10**6))

    def interrupted(self: Any, z: Tensor, call: Any) -> Tensor:
        if next(calls) == 100:
            raise KeyboardInterrupt
        return log_prob(self, z, call)

    monkeypatch.setattr(gaussian, "_log_prob", interrupted)
    before = torch.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        model.fit(rows, valid=rows, steps=1000, evaluate_every=5, learning_rate=0.05, **QUIET)
    assert not model.training
    assert float(model.mean.detach().abs().sum()) > 0.5
    assert torch.equal(before, torch.get_rng_state())


def test_observers_receive_the_run(
    gaussian: Any, rows: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[TrainingEvent] = []
    monkeypatch.setattr(loop, "observe_training", lambda model, request: events.append)
    gaussian.create().fit(rows, valid=rows, steps=20, evaluate_every=10, rng=zoo.rng(0), **QUIET)
    steps = [event for event in events if event.kind == "step"]
    others = [event for event in events if event.kind != "step"]
    assert [event.step for event in steps] == list(range(1, 21))
    assert set(steps[0].values) == {"loss", "learning_rate", "rows_per_second"}
    assert [event.kind for event in others] == ["started", "validated", "validated", "finished"]
    assert [event.step for event in others] == [0, 10, 20, 20]
    assert {"loss", "valid"} <= set(others[1].values)
