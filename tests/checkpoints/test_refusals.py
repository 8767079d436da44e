"""What isn't right is refused: each with its own error, nothing executed, nothing written."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from hub.standins import models
from zoo_core.checkpoints import pieces
from zoo_core.checkpoints.opening import folder_source, open_model
from zoo_core.checkpoints.reader import NanWarning
from zoo_core.checkpoints.saving import Wrapping, save_folder
from zoo_core.errors import (
    ConfigError,
    FormatError,
    IntegrityError,
    PluginMissingError,
    TensorError,
    UnsafeFileError,
)

BOTH = pytest.mark.parametrize("mappable", [True, False])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_folder(models()["vae"], tmp_path / "m", Wrapping(plugins={"zoo-plugin-test": "1"}))
    return tmp_path / "m"


def _unlisted(folder: Path) -> Path:
    """Without its manifest, so that the check behind the hashes is the one that is seen."""
    (folder / "zoo_manifest.json").unlink()
    return folder


def _change_config(folder: Path, change: Callable[[dict], object]) -> Path:
    fields = json.loads((folder / "config.json").read_text())
    change(fields)
    (folder / "config.json").write_text(json.dumps(fields))
    return _unlisted(folder)


def _change_tensors(folder: Path, change: Callable[[dict], object]) -> Path:
    tensors = load_file(folder / "model.safetensors")
    change(tensors)
    save_file(tensors, folder / "model.safetensors")
    return _unlisted(folder)


@BOTH
@pytest.mark.parametrize("where", [-1, 200, 20])
def test_one_flipped_bit(folder: Path, mappable: bool, where: int) -> None:
    path = folder / "model.safetensors"
    data = bytearray(path.read_bytes())
    data[where] ^= 1
    path.write_bytes(data)
    with pytest.raises((IntegrityError, FormatError, TensorError)) as caught:
        open_model(folder_source(folder, mappable=mappable))
    if where == -1:
        assert isinstance(caught.value, IntegrityError)
        assert "sha256" in str(caught.value)


def test_one_flipped_bit_of_the_configuration(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(path.read_text().replace('"latent": 2', '"latent": 3'))
    with pytest.raises(IntegrityError, match=r"config\.json"):
        open_model(folder_source(folder))


@BOTH
def test_a_truncated_file(folder: Path, mappable: bool) -> None:
    os.truncate(folder / "model.safetensors", (folder / "model.safetensors").stat().st_size - 4)
    with pytest.raises(IntegrityError, match="truncated"):
        open_model(folder_source(folder, mappable=mappable))


@BOTH
def test_a_renamed_pickle(folder: Path, mappable: bool) -> None:
    (folder / "model.safetensors").write_bytes(pickle.dumps({"x": 1}))
    with pytest.raises(UnsafeFileError, match="pickle"):
        open_model(folder_source(folder, mappable=mappable))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.pop("encoder.bias"), "missing: encoder.bias"),
        (lambda t: t.update(more=torch.zeros(1)), "extra: more"),
        (lambda t: t.update({"encoder.bias": torch.zeros(3)}), r"float32\[3\].*float32\[2\]"),
        (lambda t: t.update({"encoder.bias": torch.zeros(2).half()}), r"float16\[2\]"),
        (lambda t: t.update({"../../evil": torch.zeros(1)}), "extra: ../../evil"),
    ],
)
@BOTH
def test_wrong_tensors_are_named_before_any_is_read(
    folder: Path,
    change: Callable[[dict], object],
    said: str,
    mappable: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _change_tensors(folder, change)
    monkeypatch.setattr(pieces, "typed", None)
    with pytest.raises(TensorError, match=said):
        open_model(folder_source(folder, mappable=mappable))
    assert not (folder.parent / "evil").exists()


@BOTH
def test_nan_weights_are_a_warning_each_time(folder: Path, mappable: bool) -> None:
    _change_tensors(folder, lambda t: t["encoder.bias"].fill_(float("nan")))
    for _ in range(2):
        with pytest.warns(NanWarning, match="encoder.bias"):
            open_model(folder_source(folder, mappable=mappable))


def test_unknown_configuration_keys(folder: Path) -> None:
    _change_config(folder, lambda f: f["config"].update(lattent=3))
    with pytest.raises(ConfigError, match="latent"):
        open_model(folder_source(folder))


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        (lambda f: f.update(architecture="nice/thing"), PluginMissingError, "zoo-plugin-test"),
        (lambda f: f.update(architecture="../../thing"), UnsafeFileError, "named like"),
        (lambda f: f.update(architecture="os:system"), UnsafeFileError, "named like"),
        (lambda f: f.update(format=2), FormatError, "pip install --upgrade"),
        (lambda f: f.update(format="1"), FormatError, "format"),
        (lambda f: f.pop("format"), FormatError, "format"),
        (lambda f: f.update(extra=1), FormatError, "only the keys"),
        (lambda f: f.update(dtype="X1"), FormatError, "dtype"),
        (lambda f: f.update(config=[]), FormatError, "mappings"),
    ],
)
def test_other_configurations(
    folder: Path, change: Callable[[dict], object], error: type[Exception], said: str
) -> None:
    _change_config(folder, change)
    with pytest.raises(error, match=said):
        open_model(folder_source(folder))


@pytest.mark.parametrize("name", ["../m.safetensors", "/etc/passwd", "a/b.safetensors", "x.bin"])
def test_shards_are_files_of_the_same_folder(folder: Path, name: str) -> None:
    (folder / "model.safetensors").rename(folder.parent / "m.safetensors")
    index = {"metadata": {}, "weight_map": {"encoder.bias": name}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UnsafeFileError, match="same folder"):
        open_model(folder_source(_unlisted(folder)))


def test_a_manifest_names_files_of_its_folder(folder: Path) -> None:
    manifest = json.loads((folder / "zoo_manifest.json").read_text())
    manifest["files"]["../up.safetensors"] = "0" * 64
    (folder / "zoo_manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(UnsafeFileError, match="own folder"):
        open_model(folder_source(folder))


def test_missing_files_and_folders(folder: Path) -> None:
    with pytest.raises(FormatError, match="not there"):
        folder_source(folder / "no")
    (folder / "model.safetensors").unlink()
    with pytest.raises(FormatError, match=r"model\.safetensors"):
        open_model(folder_source(folder))
    with pytest.raises(FormatError, match=r"model\.safetensors"):
        open_model(folder_source(_unlisted(folder)))
