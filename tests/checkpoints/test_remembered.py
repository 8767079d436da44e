"""What was hashed once isn't hashed again, unless the file has changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from hub.standins import models
from zoo_core.checkpoints import pieces, remembered
from zoo_core.checkpoints.opening import folder_source, open_model
from zoo_core.checkpoints.saving import Wrapping, save_folder
from zoo_core.errors import IntegrityError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_folder(models()["vae"], tmp_path / "m", Wrapping())
    return tmp_path / "m"


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    seen: list[Path] = []
    scan = pieces._scan
    monkeypatch.setattr(
        pieces, "_scan", lambda path, header: [seen.append(path), scan(path, header)][1]
    )
    return seen


def test_an_unchanged_file_is_hashed_once(folder: Path, scans: list[Path]) -> None:
    for _ in range(3):
        open_model(folder_source(folder, mappable=True))
    assert len(scans) == 1


@pytest.mark.parametrize("same_time", [False, True])
def test_a_changed_file_is_hashed_again(folder: Path, scans: list[Path], same_time: bool) -> None:
    path = folder / "model.safetensors"
    open_model(folder_source(folder, mappable=True))
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    if same_time:  # ctime can't be set back
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(IntegrityError):
        open_model(folder_source(folder, mappable=True))
    assert len(scans) == 2


def test_a_read_only_or_broken_store_only_costs_time(
    folder: Path, scans: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "file"))
    open_model(folder_source(folder, mappable=True))
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "good"))
    open_model(folder_source(folder, mappable=True))
    for entry in (tmp_path / "good/verified").iterdir():
        entry.write_text("{broken")
    open_model(folder_source(folder, mappable=True))
    assert len(scans) == 3


def test_forgetting(folder: Path, scans: list[Path]) -> None:
    open_model(folder_source(folder, mappable=True))
    remembered.forget_all()
    open_model(folder_source(folder, mappable=True))
    assert len(scans) == 2
