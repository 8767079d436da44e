"""Arrays, pictures and text: rows, checks, and what stays on disk."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import zoo_core as zoo
from zoo_core.errors import DataError
from zoo_core.interfaces.dataset import DataRequest, Dataset, Split
from zoo_core.interfaces.rows import Rows
from zoo_core.plugins import facade
from zoo_plugin_data import formats, npy_file, pictures, safetensors_file, text_file


def _open(path: Path, **fields: Any) -> Dataset:
    return facade.open_data(str(path), DataRequest(**fields))


def _limit(monkeypatch: pytest.MonkeyPatch, module: ModuleType, most: int) -> None:
    """Let rows be held in memory up to so many bytes, and forget what was read before."""
    monkeypatch.setattr(module, "IN_MEMORY_BYTES", most)
    formats.all_rows.cache_clear()


def _npy(folder: Path, array: np.ndarray) -> Path:
    np.save(folder / "x.npy", array)
    return folder / "x.npy"


@pytest.mark.parametrize(
    ("dtype", "space"),
    [
        ("float32", zoo.Space.real(2, 3)),
        (">f8", zoo.Space.real(2, 3)),
        ("float16", zoo.Space.real(2, 3)),
        ("uint8", zoo.Space.ordinal(256, 2, 3)),
        ("bool", zoo.Space.binary(2, 3)),
    ],
)
def test_npy_has_a_row_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, space: zoo.Space
) -> None:
    array = (np.arange(24).reshape(4, 2, 3) % 2).astype(dtype)
    data = _open(_npy(tmp_path, array))
    assert data.space == space
    assert np.array_equal(data.x.numpy(), array.astype(data.x.numpy().dtype))
    _limit(monkeypatch, npy_file, 0)
    mapped = _open(tmp_path / "x.npy", split=Split.ALL).data
    assert isinstance(mapped, Rows)
    assert torch.equal(mapped.take(torch.tensor([3, 0])).x, data.x[[3, 0]])


def test_npy_of_codes_needs_a_space(tmp_path: Path) -> None:
    path = _npy(tmp_path, np.arange(6).reshape(3, 2))
    with pytest.raises(DataError, match="whole numbers of x.npy mean.*int64.*ordinal"):
        _open(path)
    assert _open(path, space=zoo.Space.ordinal(6, 2)).x.dtype == torch.int64
    with pytest.raises(DataError, match=r"5 in row 3 of x.npy, position \[1\]"):
        _open(path, space=zoo.Space.categorical(5, 2))
    with pytest.raises(DataError, match=r"rows of shape \[2\]"):
        _open(path, space=zoo.Space.ordinal(6, 3))
    grid = _open(_npy(tmp_path, np.zeros((3, 4))), space=zoo.Space.real(2, 2))
    assert grid.x.shape == (3, 2, 2)
    angles = _npy(tmp_path, np.full((1, 1), np.pi, np.float32))
    assert _open(angles, space=zoo.Space.angle(1)).x.shape == (1, 1)


def test_bad_npy_names_file_and_row(tmp_path: Path) -> None:
    for value in (np.nan, np.inf):
        array = np.zeros((3000, 2))
        array[2345, 1] = value
        with pytest.raises(DataError, match="in row 2346 of x.npy"):
            _open(_npy(tmp_path, array))
    for array in (np.zeros((0, 2)), np.zeros(())):
        with pytest.raises(DataError, match="x.npy holds at least one row"):
            _open(_npy(tmp_path, array))
    np.save(tmp_path / "x.npy", np.array([{}, {}]), allow_pickle=True)
    with pytest.raises(DataError, match="x.npy.*never loaded"):
        _open(tmp_path / "x.npy")
    with pytest.raises(DataError, match="numbers.*<U1"):
        _open(_npy(tmp_path, np.array(["a"])))
    with pytest.raises(DataError, match=r"no named columns.*\.safetensors"):
        _open(_npy(tmp_path, np.zeros((3, 2))), condition=("label",))
    whole = _npy(tmp_path, np.zeros((100, 2))).read_bytes()
    for torn in (whole[:50], whole[:500], b"", b"no array"):
        (tmp_path / "x.npy").write_bytes(torn)
        with pytest.raises(DataError, match="x.npy is a whole .npy file"):
            _open(tmp_path / "x.npy")


_MEASURED = """
import sys, time, tracemalloc, torch
from zoo_core.interfaces.dataset import DataRequest, Split
from zoo_core.plugins import facade
tracemalloc.start()
data = facade.open_data(sys.argv[1], DataRequest(split=Split.TRAIN))
rng = torch.Generator().manual_seed(0)
for _ in range(20):
    batch = data.data.take(torch.randint(len(data), (512,), generator=rng))
print(len(data), tracemalloc.get_traced_memory()[1])
"""


def test_a_large_npy_stays_on_disk(tmp_path: Path) -> None:
    """A file of 320 MB, sparse on disk, takes less than 90 MB of memory to check and to read."""
    path = tmp_path / "large.npy"
    np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(400_000, 200)).flush()
    assert path.stat().st_size > 320e6
    command = [sys.executable, "-c", _MEASURED, str(path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows, peak = map(int, printed.split())
    assert rows == 320_000
    assert peak < 90e6


def test_random_rows_of_a_mapped_array_are_quick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _limit(monkeypatch, npy_file, 0)
    data = _open(_npy(tmp_path, np.zeros((100_000, 20), np.float32)), split=Split.TRAIN).data
    assert isinstance(data, Rows)
    rows = torch.randint(len(data), (512,))
    data.take(rows)
    begin = time.process_time()
    for _ in range(20):
        data.take(rows)
    assert (time.process_time() - begin) / 20 < 0.005


def test_safetensors_has_tensors_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.safetensors"
    tensors = {
        "x": torch.randn(5, 2, 2),
        "y": torch.tensor([3, 1, 3, 3, 1]),
        "t": torch.rand(5),
        "w": torch.rand(5),
    }
    save_file(tensors, path)
    for limit in (2**28, 0):
        _limit(monkeypatch, safetensors_file, limit)
        data = _open(path, condition=("y",), weight="w")
        assert data.classes == ("1", "3") and data.space == zoo.Space.real(2, 2)
        batch = data.data.take(torch.arange(5))
        assert torch.equal(batch.x, tensors["x"])
        assert batch.condition.tolist() == [1, 0, 1, 1, 0]
        assert torch.equal(batch.weight, tensors["w"].double())
    told = _open(path, condition=("t",)).data.take(torch.arange(5)).condition
    assert torch.equal(told, tensors["t"][:, None])


def test_bad_safetensors_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rows.safetensors"
    save_file({"x": torch.zeros(5, 2), "labels": torch.zeros(4), "v": torch.full((5,), -1.0)}, path)
    with pytest.raises(DataError, match="rows.safetensors has a tensor 'label'.*'labels'"):
        _open(path, condition=("label",))
    with pytest.raises(DataError, match="conditions for each of its 5 rows"):
        _open(path, condition=("labels",))
    with pytest.raises(DataError, match="-1.0 in row 1"):
        _open(path, weight="v")
    save_file({"x": torch.tensor([[1.0], [torch.nan]])}, path)
    with pytest.raises(DataError, match="in row 2 of rows.safetensors"):
        _open(path)
    path.write_bytes(path.read_bytes()[:20])
    with pytest.raises(DataError, match="rows.safetensors is a whole"):
        _open(path)


def _picture(path: Path, size: tuple[int, int] = (4, 3), mode: str = "RGB", seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    shape = (size[1], size[0], 3) if mode in ("RGB", "P") else (size[1], size[0])
    image = Image.fromarray(rng.integers(0, 256, shape, np.uint8))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.convert(mode).save(path)
    return np.asarray(image.convert(mode))


@pytest.mark.parametrize("limit", [2**28, 0])
def test_a_folder_of_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    _limit(monkeypatch, pictures, limit)
    folder = tmp_path / "photos"
    names = ("cat/1.png", "cat/deep/2.PNG", "dog/3.bmp", "dog/4.png")
    held = [_picture(folder / name, seed=i) for i, name in enumerate(names)]
    (folder / "notes.md").write_text("no picture")
    (folder / ".hidden.png").write_text("nor is this")
    data = _open(folder, condition=("folder",))
    assert data.space == zoo.Space.ordinal(256, 3, 3, 4)
    assert data.classes == ("cat", "cat/deep", "dog")
    assert isinstance(data.data, zoo.Batch) == bool(limit)
    batch = data.data.take(torch.tensor([3, 1]))
    assert batch.condition.tolist() == [2, 1]
    assert np.array_equal(batch.x[0].numpy(), held[3].transpose(2, 0, 1))
    assert np.array_equal(batch.x[1].numpy(), held[1].transpose(2, 0, 1))
    assert len(_open(folder, split=Split.TRAIN)) == 2
    unit = _open(folder, space=zoo.Space.unit(3, 3, 4)).data.take(torch.tensor([3])).x
    assert np.allclose(unit[0].numpy(), held[3].transpose(2, 0, 1) / 255)
    grey = _open(folder, space=zoo.Space.ordinal(17, 3, 4)).data.take(torch.tensor([3])).x
    assert grey.shape == (1, 3, 4) and int(grey.max()) <= 16


@pytest.mark.parametrize(
    ("mode", "space"), [("L", zoo.Space.ordinal(256, 3, 4)), ("1", zoo.Space.binary(3, 4))]
)
def test_grey_and_binary_pictures(tmp_path: Path, mode: str, space: zoo.Space) -> None:
    held = _picture(tmp_path / "a.png", mode=mode)
    data = _open(tmp_path)
    assert data.space == space
    assert np.array_equal(data.x[0].numpy(), held.astype(np.int64))


def test_bad_pictures_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    with pytest.raises(DataError, match="folder of pictures"):
        _open(folder)
    _picture(folder / "a.png")
    _picture(folder / "b.png", size=(5, 3))
    with pytest.raises(
        DataError, match="size of the first, photos/a.png: 4 × 3.*5 × 3 in photos/b"
    ):
        _open(folder)
    _picture(folder / "b.png", mode="L")
    with pytest.raises(DataError, match="coloured.*mode L in photos/b.png"):
        _open(folder)
    Image.new("RGBA", (4, 3)).save(folder / "b.png")
    with pytest.raises(DataError, match="no transparency.*RGBA in photos/b.png"):
        _open(folder)
    _picture(folder / "b.png")
    whole = (folder / "b.png").read_bytes()
    for torn in (b"", b"text", whole[: len(whole) // 2]):
        (folder / "b.png").write_bytes(torn)
        with pytest.raises(DataError, match="photos/b.png"):
            _open(folder)
    _picture(folder / "b.png")
    with pytest.raises(DataError, match="in a sub-folder.*a.png"):
        _open(folder, condition=("folder",))
    with pytest.raises(DataError, match="condition 'folder'.*species"):
        _open(folder, condition=("species",))


def test_a_torn_jpeg_is_named_when_it_is_held(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    _picture(folder / "a.jpg", size=(64, 64))
    whole = (folder / "a.jpg").read_bytes()
    (folder / "b.jpg").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="photos/b.jpg"):
        _open(folder)


def test_a_camera_held_sideways(tmp_path: Path) -> None:
    image = Image.fromarray(np.arange(8 * 16, dtype=np.uint8).reshape(8, 16))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif, quality=100)
    data = _open(tmp_path)
    assert data.space.shape == (16, 8)
    turned = np.rot90(np.asarray(image), -1).astype(np.int64)
    assert np.abs(data.x[0].numpy() - turned).max() <= 4


@pytest.mark.parametrize("limit", [2**28, 0])
def test_text_is_windows_of_codes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    _limit(monkeypatch, text_file, limit)
    text = "Größe: 5 µm — naïve\r\n€10 𝄞 " * 30
    path = tmp_path / "book.txt"
    path.write_bytes(text.encode())
    data = _open(path, length=7)
    assert data.alphabet == tuple(sorted(set(text)))
    assert data.space == zoo.Space.categorical(len(data.alphabet), 7)
    assert len(data) == len(text) // 7 and isinstance(data.data, zoo.Batch) == bool(limit)
    rows = data.data.take(torch.tensor([5, 0, len(data) - 1])).x
    read = ["".join(data.alphabet[code] for code in row) for row in rows]
    assert read == [text[7 * i : 7 * i + 7] for i in (5, 0, len(data) - 1)]


def test_text_windows_do_not_depend_on_how_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "book.txt"
    path.write_text("aé€𝄞\n" * 50, encoding="utf-8")
    whole = _open(path, length=3).data.take(torch.arange(83)).x
    for size in (1, 2, 3, 7):
        monkeypatch.setattr(text_file, "_BYTES", size)
        assert torch.equal(_open(path, length=3).data.take(torch.arange(83)).x, whole)


def test_the_end_of_a_text_is_its_test(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("".join(chr(ord("a") + i) * 10 for i in range(20)))
    parts = {s: _open(path, length=10, split=s) for s in (Split.TRAIN, Split.VALID, Split.TEST)}
    letters = {
        split: "".join(part.alphabet[row[0]] for row in part.x) for split, part in parts.items()
    }
    assert letters == {"train": "abcdefghijklmnop", "valid": "qr", "test": "st"}


def test_codes_agree_with_those_of_other_text(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_text("bead")
    assert _open(path, length=4, alphabet=tuple("abcde")).x.tolist() == [[1, 4, 0, 3]]
    with pytest.raises(DataError, match="book.txt holds characters of the alphabet.*'e'"):
        _open(path, length=4, alphabet=tuple("abcd"))


def test_a_file_that_is_written_again_is_read_again(tmp_path: Path) -> None:
    path = _npy(tmp_path, np.zeros((3, 2)))
    before = _open(path)
    before.x.fill_(5.0)
    assert float(_open(path).x.max()) == 0
    assert float(_open(_npy(tmp_path, np.ones((3, 2)))).x.max()) == 1


def test_bad_text_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "book.txt"
    path.write_bytes(b"fine\nso far\n\xff")
    with pytest.raises(DataError, match="book.txt is text in UTF-8.*0xff in line 3"):
        _open(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="an empty file"):
        _open(path)
    path.write_text("short")
    with pytest.raises(DataError, match="window of 64 characters.*5 characters"):
        _open(path)
    with pytest.raises(DataError, match="book.txt is text"):
        _open(path, condition=("label",))
