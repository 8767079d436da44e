"""Which reader opens which file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from zoo_core.errors import DataError
from zoo_core.interfaces.dataset import DataRequest, Split
from zoo_plugin_data.closest import did_you_mean
from zoo_plugin_data.csv_file import open_csv
from zoo_plugin_data.hugging_face import is_saved, open_saved, tables_in
from zoo_plugin_data.npy_file import open_npy
from zoo_plugin_data.opened import Opened
from zoo_plugin_data.parquet_file import open_parquet
from zoo_plugin_data.pictures import open_pictures, picture_files
from zoo_plugin_data.safetensors_file import open_safetensors
from zoo_plugin_data.text_file import open_text
from zoo_plugin_data.tokens import SUFFIXES, open_tokens, tokenizer_of

READERS: Mapping[str, Callable[[Path, DataRequest], Opened]] = {
    ".csv": open_csv,
    ".tsv": open_csv,
    ".npy": open_npy,
    ".parquet": open_parquet,
    ".safetensors": open_safetensors,
    ".txt": open_text,
}


def is_path(reference: str) -> bool:
    """Say whether a reference is a path: it has a slash, a leading dot, or a known suffix."""
    path = Path(reference)
    pathlike = "/" in reference or "\\" in reference or reference.startswith((".", "~"))
    known = path.suffix.lower() in (*READERS, *SUFFIXES)
    return (pathlike and "://" not in reference) or known


def open_path(reference: str, request: DataRequest) -> Opened:
    """Open a file or folder. Raises DataError where there is none, or of an unknown format."""
    path = Path(reference).expanduser()
    if path.exists():
        return all_rows(path, _stamp(path), replace(request, split=Split.ALL))
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    raise DataError(
        f"{reference} is a file or folder",
        received="nothing of that name",
        remedy=did_you_mean(path.name, sorted(siblings)) if siblings else None,
    )


@lru_cache(maxsize=1)
def all_rows(path: Path, stamp: tuple[int, ...], request: DataRequest) -> Opened:
    """Read and check all rows; what was read last is kept for the next split."""
    del stamp
    if tokenizer_of(request) is not None:
        return open_tokens(path, request)
    if path.is_dir():
        return _open_folder(path, request)
    if path.suffix.lower() not in READERS:
        raise DataError(
            f"A data file ends in {', '.join(READERS)}, or is a folder",
            received=path.name,
            remedy="Write it in one of these formats.",
        )
    try:
        return READERS[path.suffix.lower()](path, request)
    except OSError as error:
        raise DataError(f"{path} can be read", received=error.strerror or error) from None


def _stamp(path: Path) -> tuple[int, ...]:
    """Give numbers that change when a file, or any file in a folder, is written again."""
    files = [each.stat() for each in path.rglob("*")] if path.is_dir() else [path.stat()]
    times = max((each.st_mtime_ns for each in files), default=0)
    return len(files), times, sum(each.st_size for each in files)


def _open_folder(path: Path, request: DataRequest) -> Opened:
    if is_saved(path):
        return open_saved(path, request)
    if picture_files(path):
        return open_pictures(path, request)
    if tables_in(path):
        return open_saved(path, request)
    raise DataError(
        f"{path} is a folder of pictures, of .csv or .parquet files, or one that "
        "`datasets` has saved",
        received="none of these files in it",
    )
