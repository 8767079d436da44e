"""Folders of runs: what is written, what is read back, what is refused."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

import zoo_core as zoo
from zoo_core.checkpoints import writer
from zoo_core.errors import CheckpointError, DiskFullError, OptionError
from zoo_core.hooks.events import TrainingEvent
from zoo_plugin_training import loop, setup

OPTIONS: dict[str, Any] = {
    "steps": 12,
    "batch_size": 64,
    "learning_rate": 0.05,
    "evaluate_every": 4,
    "checkpoint_every": 4,
    "ema": 0.8,
    "progress": "none",
}


def _fit(model: Any, rows: Tensor, folder: Path, **options: Any) -> Any:
    valid = options.pop("valid", rows[:50])
    options = {**OPTIONS, **options}
    return model.fit(rows, valid=valid, out=folder, rng=zoo.rng(0), **options)


def _interrupt_at(monkeypatch: pytest.MonkeyPatch, step: int, number: int = signal.SIGINT) -> None:
    def observer(event: TrainingEvent) -> None:
        if event.kind == "step" and event.step == step:
            os.kill(os.getpid(), number)

    monkeypatch.setattr(loop, "observe_training", lambda model, request: observer)


def _unobserved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "observe_training", lambda model, request: lambda event: None)


def _stop(
    gaussian: Any, rows: Tensor, folder: Path, monkeypatch: pytest.MonkeyPatch, step: int = 6
) -> None:
    _interrupt_at(monkeypatch, step)
    with pytest.raises(KeyboardInterrupt):
        _fit(gaussian.create(dropout=0.3), rows, folder)
    _unobserved(monkeypatch)


def _equal(first: Any, second: Any) -> bool:
    pairs = zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def test_an_interrupt_writes_a_checkpoint_of_the_step_it_came_in(
    gaussian: Any, rows: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(signal.SIGINT)
    _stop(gaussian, rows, tmp_path / "run", monkeypatch)
    assert signal.getsignal(signal.SIGINT) is before
    last = tmp_path / "run" / "checkpoints" / "last"
    assert json.loads((last / "state.json").read_text())["done"] == 6
    whole, resumed = gaussian.create(dropout=0.3), gaussian.create(seed=5, dropout=0.3)
    expected = _fit(whole, rows, tmp_path / "whole")
    report = _fit(resumed, rows, tmp_path / "run", resume=True)
    assert _equal(whole, resumed)
    for entry, other in zip(report.history, expected.history, strict=True):
        assert {**entry, "seconds": 0} == {**other, "seconds": 0}


def test_the_files_of_a_checkpoint_are_listed_with_their_hashes(
    gaussian: Any, rows: Tensor, tmp_path: Path
) -> None:
    import hashlib

    _fit(gaussian.create(), rows, tmp_path)
    last = tmp_path / "checkpoints" / "last"
    manifest = json.loads((last / "manifest.json").read_text())
    names = {"weights", "best", "average", "optimizers"}
    assert set(manifest["files"]) == {f"{name}.safetensors" for name in names} | {"state.json"}
    for name, sha256 in manifest["files"].items():
        assert hashlib.sha256((last / name).read_bytes()).hexdigest() == sha256
    assert set(load_file(last / "optimizers.safetensors")) >= {"loss/mean.mean", "loss/step.mean"}
    assert not [path for path in last.parent.iterdir() if path.name.startswith(".")]


def test_the_best_model_can_be_loaded_on_the_way(
    gaussian: Any, rows: Tensor, tmp_path: Path
) -> None:
    zoo.register(gaussian)
    model = gaussian.create()
    _fit(model, rows, tmp_path)
    loaded = zoo.load(str(tmp_path / "checkpoints" / "best"))
    assert _equal(loaded, model)


def test_a_finished_run_gives_its_report_again(
    gaussian: Any, rows: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, again = gaussian.create(), gaussian.create(seed=3)
    report = _fit(first, rows, tmp_path)
    monkeypatch.setattr(gaussian, "_loss", None)
    repeated = _fit(again, rows, tmp_path, resume=True)
    assert repeated == report
    assert _equal(first, again)


def test_a_run_is_not_overwritten(gaussian: Any, rows: Tensor, tmp_path: Path) -> None:
    _fit(gaussian.create(), rows, tmp_path)
    with pytest.raises(CheckpointError, match="resume=True"):
        _fit(gaussian.create(), rows, tmp_path)


def test_resume_begins_where_there_is_nothing(gaussian: Any, rows: Tensor, tmp_path: Path) -> None:
    assert _fit(gaussian.create(), rows, tmp_path / "new", resume=True).steps == 12


OTHERS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"learning_rate": 0.01}, r"learning_rate 0\.01 instead of 0\.05"),
    ({}, {"steps": 24}, "steps in all 24 instead of 12"),
    ({}, {"ema": None}, "ema null instead of 0.8"),
    ({"noise": 0.1}, {}, r"noise 0\.1 instead of 0\.0"),
    ({}, {"valid": torch.zeros(3, 2)}, "held-out data"),
]


@pytest.mark.parametrize(("config", "options", "text"), OTHERS)
def test_a_run_is_resumed_as_it_was_begun(
    gaussian: Any, rows: Tensor, tmp_path: Path, config: Any, options: Any, text: str
) -> None:
    _fit(gaussian.create(), rows, tmp_path)
    model = gaussian.create(**config)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(CheckpointError, match=text):
        _fit(model, rows, tmp_path, resume=True, **options)
    assert all(torch.equal(t, before[name]) for name, t in model.state_dict().items())


def test_a_run_is_resumed_on_its_data(gaussian: Any, rows: Tensor, tmp_path: Path) -> None:
    _fit(gaussian.create(), rows, tmp_path, valid=rows[:9])
    with pytest.raises(CheckpointError, match="data"):
        _fit(gaussian.create(), rows.flip(0), tmp_path, valid=rows[:9], resume=True)


def test_a_full_disk_leaves_the_checkpoint_before(
    gaussian: Any, rows: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = gaussian.create()
    _fit(whole, rows, tmp_path / "whole")
    write, calls = writer._write, iter(range(10**6))

    def full(path: Path, pieces: Any) -> None:
        if next(calls) >= 16:
            path.write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, pieces)

    monkeypatch.setattr(writer, "_write", full)
    model = gaussian.create()
    with pytest.raises(DiskFullError, match="room"):
        _fit(model, rows, tmp_path / "run")
    monkeypatch.setattr(writer, "_write", write)
    assert not model.training
    kept = tmp_path / "run" / "checkpoints" / "last" / "state.json"
    assert 0 < json.loads(kept.read_text())["done"] < 12
    resumed = gaussian.create()
    _fit(resumed, rows, tmp_path / "run", resume=True)
    assert _equal(whole, resumed)


@pytest.mark.parametrize("damage", ["weights.safetensors", "state.json", "manifest.json"])
def test_a_damaged_checkpoint_is_passed_over_and_told(
    gaussian: Any,
    rows: Tensor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    damage: str,
) -> None:
    """With a whole one beside it, as a killed run leaves it, that is taken; else none."""
    run, whole = tmp_path / "run", gaussian.create(dropout=0.3)
    _fit(whole, rows, tmp_path / "whole")
    _stop(gaussian, rows, run, monkeypatch)
    last = run / "checkpoints" / "last"
    shutil.copytree(last, last.with_name(".last.old"))
    data = bytearray((last / damage).read_bytes())
    data[len(data) // 2] ^= 1
    (last / damage).write_bytes(data)
    for kept in (True, False):
        if not kept:
            shutil.rmtree(last)
            last.mkdir()
        events: list[TrainingEvent] = []
        told = events.append
        monkeypatch.setattr(loop, "observe_training", lambda model, request, told=told: told)
        model = gaussian.create(dropout=0.3)
        _fit(model, rows, run, resume=True)
        assert events[0].step == (6 if kept else 0)
        assert _equal(model, whole)
        assert "passed over" in caplog.text
        assert ("begins anew" in caplog.text) is not kept


def test_what_makes_a_resumed_run_round_otherwise_is_told(
    gaussian: Any,
    rows: Tensor,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    _stop(gaussian, rows, tmp_path, monkeypatch)
    monkeypatch.setattr(setup, "surroundings", lambda model: {"torch": "1.0"})
    _fit(gaussian.create(dropout=0.3), rows, tmp_path, resume=True)
    assert "not to the same bits" in caplog.text
    assert "1.0" in caplog.text


def test_figures_behind_the_checkpoint_are_dropped(
    gaussian: Any, rows: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stop(gaussian, rows, tmp_path, monkeypatch)
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text(metrics.read_text() + '{"step": 8}\n{"ste')
    _fit(gaussian.create(dropout=0.3), rows, tmp_path, resume=True)
    entries = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert [entry["step"] for entry in entries] == [4, 8, 12]
    assert all({"loss", "valid", "seconds"} <= set(entry) for entry in entries)


def test_a_folder_is_needed_for_what_is_written_to_it(gaussian: Any, rows: Tensor) -> None:
    with pytest.raises(OptionError, match="folder out"):
        gaussian.create().fit(rows, resume=True)


def test_a_stream_goes_on_in_its_middle(
    gaussian: Any, rows: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = [zoo.Batch(part) for part in rows[:550].split(100)]
    whole, resumed = gaussian.create(noise=0.1), gaussian.create(noise=0.1)
    whole.fit(batches, rng=zoo.rng(0), **{**OPTIONS, "checkpoint_every": None})
    _interrupt_at(monkeypatch, 8)
    options = {**OPTIONS, "out": tmp_path, "resume": True}
    with pytest.raises(KeyboardInterrupt):
        resumed.fit(batches, rng=zoo.rng(0), **options)
    _unobserved(monkeypatch)
    resumed.fit(batches, rng=zoo.rng(0), **options)
    assert _equal(whole, resumed)


def test_patience_counts_on(
    gaussian: Any, rows: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted within its patience, a run stops early where it would have."""
    options = {
        "valid": torch.full((9, 2), 0.5),
        "steps": 10**4,
        "evaluate_every": 5,
        "patience": 4,
        "checkpoint_every": 7,
        "ema": None,
        "schedule": "constant",
    }
    whole, resumed = gaussian.create(), gaussian.create()
    expected = _fit(whole, rows + 9, tmp_path / "whole", **options)
    assert expected.stopped == "early"
    _interrupt_at(monkeypatch, expected.steps - 8)
    with pytest.raises(KeyboardInterrupt):
        _fit(resumed, rows + 9, tmp_path / "run", **options)
    _unobserved(monkeypatch)
    report = _fit(resumed, rows + 9, tmp_path / "run", resume=True, **options)
    assert (report.steps, report.stopped) == (expected.steps, "early")
    assert report.best["step"] == expected.best["step"]
    assert _equal(whole, resumed)
    again = _fit(gaussian.create(), rows + 9, tmp_path / "run", resume=True, **options)
    assert again.stopped == "early"


def test_evaluations_are_followed_by_checkpoints(
    gaussian: Any, rows: Tensor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless they would cost much of the time: the first always is, and so is the end."""
    events: list[TrainingEvent] = []
    monkeypatch.setattr(loop, "observe_training", lambda model, request: events.append)
    _fit(gaussian.create(), rows, tmp_path, checkpoint_every=None)
    saved = [event for event in events if event.kind == "saved"]
    assert {4, 12} <= {event.step for event in saved} <= {4, 8, 12}
    assert all(event.folder == tmp_path / "checkpoints" / "last" for event in saved)
