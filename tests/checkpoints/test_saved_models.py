"""A model saved and loaded is the same model, bit for bit."""

from __future__ import annotations

import copy
import errno
import hashlib
import json
import os
from pathlib import Path

import pytest
import torch
from torch import nn

import zoo_core as zoo
from hub.standins import models
from zoo_core.checkpoints import folders, saving
from zoo_core.checkpoints.opening import folder_source, open_model
from zoo_core.checkpoints.saving import Wrapping, save_folder
from zoo_core.checkpoints.slots import slots
from zoo_core.errors import CheckpointError, DiskFullError, TensorError, UnsupportedError
from zoo_core.interfaces.model import Model
from zoo_core.publishing.comparing import compare

NAMES = sorted(models())


@pytest.fixture
def model() -> Model:
    return models()["vae"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mappable", [True, False])
@pytest.mark.parametrize("limit", [10**9, 20])
def test_round_trip(tmp_path: Path, name: str, mappable: bool, limit: int) -> None:
    model = models()[name]
    save_folder(model, tmp_path / "m", Wrapping(shard_bytes=limit))
    loaded = open_model(folder_source(tmp_path / "m", mappable=mappable))
    compare(model, loaded)
    assert loaded.config == model.config
    assert not any(module.training for module in loaded.modules())
    assert all(p.requires_grad for p in loaded.parameters())


def test_samples_and_densities_are_bit_equal(tmp_path: Path, model: Model) -> None:
    save_folder(model, tmp_path / "m", Wrapping())
    loaded = open_model(folder_source(tmp_path / "m", mappable=True))
    x = model.sample(50, rng=zoo.rng(0))
    assert torch.equal(loaded.sample(50, rng=zoo.rng(0)), x)
    scores = [each.log_prob(x, rng=zoo.rng(1)) for each in (model, loaded)]
    assert torch.equal(*scores)


def test_a_loaded_model_trains_and_is_copied(tmp_path: Path, model: Model) -> None:
    save_folder(model, tmp_path / "m", Wrapping())
    before = _digest(tmp_path / "m/model.safetensors")
    loaded = open_model(folder_source(tmp_path / "m", mappable=True))
    with torch.no_grad():
        for parameter in loaded.parameters():
            parameter.add_(1)
    twin = copy.deepcopy(loaded)
    assert twin.decoder.weight.untyped_storage().nbytes() == twin.decoder.weight.nbytes
    assert _digest(tmp_path / "m/model.safetensors") == before


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_dtype_is_applied_and_saved(tmp_path: Path, model: Model, dtype: torch.dtype) -> None:
    save_folder(model, tmp_path / "m", Wrapping())
    loaded = open_model(folder_source(tmp_path / "m"), dtype=dtype)
    assert {p.dtype for p in loaded.parameters()} == {dtype}
    save_folder(loaded, tmp_path / "n", Wrapping())
    again = open_model(folder_source(tmp_path / "n", mappable=True))
    compare(loaded, again)


def test_the_default_dtype_of_the_moment_does_not_matter(tmp_path: Path, model: Model) -> None:
    save_folder(model, tmp_path / "m", Wrapping())
    torch.set_default_dtype(torch.float64)
    try:
        compare(model, open_model(folder_source(tmp_path / "m")))
    finally:
        torch.set_default_dtype(torch.float32)


def test_mixed_dtypes_are_refused(tmp_path: Path, model: Model) -> None:
    model.decoder.double()
    with pytest.raises(TensorError, match="one dtype"):
        save_folder(model, tmp_path / "m", Wrapping())


def test_ties_made_after_building_are_kept(tmp_path: Path) -> None:
    model = models()["vae"]
    model.decoder.bias = nn.Parameter(torch.randn(5))
    square = type(model).create(space=zoo.Space.real(2), latent=2)
    square.encoder.weight = square.decoder.weight
    save_folder(square, tmp_path / "m", Wrapping())
    loaded = open_model(folder_source(tmp_path / "m"))
    assert loaded.encoder.weight is loaded.decoder.weight
    assert len(slots(loaded)) == len(slots(square)) == 4


def test_tensors_that_no_configuration_builds_are_refused(tmp_path: Path, model: Model) -> None:
    model.added = nn.Parameter(torch.zeros(2))
    with pytest.raises(TensorError, match="added"):
        save_folder(model, tmp_path / "m", Wrapping())
    assert not (tmp_path / "m").exists()


def test_a_view_with_a_bound_condition_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="bound condition"):
        save_folder(models()["told"].given(1), tmp_path / "m", Wrapping())


def test_a_saved_model_is_replaced_whole_and_a_persons_files_stay(tmp_path: Path) -> None:
    target = tmp_path / "m"
    save_folder(models()["gaussian"], target, Wrapping(shard_bytes=8))
    (target / "notes.txt").write_text("mine")
    (target / "pictures").mkdir()
    (target / "pictures/a.png").write_bytes(b"png")
    save_folder(models()["vae"], target, Wrapping())
    assert sorted(path.name for path in target.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "notes.txt",
        "pictures",
        "zoo_manifest.json",
    ]
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    compare(models()["vae"], open_model(folder_source(target)))


def test_other_folders_are_never_replaced(tmp_path: Path, model: Model) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(CheckpointError, match="something else"):
        save_folder(model, tmp_path, Wrapping())
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["thesis.tex"]
    (tmp_path / "empty").mkdir()
    save_folder(model, tmp_path / "empty", Wrapping())


def test_an_edited_card_is_kept(tmp_path: Path, model: Model) -> None:
    target = tmp_path / "m"
    save_folder(model, target, Wrapping())
    save_folder(models()["gaussian"], target, Wrapping())
    assert "test/gaussian" in (target / "README.md").read_text()  # ours: written anew
    (target / "README.md").write_text("I know better.")
    for _ in range(2):
        save_folder(model, target, Wrapping())
        assert (target / "README.md").read_text() == "I know better."
    open_model(folder_source(target))


def test_a_full_disk_leaves_the_old_model(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_folder(model, tmp_path / "m", Wrapping())

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(saving, "write_weights", full)
    with pytest.raises(DiskFullError, match="room"):
        save_folder(models()["gaussian"], tmp_path / "m", Wrapping())
    compare(model, open_model(folder_source(tmp_path / "m")))
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_failed_rename_restores_the_old_model(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_folder(model, tmp_path / "m", Wrapping())
    rename = os.rename

    def once(source: Path, target: Path) -> None:
        if str(source).endswith(".new"):
            raise PermissionError("no")
        rename(source, target)

    monkeypatch.setattr(folders.os, "rename", once)
    with pytest.raises(PermissionError):
        save_folder(models()["gaussian"], tmp_path / "m", Wrapping())
    compare(model, open_model(folder_source(tmp_path / "m")))


def test_config_json_says_what_the_model_is(tmp_path: Path, model: Model) -> None:
    save_folder(model, tmp_path / "m", Wrapping(plugins={"zoo-plugin-test": "1.0"}))
    fields = json.loads((tmp_path / "m/config.json").read_text())
    assert fields["format"] == 1
    assert fields["architecture"] == "test/linear-vae"
    assert fields["config"] == model.config.to_json()
    assert fields["plugins"] == {"zoo-plugin-test": "1.0"}
    assert "pip install zoo-plugin-test" in (tmp_path / "m/README.md").read_text()
