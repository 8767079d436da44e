"""Tables whose columns are of different kinds: numbers, text, truth values, counts."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

import zoo_core as zoo
import zoo_plugin_data
from zoo_core.errors import DataError
from zoo_core.interfaces.dataset import Dataset
from zoo_plugin_data import formats, spilling

PEOPLE = """\
height,colour,visits,size,label
1.5,red,3,S,a
,green,0,M,b
1.75,,12,S,a
2,red,300,L,b
"""
COLUMNS = {
    "visits": zoo.Space.count(),
    "size": zoo.Space.ordinal(3, names=("S", "M", "L")),
    "height": zoo.Space.real(),
}


def _read(folder: Path, text: str, **fields: Any) -> Dataset:
    path = folder / "people.csv"
    path.write_text(text)
    formats.all_rows.cache_clear()
    return zoo_plugin_data.read(path, **fields)


def test_columns_of_text_are_categories_where_a_mixed_table_is_asked_for(tmp_path: Path) -> None:
    data = _read(tmp_path, PEOPLE, mixed=True, condition="label")
    assert data.space.columns == ("height", "colour", "visits", "size")
    assert data.space.missing and data.space.entries is not None
    assert data.space.entries[0] == data.space.entries[2] == zoo.Space.real()
    assert data.space.entries[1].names == ("green", "red")
    assert data.space.entries[3].names == ("L", "M", "S")
    assert data.x.nan_to_num(-9).tolist() == [
        [1.5, 1, 3, 2], [-9, 0, 0, 1], [1.75, -9, 12, 2], [2, 1, 300, 0]
    ]  # fmt: skip
    assert data.condition.tolist() == [0, 1, 0, 1]


def test_text_is_refused_where_it_is_not(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="mixed=True"):
        _read(tmp_path, PEOPLE, condition="label")


def test_a_space_says_what_columns_are_and_in_which_order(tmp_path: Path) -> None:
    space = zoo.Space.mixed(COLUMNS, missing=True)
    data = _read(tmp_path, PEOPLE, space=space)
    assert data.space == space
    assert data.x.nan_to_num(-9).tolist() == [
        [3, 0, 1.5], [0, 1, -9], [12, 0, 1.75], [300, 2, 2]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "fields", "message"),
    [
        ("visits,size,height\n1,XL,1\n", {}, r"levels of the column 'size' are S, M, L.*line 2"),
        ("visits,size,height\n1,S,1\n-3,S,1\n", {}, r"whole numbers.*-3 in line 3.*'visits'"),
        ("visits,size,height\n1.5,S,1\n", {}, r"whole numbers.*1.5 in line 2.*'visits'"),
        ("visits,size,height\n1,S,inf\n", {}, r"finite.*inf in line 2.*'height'"),
        ("visits,size,height\n1,,2\n", {"missing": False}, r"missing value.*line 2.*'size'"),
        ("visits,size\n1,S\n", {}, r"has a column 'height'"),
    ],
)
def test_what_a_column_does_not_hold_is_refused(
    tmp_path: Path, text: str, fields: dict[str, bool], message: str
) -> None:
    space = zoo.Space.mixed(COLUMNS, **{"missing": True, **fields})
    with pytest.raises(DataError, match=message):
        _read(tmp_path, text, space=space)


def test_too_many_texts_are_no_categories(tmp_path: Path) -> None:
    rows = "".join(f"{i},name{i}\n" for i in range(1100))
    with pytest.raises(DataError, match="at most 1000"):
        _read(tmp_path, "x,name\n" + rows, mixed=True)


def test_numbers_alone_are_a_real_table(tmp_path: Path) -> None:
    rows = "".join(f"{i},{i}.5\n" for i in range(5000))
    data = _read(tmp_path, "x,y\n" + rows + ",1\n", mixed=True)
    assert data.space == zoo.Space.real(2, columns=("x", "y"), missing=True)
    assert math.isnan(data.x[-1, 0])


def test_a_number_late_in_a_column_of_text_is_a_category(tmp_path: Path) -> None:
    data = _read(tmp_path, "x,y\n" + "1,b\n" * 5000 + "2,7\n", mixed=True)
    assert data.space.entries is not None
    assert data.space.entries[1].names == ("7", "b")


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    arrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "people.parquet"
    columns = {"tall": [True, False, True], "colour": ["b", None, "a"], "x": [1.5, 2.5, None]}
    parquet.write_table(arrow.table(columns), path)
    data = zoo_plugin_data.read(path, mixed=True)
    kinds = [entry.kind.value for entry in data.space.entries or ()]
    assert kinds == ["binary", "categorical", "real"]
    assert data.x.nan_to_num(-9).tolist() == [[1, 1, 1.5], [0, -9, 2.5], [1, 0, -9]]


def test_counts_of_any_size_are_read(tmp_path: Path) -> None:
    data = _read(tmp_path, "a,b\n0,70000\n3,5000000000\n", space=zoo.Space.count(2))
    assert data.x.tolist() == [[0, 70000], [3, 5000000000]]
    with pytest.raises(DataError, match="whole numbers from 0 on"):
        _read(tmp_path, "a,b\n0,-1\n", space=zoo.Space.count(2))


@pytest.mark.parametrize("mark", ["", "NA", "NaN", "null"])
def test_numbers_stay_numbers_where_a_cell_says_that_there_is_none(
    tmp_path: Path, mark: str
) -> None:
    text = f"x,c\n1.5,red\n{mark},blue\n2.5,{mark}\n"
    data = _read(tmp_path, text, mixed=True)
    assert [str(entry.kind) for entry in data.space.entry_spaces] == ["real", "categorical"]
    assert data.space.entry_spaces[1].names == ("blue", "red") and data.space.missing
    assert data.x[:, 0].isnan().tolist() == [False, True, False]
    assert data.x[:, 1].isnan().tolist() == [False, False, True]


def test_a_mixed_table_may_be_larger_than_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spilling, "IN_MEMORY_BYTES", 100)
    rows = "".join(f"{i}.5,{'ab'[i % 2]}\n" for i in range(200))
    data = _read(tmp_path, "x,c\n" + rows, mixed=True)
    batch = next(iter(data.data))
    assert batch.x[:3].tolist() == [[0.5, 0], [1.5, 1], [2.5, 0]]
