"""Trackers and sample pictures, as observers of a run."""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch

import zoo_core as zoo
from models.gaussian import Gaussian
from models.picture import Picture
from zoo_core.errors import OptionError
from zoo_core.hooks.events import EventKind, TrainingEvent
from zoo_core.interfaces.fitting import FitRequest
from zoo_plugin_training.hooks import zoo_observe_training, zoo_train
from zoo_plugin_training.pictures import Pictures, conditions, drawable, picture
from zoo_plugin_training.run_observers import Together
from zoo_plugin_training.trackers import Tracker

EVENTS = [
    TrainingEvent(EventKind.STARTED, 0, 20),
    TrainingEvent(EventKind.STEP, 1, 20, {"loss": 3.0, "learning_rate": 0.1}),
    TrainingEvent(EventKind.STEP, 10, 20, {"loss": 2.0, "learning_rate": 0.05}),
    TrainingEvent(EventKind.VALIDATED, 10, 20, {"step": 10, "loss": 2.5, "valid": 2.25}),
    TrainingEvent(EventKind.FINISHED, 20, 20),
]


def _request(model: Any, **options: Any) -> FitRequest:
    batch = zoo.Batch(torch.zeros(9, *model.space.shape))
    return FitRequest(data=batch, valid=None, rng=zoo.rng(0), options=options)


def _observed(model: Any, **options: Any) -> None:
    observer = zoo_observe_training(model, _request(model, **options))
    assert observer is not None
    for event in EVENTS:
        observer(event)


def test_tensorboard_has_the_figures_of_steps_and_evaluations(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model = Gaussian.create(space=zoo.Space.real(3, ragged=False))
    _observed(model, out=str(tmp_path), track="tensorboard")
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [(1, 3.0), (10, 2.0)]
    assert [(e.step, e.value) for e in events.Scalars("evaluation/valid")] == [(10, 2.25)]
    assert "evaluation/step" not in events.Tags()["scalars"]


def test_tensorboard_forgets_what_a_resumed_run_does_again(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    model = Gaussian.create(space=zoo.Space.real(3))
    for first, last in ((0, 15), (8, 20)):
        observer = zoo_observe_training(
            model, _request(model, out=str(tmp_path), track="tensorboard")
        )
        assert observer is not None
        observer(TrainingEvent(EventKind.STARTED, first, 20))
        for step in range(first + 1, last + 1):
            observer(TrainingEvent(EventKind.STEP, step, 20, {"loss": float(step)}))
        observer(TrainingEvent(EventKind.FINISHED, last, 20))
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [e.step for e in events.Scalars("train/loss")] == list(range(1, 21))


@pytest.fixture
def trackio(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """A module in trackio's place that takes down what it is told."""
    told: list[tuple[str, Any]] = []
    module: Any = types.ModuleType("trackio")
    module.init = lambda **fields: (
        told.append(("init", fields)),
        sys.stdout.write("* initialized\n"),
    )
    module.log = lambda metrics, step: told.append(("log", (step, metrics)))
    module.finish = lambda: told.append(("finish", None))
    monkeypatch.setitem(sys.modules, "trackio", module)
    return told


def test_trackio_is_told_the_run_its_settings_and_figures(
    tmp_path: Path, trackio: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    model = Gaussian.create(space=zoo.Space.real(3))
    _observed(model, out=str(tmp_path / "first"), track="trackio", learning_rate=0.25)
    (_, begun), *logged, last = trackio
    assert (begun["project"], begun["name"], begun["resume"]) == ("test-gaussian", "first", "never")
    assert begun["config"]["learning_rate"] == 0.25 and "space" in begun["config"]
    assert logged[0] == ("log", (1, {"train/loss": 3.0, "train/learning_rate": 0.1}))
    assert logged[-1] == ("log", (10, {"evaluation/loss": 2.5, "evaluation/valid": 2.25}))
    assert last == ("finish", None)
    assert capsys.readouterr() == ("", "* initialized\n")


def test_a_missing_tracker_is_told_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *more: None)
    model = Gaussian.create(space=zoo.Space.real(2))
    with pytest.raises(OptionError, match=r"pip install 'zoo-plugin-training\[trackio\]'"):
        zoo_train(model, _request(model, track="trackio"))
    with pytest.raises(OptionError, match=r"\[tensorboard\]"):
        Tracker.TENSORBOARD.require()


def test_a_run_without_folder_and_tracker_is_not_watched() -> None:
    model = Gaussian.create(space=zoo.Space.real(2))
    assert zoo_observe_training(model, _request(model)) is None


def test_one_that_fails_is_left_out_and_the_other_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[int] = []

    def failing(event: TrainingEvent) -> None:
        raise OSError("full disk")

    together = Together([failing, lambda event: seen.append(event.step)])
    for event in EVENTS:
        together(event)
    assert seen == [event.step for event in EVENTS]
    assert caplog.text.count("full disk") == 1


def _pictures(model: Any, folder: Path) -> list[Path]:
    pictures = Pictures(model, _request(model), folder)
    for step in range(1, 51):
        pictures(TrainingEvent(EventKind.VALIDATED, step, 50, {}))
    return sorted(folder.glob("*.png"))


def test_pictures_are_drawn_at_a_few_moments_and_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo_plugin_training.pictures._SHARE", 1e9)
    found = _pictures(Picture.create(), tmp_path)
    assert 5 <= len(found) <= 10
    assert (found[0].stem, found[-1].stem) == ("01", "50")


def test_they_change_neither_the_mode_nor_any_generator(tmp_path: Path) -> None:
    model = Picture.create()
    model.train()
    before = torch.get_rng_state()
    drawn = _pictures(model, tmp_path)
    assert model.training and torch.equal(torch.get_rng_state(), before)
    # The draws are the same, so equal weights give equal pictures.
    assert drawn[0].read_bytes() == drawn[-1].read_bytes()


def test_samples_that_no_picture_shows_are_no_obstacle(tmp_path: Path) -> None:
    model = Gaussian.create(space=zoo.Space.real(2))
    with torch.no_grad():
        model.loc.fill_(float("nan"))
    assert _pictures(model, tmp_path) == []


@pytest.mark.parametrize("size", [1, 2, 3, 5, 12])
def test_tables_are_drawn_as_points(size: int) -> None:
    space = zoo.Space.real(size)
    assert min(picture(space, torch.randn(50, size)).size) > 100


def test_what_is_no_picture_is_not_drawn() -> None:
    assert not drawable(Gaussian.create(space=zoo.Space.real(0)))


def test_samples_are_told_what_the_first_rows_are_told_in_order() -> None:
    part = zoo.Part("core/label", {"classes": 3})
    model = Gaussian.create(space=zoo.Space.real(2), conditioner=part)
    codes = model.conditioner.prepare([2, 0, 1, 1, 2], 5)
    told = conditions(zoo.Batch(torch.zeros(5, 2), codes), 4, model)
    assert told is not None and told["label"].tolist() == [0, 1, 1, 2]
