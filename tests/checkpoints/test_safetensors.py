"""The file format: written so that tensors are aligned, read with suspicion."""

from __future__ import annotations

import json
import pickle
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from zoo_core.checkpoints.header import MAX_TENSORS, read_header
from zoo_core.checkpoints.pieces import map_tensors
from zoo_core.checkpoints.writer import write_file, write_weights
from zoo_core.errors import FormatError, IntegrityError, UnsafeFileError, ZooError

TENSORS = {
    "a": torch.arange(5.0),
    "b": torch.randn(16, 4),
    "c": torch.tensor(True),
    "d": torch.arange(7, dtype=torch.uint8),
    "e": torch.randn(3, dtype=torch.float64),
    "f": torch.randn(3, 0),
    "g": torch.randn(8, 8).bfloat16().T,
    "h": torch.tensor(3),
}


def _file(path: Path, header: object, data: bytes = b"") -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def _entry(start: int, stop: int, **changes: object) -> dict[str, object]:
    return {"dtype": "U8", "shape": [stop - start], "data_offsets": [start, stop], **changes}


def test_the_reference_library_reads_what_is_written(tmp_path: Path) -> None:
    write_file(tmp_path / "m.safetensors", TENSORS, {"format": "pt"})
    loaded = load_file(tmp_path / "m.safetensors")
    assert loaded.keys() == TENSORS.keys()
    assert all(torch.equal(loaded[name], tensor) for name, tensor in TENSORS.items())


def test_data_begin_aligned_and_whole_multiples_come_first(tmp_path: Path) -> None:
    write_file(tmp_path / "m.safetensors", TENSORS, {})
    header = read_header(tmp_path / "m.safetensors")
    assert header.begin % 64 == 0
    aligned = [info.start % 64 == 0 for info in header.tensors.values()]
    whole = [(info.stop - info.start) % 64 == 0 for info in header.tensors.values()]
    assert whole == sorted(whole, reverse=True)
    assert all(a for a, w in zip(aligned, whole, strict=True) if w)
    assert all(info.start % info.dtype.itemsize == 0 for info in header.tensors.values())


def test_mapped_tensors_are_equal_and_lie_well(tmp_path: Path) -> None:
    write_file(tmp_path / "m.safetensors", TENSORS, {})
    path = tmp_path / "m.safetensors"
    mapped = dict(map_tensors(path, read_header(path)))
    assert all(torch.equal(mapped[name], tensor) for name, tensor in TENSORS.items())
    assert all(tensor.data_ptr() % 64 == 0 for tensor in mapped.values())
    mapped["b"].add_(1)  # private: the file stays as it is
    assert torch.equal(load_file(path)["b"], TENSORS["b"])


def test_files_of_other_writers_need_no_alignment(tmp_path: Path) -> None:
    values = torch.randn(3)
    data = b"\x07" + values.numpy().tobytes()
    floats = {"dtype": "F32", "shape": [3], "data_offsets": [1, 13]}
    path = _file(tmp_path / "m.safetensors", {"x": _entry(0, 1), "y": floats}, data)
    assert torch.equal(dict(map_tensors(path, read_header(path)))["y"], values)


def test_shards_and_their_index(tmp_path: Path) -> None:
    names = write_weights(tmp_path, TENSORS, {}, limit=300)
    places = json.loads((tmp_path / names[0]).read_text())["weight_map"]
    assert places.keys() == TENSORS.keys()
    loaded = {k: v for name in names[1:] for k, v in load_file(tmp_path / name).items()}
    assert all(torch.equal(loaded[name], tensor) for name, tensor in TENSORS.items())


@pytest.mark.parametrize(
    ("header", "data"),
    [
        (b'{"x": 1, "x": 2}', b""),
        (b"[]", b""),
        (b"not json", b""),
        (b"\xff\xfe", b""),
        (b"[" * 100_000, b""),
        ({"x": {"dtype": "U8"}}, b""),
        ({"x": _entry(0, 2, dtype="Q9")}, b"ab"),
        ({"x": _entry(0, 2, shape=[True, 2])}, b"ab"),
        ({"x": _entry(0, 2, shape=[-1, -2])}, b"ab"),
        ({"x": _entry(0, 2, shape=[2**70])}, b"ab"),
        ({"x": _entry(0, 2, data_offsets=[0, 2, 3])}, b"ab"),
        ({"x": _entry(0, 2), "y": _entry(1, 3)}, b"abc"),
        ({"x": _entry(0, 2), "y": _entry(3, 4)}, b"abcd"),
        ({"x": _entry(0, 2)}, b"abc"),
        ({"__metadata__": {"a": 1}}, b""),
        ({"__metadata__": "text"}, b""),
    ],
)
def test_malformed_headers_are_refused(tmp_path: Path, header: object, data: bytes) -> None:
    with pytest.raises(FormatError):
        read_header(_file(tmp_path / "m.safetensors", header, data))


def test_sizes_are_capped(tmp_path: Path) -> None:
    (tmp_path / "m.safetensors").write_bytes((2**40).to_bytes(8, "little") + b"{}")
    with pytest.raises(FormatError, match="header of at most"):
        read_header(tmp_path / "m.safetensors")
    many = {f"t{i}": _entry(0, 0) for i in range(MAX_TENSORS + 1)}
    with pytest.raises(FormatError, match="at most"):
        read_header(_file(tmp_path / "n.safetensors", many))


@pytest.mark.parametrize("kept", [0, 5, 20, 200, -1])
def test_a_truncated_file_is_told_from_a_malformed_one(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "m.safetensors"
    write_file(path, TENSORS, {})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(IntegrityError, match="truncated"):
        read_header(path)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_renamed_pickle_is_never_opened(tmp_path: Path, protocol: int) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, (f"open({str(tmp_path / 'boom')!r}, 'w')",)

    (tmp_path / "m.safetensors").write_bytes(pickle.dumps(Bomb(), protocol=protocol))
    torch.save(torch.zeros(2), tmp_path / "n.safetensors")
    for name in ("m", "n"):
        with pytest.raises(UnsafeFileError, match="pickle"):
            read_header(tmp_path / f"{name}.safetensors")
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize("length", [0x280, 0x480])
def test_a_header_as_long_as_a_pickle_looks_is_read(tmp_path: Path, length: int) -> None:
    text = json.dumps({"x": _entry(0, 1)}).encode().ljust(length)
    assert read_header(_file(tmp_path / "m.safetensors", text, b"a")).tensors


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_read_or_refused(tmp_path_factory, data: bytes, framed: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "any.safetensors"
    path.write_bytes(len(data).to_bytes(8, "little") + data if framed else data)
    with suppress(ZooError):
        read_header(path)
