"""A recipe goes wherever its model goes, verified like the weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import zoo_core as zoo
from hub.loopback import LoopbackHub
from hub.standins import models
from zoo_core.checkpoints.opening import folder_source
from zoo_core.checkpoints.texts import RECIPE, parse_manifest
from zoo_core.errors import IntegrityError
from zoo_core.interfaces.model import Model
from zoo_core.loading import locate, pull
from zoo_core.publishing import push, save

TEXT = "recipe: 1  # grün\narchitecture: test/linear-vae\n"


@pytest.fixture
def model(architectures: None) -> Model:
    del architectures
    return models()["vae"]


def test_it_is_saved_and_listed_with_its_hash(tmp_path: Path, model: Model) -> None:
    folder = save(model, tmp_path / "m", recipe=TEXT)
    assert (folder / RECIPE).read_text(encoding="utf-8") == TEXT
    manifest = parse_manifest((folder / "zoo_manifest.json").read_bytes(), "m")
    assert manifest.files[RECIPE] == folder_source(folder).files[RECIPE].sha256
    assert isinstance(zoo.load(folder), type(model))


def test_other_weights_saved_over_it_are_without_it(tmp_path: Path, model: Model) -> None:
    save(model, tmp_path / "m", recipe=TEXT)
    save(model, tmp_path / "m")
    assert not (tmp_path / "m" / RECIPE).exists()


def test_a_changed_one_is_found_and_a_lost_one_is_no_obstacle(tmp_path: Path, model: Model) -> None:
    folder = save(model, tmp_path / "m", recipe=TEXT)
    (folder / RECIPE).write_text("recipe: 1\n")
    with pytest.raises(IntegrityError, match=RECIPE):
        pull(folder)
    with pytest.raises(IntegrityError):
        push(folder, "somebody/m")
    (folder / RECIPE).unlink()
    assert isinstance(zoo.load(folder), type(model))


def test_it_is_pushed_and_pulled(tmp_path: Path, model: Model, writer: LoopbackHub) -> None:
    del writer
    pushed = push(save(model, tmp_path / "m", recipe=TEXT), "somebody/m")
    located = locate(pushed.pin)
    assert located.files[RECIPE].read_text(encoding="utf-8") == TEXT
    ((_, entry),) = yaml.safe_load(pushed.entry).items()
    assert entry["recipe"] == RECIPE and RECIPE in entry["files"]
    push(located.files["config.json"].parent, "somebody/again")
    assert RECIPE in locate("hf://somebody/again").files
