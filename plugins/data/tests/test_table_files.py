"""CSV and Parquet files: columns by name, splits, and one clear error for bad data."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import zoo_core as zoo
import zoo_plugin_data
from zoo_core.errors import DataError, UnknownNameError
from zoo_core.interfaces.dataset import DataRequest, Dataset, Split
from zoo_core.interfaces.rows import Rows
from zoo_core.plugins import facade
from zoo_plugin_data import formats, spilling

FLOWERS = "height,width,species\n" + "".join(
    f"{i / 4},{i % 7}.5,{('tulip', 'rose', 'iris')[i % 3]}\n" for i in range(40)
)


def _open(path: Path, **fields: Any) -> Dataset:
    return facade.open_data(str(path), DataRequest(**fields))


def _limit(monkeypatch: pytest.MonkeyPatch, module: ModuleType, most: int) -> None:
    """Let rows be held in memory up to so many bytes, and forget what was read before."""
    monkeypatch.setattr(module, "IN_MEMORY_BYTES", most)
    formats.all_rows.cache_clear()


def _csv(folder: Path, text: str | bytes, name: str = "rows.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _parquet(folder: Path, columns: dict[str, Any], **options: Any) -> Path:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = folder / "rows.parquet"
    parquet.write_table(arrow.table(columns), path, **options)
    return path


def test_columns_are_data_and_named_ones_conditions(tmp_path: Path) -> None:
    path = _csv(tmp_path, FLOWERS)
    data = _open(path, condition=("species",))
    assert data.x.dtype == torch.float32 and data.x.shape == (40, 2)
    assert data.x[5].tolist() == [1.25, 5.5]
    assert data.classes == ("iris", "rose", "tulip")
    assert [data.classes[code] for code in data.labels[:3]] == ["tulip", "rose", "iris"]
    assert data.space == zoo.Space.real(2, columns=("height", "width"))
    assert data.sha256 == hashlib.sha256(FLOWERS.encode()).hexdigest()
    assert data.name == "rows.csv" and "40 rows" in data.provenance


def test_reading_in_python(tmp_path: Path) -> None:
    path = _csv(tmp_path, FLOWERS)
    told = zoo_plugin_data.read(path, condition="species", columns=["width"], split="test")
    assert told.x.shape == (4, 1) and len(told.classes) == 3
    assert torch.equal(told.x, zoo_plugin_data.read(str(path), columns="width", split="test").x)
    assert len(zoo_plugin_data.read("moons", draws=7)) == 7
    with pytest.raises(DataError, match="train, valid, test, all"):
        zoo_plugin_data.read(path, split="rest")


def test_splits_are_a_fixed_permutation_cut_by_shares(tmp_path: Path) -> None:
    path = _csv(tmp_path, FLOWERS)
    whole = _open(path, condition=("species",))
    shares = {"valid_share": 0.2, "test_share": 0.25, "condition": ("species",)}
    parts = [_open(path, split=s, **shares) for s in (Split.TRAIN, Split.VALID, Split.TEST)]
    assert [len(part) for part in parts] == [22, 8, 10]
    joined = torch.cat([torch.cat((part.x, part.labels[:, None]), 1) for part in parts])
    expected = torch.cat((whole.x, whole.labels[:, None]), 1)
    assert sorted(joined.tolist()) == sorted(expected.tolist())
    order = np.random.RandomState(0).permutation(40)
    assert torch.equal(parts[2].x, whole.x[torch.from_numpy(np.sort(order[:10]))])
    assert {part.sha256 for part in parts} == {whole.sha256}


def test_a_share_of_none_and_too_few_rows(tmp_path: Path) -> None:
    path = _csv(tmp_path, "a\n1\n2\n")
    assert len(_open(path, split=Split.TRAIN, valid_share=0)) == 1
    with pytest.raises(DataError, match="has rows for the split valid"):
        _open(path, split=Split.VALID, valid_share=0)
    with pytest.raises(DataError, match="has rows for the split train"):
        _open(path, split=Split.TRAIN)


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n3,4\n",
        "a;b\n1;2\n3;4\n",
        "a\tb\n1\t2\n3\t4\n",
        "\ufeffa,b\r\n1,2\r\n3,4\r\n",
        '"a", b \n"1"," 2"\n\n3,4',
        '"a;;;",b\n1,2\n3,4\n',
    ],
)
def test_separators_quotes_marks_and_blank_lines(tmp_path: Path, text: str) -> None:
    data = _open(_csv(tmp_path, text))
    assert data.x.tolist() == [[1, 2], [3, 4]]
    assert data.space.columns is not None and data.space.columns[1] == "b"


def test_without_a_header_columns_have_numbers(tmp_path: Path) -> None:
    data = _open(_csv(tmp_path, "1,2,0\n3,4,1\n"), condition=("x2",))
    assert data.x.tolist() == [[1, 2], [3, 4]] and data.labels.tolist() == [0, 1]


def test_conditions_are_classes_or_vectors(tmp_path: Path) -> None:
    path = _csv(tmp_path, "x,digit,temperature,day\n1,10,0.5,2\n2,9,1,4\n3,10,1.5,6\n")
    told = _open(path, condition=("digit",))
    assert told.classes == ("9", "10") and told.labels.tolist() == [1, 0, 1]
    told = _open(path, condition=("temperature",), columns=("x",))
    assert told.classes == () and told.condition.tolist() == [[0.5], [1], [1.5]]
    told = _open(path, condition=("day", "digit"), columns=("x", "temperature"))
    assert told.condition.tolist() == [[2, 10], [4, 9], [6, 10]]
    assert told.space.columns == ("x", "temperature")


def test_weights(tmp_path: Path) -> None:
    path = _csv(tmp_path, "x,w\n1,0\n2,2.5\n")
    batch = _open(path, weight="w").data
    assert isinstance(batch, zoo.Batch) and batch.weight.tolist() == [0, 2.5]
    with pytest.raises(DataError, match=r"-1 in line 2 of rows.csv, column 'w'"):
        _open(_csv(tmp_path, "x,w\n1,-1\n"), weight="w")


def test_rows_of_another_space(tmp_path: Path) -> None:
    space = zoo.Space.ordinal(4, 2, 2)
    data = _open(_csv(tmp_path, "0,1,2,3\n3,2,1,0\n"), space=space)
    assert data.space == space and data.x.dtype == torch.int64
    assert data.x.tolist() == [[[0, 1], [2, 3]], [[3, 2], [1, 0]]]
    missing = zoo.Space.ordinal(4, 2, missing=True)
    assert _open(_csv(tmp_path, "a,b\n0,\n3,2\n"), space=missing).x.tolist() == [[0, -1], [3, 2]]
    real = zoo.Space.real(2, missing=True)
    assert _open(_csv(tmp_path, "a,b\n0,\nnan,2\n"), space=real).x.isnan().sum() == 2


BAD = {
    "": "Received: an empty file",
    "a,b\n": "only a header",
    "a,b\n1,2\n3\n": "1 in line 3",
    "a,b\n1,2\n3,\n": r"a missing value \(empty, or NaN\) in line 3 of rows.csv, column 'b'",
    "a,b\n1,nan\n": "missing value .* in line 2",
    "a,b\n1,2\n\n\ninf,2\n": "inf in line 5 of rows.csv, column 'a'",
    "a,b\n1,1e300\n": r"1e\+300 in line 2",
    "a,b\n1,2\n1,x\n": "'x' in line 3 of rows.csv",
    'a,b\n1,"2\n\n3"\n': r"'2\\n\\n3' in line 2",
    "a,a\n1,2\n": "Each column of rows.csv has a name of its own",
    ",a\n0,2\n": "no name for column 1 of 2",
    b"a,b\n1,2\n\xff,3\n": "the byte 0xff in line 3",
    "a,b\n1,2\n".encode("utf-16"): "the byte 0xff in line 1",
    "a,b\n1,2\x00\n": "line 2",
}


@pytest.mark.parametrize("text", BAD, ids=repr)
def test_bad_csv_names_file_and_line(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(DataError, match=BAD[text]) as raised:
        _open(_csv(tmp_path, text))
    assert "rows.csv" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_bad_conditions_name_file_and_line(tmp_path: Path) -> None:
    path = _csv(tmp_path, "x,label\n1,a\n2,\n")
    with pytest.raises(DataError, match=r"'label' of rows.csv holds text.* empty cell in line 3"):
        _open(path, condition=("label",))
    with pytest.raises(DataError, match="'nan' in line 3"):
        _open(_csv(tmp_path, "x,label\n1,a\n2,nan\n"), condition=("label",))
    with pytest.raises(DataError, match="'7' in line 3"):
        _open(_csv(tmp_path, "x,label\n1,a\n2,7\n"), condition=("label",))
    with pytest.raises(DataError, match="'a' in line 3"):
        _open(_csv(tmp_path, "x,label\n1,7\n2,a\n"), condition=("label",))
    with pytest.raises(DataError, match="'a' in line 2"):
        _open(_csv(tmp_path, "x,l,m\n1,7,a\n"), condition=("l", "m"))


def test_a_missing_column_gets_the_closest(tmp_path: Path) -> None:
    path = _csv(tmp_path, FLOWERS)
    with pytest.raises(DataError, match=r"has a column 'specie'.*Did you mean 'species'"):
        _open(path, condition=("specie",))
    with pytest.raises(DataError, match="Did you mean 'height'"):
        _open(path, columns=("Height",))
    with pytest.raises(DataError, match="holds numbers.*'tulip' in line 2.*as a condition"):
        _open(path)
    with pytest.raises(DataError, match="one role"):
        _open(path, columns=("species",), condition=("species",))
    with pytest.raises(DataError, match="column of data"):
        _open(_csv(tmp_path, "a\n1\n"), condition=("a",))


def test_nothing_of_that_name(tmp_path: Path) -> None:
    _csv(tmp_path, FLOWERS)
    with pytest.raises(DataError, match="nothing of that name.*Did you mean 'rows.csv'"):
        _open(tmp_path / "row.csv")
    with pytest.raises(UnknownNameError, match="Did you mean 'moons'"):
        facade.open_data("moon", DataRequest())
    (tmp_path / "x.xlsx").touch()
    with pytest.raises(DataError, match="ends in .csv"):
        _open(tmp_path / "x.xlsx")


def test_a_large_table_goes_to_a_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _csv(tmp_path, "a,b,c\n" + "".join(f"{i},{i / 2},{i % 2}\n" for i in range(9000)))
    whole = _open(path, condition=("c",))
    _limit(monkeypatch, spilling, 40_000)
    large = _open(path, condition=("c",), split=Split.TEST)
    assert isinstance(large.data, Rows) and len(large) == 900
    numbers = torch.tensor([899, 0, 17])
    small = _open(path, condition=("c",), split=Split.ALL)
    assert isinstance(small.data, Rows)
    taken = small.data.take(numbers)
    assert torch.equal(taken.x, whole.x[numbers])
    assert torch.equal(taken.condition, whole.labels[numbers])
    assert torch.equal(torch.cat([batch.x for batch in small.data]), whole.x)
    with pytest.raises(DataError, match="in memory"):
        _ = large.x


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _limit(monkeypatch, spilling, 0)
    with (
        Path("/dev/full").open("wb", 0) as full,
        pytest.raises(DataError, match="No space.*TMPDIR"),
    ):
        monkeypatch.setattr(spilling.tempfile, "TemporaryFile", lambda **_: full)
        _open(_csv(tmp_path, FLOWERS), columns=("width",))


def test_a_hundred_thousand_rows_are_read_in_seconds(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(100_000, 20)).round(6)
    path = tmp_path / "rows.csv"
    header = ",".join(f"c{i}" for i in range(20))
    lines = (",".join(map(str, row)) for row in rows.tolist())
    path.write_text("\n".join([header, *lines]))
    begin = time.process_time()
    data = _open(path)
    assert time.process_time() - begin < 8
    assert np.array_equal(data.x.numpy(), rows.astype(np.float32))


def test_parquet_has_columns_too(tmp_path: Path) -> None:
    columns = {"x": [0.5, 1.5, 2.5], "n": [1, 2, 3], "kind": ["b", "a", "b"]}
    path = _parquet(tmp_path, columns, row_group_size=2)
    data = _open(path, condition=("kind",))
    assert data.x.tolist() == [[0.5, 1], [1.5, 2], [2.5, 3]]
    assert data.classes == ("a", "b") and data.labels.tolist() == [1, 0, 1]
    assert _open(path, condition=("n",), columns=("x",)).classes == ("1", "2", "3")
    with pytest.raises(DataError, match="Did you mean 'kind'"):
        _open(path, condition=("kinds",))
    with pytest.raises(DataError, match="'b' in row 1 of rows.parquet"):
        _open(path)


def test_dictionary_columns_of_parquet(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    coded = arrow.array(["u", "v", "u"]).dictionary_encode()
    data = _open(_parquet(tmp_path, {"x": [1.0, 2.0, 3.0], "k": coded}), condition=("k",))
    assert data.classes == ("u", "v") and data.labels.tolist() == [0, 1, 0]


def test_bad_parquet_names_file_and_row(tmp_path: Path) -> None:
    path = _parquet(tmp_path, {"x": [1.0, 2.0, None], "n": [1, None, 3]})
    with pytest.raises(DataError, match="missing value .* in row 3 of rows.parquet, column 'x'"):
        _open(path, columns=("x",))
    with pytest.raises(DataError, match="missing value .* in row 2 of rows.parquet, column 'n'"):
        _open(path, columns=("n",))
    with pytest.raises(DataError, match="in row 2 of rows.parquet"):
        _open(path, condition=("n",), columns=("x",))
    with pytest.raises(DataError, match="at least one row"):
        _open(_parquet(tmp_path, {"x": np.zeros(0)}))
    with pytest.raises(DataError, match=r"list.* in column 'x'"):
        _open(_parquet(tmp_path, {"x": [[1.0], [2.0]]}))
    whole = _parquet(tmp_path, {"x": np.arange(1000.0)}).read_bytes()
    for torn in (whole[:500], whole[500:], b""):
        path.write_bytes(torn)
        with pytest.raises(DataError, match="rows.parquet is a"):
            _open(path)
