"""Data sets of Hugging Face's library, from local folders alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import zoo_core as zoo
from zoo_core.errors import DataError, HubError
from zoo_core.interfaces.dataset import DataRequest, Dataset, Split
from zoo_core.plugins import facade

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    datasets.disable_progress_bars()


def _open(path: Path, **fields: Any) -> Dataset:
    return facade.open_data(str(path), DataRequest(**fields))


def _saved(rows: Any, folder: Path) -> Path:
    rows.save_to_disk(str(folder / "saved"))
    return folder / "saved"


def test_columns_and_named_classes(tmp_path: Path) -> None:
    features = datasets.Features(
        {
            "x": datasets.Value("float32"),
            "n": datasets.Value("int32"),
            "kind": datasets.ClassLabel(names=["zebra", "ape"]),
        }
    )
    columns = {"x": [0.5, 1.5, 2.5], "n": [1, 2, 3], "kind": [0, 1, 0]}
    path = _saved(datasets.Dataset.from_dict(columns, features=features), tmp_path)
    data = _open(path, condition=("kind",))
    assert data.x.tolist() == [[0.5, 1], [1.5, 2], [2.5, 3]]
    assert data.space == zoo.Space.real(2, columns=("x", "n"))
    assert [data.classes[code] for code in data.labels] == ["zebra", "ape", "zebra"]
    assert data.sha256 == _open(path, columns=("x",)).sha256 != ""
    with pytest.raises(DataError, match="Did you mean 'kind'"):
        _open(path, condition=("king",))


def test_splits_that_a_data_set_brings(tmp_path: Path) -> None:
    parts = {
        "train": datasets.Dataset.from_dict({"x": [float(i) for i in range(20)]}),
        "test": datasets.Dataset.from_dict({"x": [100.0, 101.0]}),
    }
    path = _saved(datasets.DatasetDict(parts), tmp_path)
    test = _open(path, split=Split.TEST, test_share=0.5)
    assert test.x[:, 0].tolist() == [100, 101]
    rest = [_open(path, split=s, valid_share=0.25).x[:, 0] for s in (Split.TRAIN, Split.VALID)]
    assert [len(part) for part in rest] == [15, 5]
    assert sorted(torch.cat(rest).tolist()) == list(range(20))
    assert len(_open(path)) == 22


def test_pictures_and_arrays(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    held = rng.integers(0, 256, (5, 3, 4, 3), np.uint8)
    columns = {"image": [Image.fromarray(each) for each in held], "label": [2, 0, 2, 0, 0]}
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("int64")})
    path = _saved(datasets.Dataset.from_dict(columns, features=features), tmp_path)
    data = _open(path, condition=("label",))
    assert data.space == zoo.Space.ordinal(256, 3, 3, 4)
    assert np.array_equal(data.x.numpy(), held.transpose(0, 3, 1, 2))
    assert data.classes == ("0", "2") and data.labels.tolist() == [1, 0, 1, 0, 0]
    arrays = datasets.Dataset.from_dict({"v": held[:, 0].astype(float).tolist()})
    assert _open(_saved(arrays, tmp_path / "b")).x.shape == (5, 4, 3)


def test_a_folder_of_tables_has_the_splits_of_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    (folder / "train.csv").write_text("a,b\n1,u\n2,v\n3,u\n")
    (folder / "test.csv").write_text("a,b\n9,v\n")
    data = _open(folder, split=Split.TEST, condition=("b",))
    assert data.x.tolist() == [[9]] and data.classes == ("u", "v")
    assert len(_open(folder, split=Split.TRAIN, condition=("b",), valid_share=0)) == 3


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    folder = tmp_path / "tables"
    folder.mkdir()
    for number in range(2):
        rows = datasets.Dataset.from_dict({"a": [float(number)] * 3})
        rows.to_parquet(str(folder / f"part-{number}.parquet"))
    assert _open(folder).x[:, 0].tolist() == [0, 0, 0, 1, 1, 1]


def test_bad_rows_are_named(tmp_path: Path) -> None:
    rows = datasets.Dataset.from_dict({"x": [1.0, None], "t": ["a", "b"], "v": [[1.0], [1.0, 2.0]]})
    path = _saved(rows, tmp_path)
    with pytest.raises(DataError, match="missing value .* in row 2 of saved, column 'x'"):
        _open(path, columns=("x",))
    with pytest.raises(DataError, match="'a' in row 1"):
        _open(path, columns=("t",))
    with pytest.raises(DataError, match="'v' of saved are numbers, all of one shape"):
        _open(path, columns=("v",))
    (path / "state.json").write_text("torn")
    with pytest.raises(DataError, match="that `datasets` reads"):
        _open(path)


def test_names_of_the_hub() -> None:
    for reference in ("hf://datasets/lonely", "hf://datasets/a/b/c/d", "hf://datasets//b"):
        with pytest.raises(DataError, match="owner/name"):
            facade.open_data(reference, DataRequest())


def test_what_the_library_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(*names: str, revision: str | None) -> None:
        asked.append((names, revision))
        raise FileNotFoundError("no such data set\nand more")

    monkeypatch.setattr(datasets, "load_dataset", refuse)
    with pytest.raises(HubError, match="FileNotFoundError: no such data set"):
        facade.open_data("hf://datasets/me/mine/small@v1", DataRequest())
    assert asked == [(("me/mine", "small"), "v1")]


def test_a_data_set_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = datasets.Dataset.from_dict({"x": [1.0, 2.0, 3.0]})
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: datasets.DatasetDict(train=rows))
    data = facade.open_data("hf://datasets/me/mine", DataRequest())
    assert data.name == "hf://datasets/me/mine" and data.x[:, 0].tolist() == [1, 2, 3]
    assert len(data.sha256) == 64
