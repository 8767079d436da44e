"""Data sets of Hugging Face's `datasets` (the extra `huggingface`): by name, or a local folder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from zoo_core.errors import DataError, HubError, PluginMissingError
from zoo_core.interfaces.dataset import DataRequest, Split
from zoo_plugin_data.hashing import files_sha256
from zoo_plugin_data.hugging_face_table import HuggingFaceTable
from zoo_plugin_data.opened import Opened, cut_splits
from zoo_plugin_data.tables import read_table

SCHEME = "hf://datasets/"
_SAVED = ("dataset_dict.json", "dataset_info.json")
_SUFFIXES = (".csv", ".parquet")
_ROWS = (".arrow", *_SUFFIXES)
_NAMES = {
    Split.TRAIN: ("train",),
    Split.VALID: ("validation", "valid", "val", "dev"),
    Split.TEST: ("test",),
}


def is_saved(folder: Path) -> bool:
    """Say whether `datasets` has saved a data set in a folder."""
    return any((folder / name).is_file() for name in _SAVED)


def tables_in(folder: Path) -> list[Path]:
    """List the .csv and .parquet files of a folder and its sub-folders, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)


def open_saved(folder: Path, request: DataRequest) -> Opened:
    """Open a folder that `datasets` has saved, or one of .csv or .parquet files."""
    datasets = _library()
    try:
        if is_saved(folder):
            parts = datasets.load_from_disk(str(folder))
        else:
            parts = datasets.load_dataset(str(folder))
    except Exception as error:  # noqa: BLE001  `datasets` raises many types
        raise DataError(
            f"{folder} is a folder that `datasets` reads", received=_first_line(error)
        ) from None
    # Not the files beside them: those hold numbers that differ from one saving to the next.
    files = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in _ROWS]
    return _opened(parts, request, folder.name, files_sha256(folder, files))


def open_named(reference: str, request: DataRequest) -> Opened:
    """Open `hf://datasets/owner/name[/configuration][@revision]`.

    Raises PluginMissingError without the extra, HubError where the Hub or the network refuses.
    """
    name, _, revision = reference.removeprefix(SCHEME).partition("@")
    owner, *rest = name.split("/")
    if len(rest) not in (1, 2) or not all((owner, *rest)):
        raise DataError(
            f"A data set of the Hub is {SCHEME}owner/name[/configuration][@revision]",
            received=reference,
        )
    try:
        parts = _library().load_dataset(f"{owner}/{rest[0]}", *rest[1:], revision=revision or None)
    except Exception as error:  # noqa: BLE001  `datasets` raises many types
        raise HubError(f"{reference} can be fetched", received=_first_line(error)) from None
    return _opened(parts, request, name, None)


def _opened(parts: Any, request: DataRequest, name: str, sha256: str | None) -> Opened:
    import datasets

    if isinstance(parts, datasets.DatasetDict):
        known = _own_splits(parts)
        rows = datasets.concatenate_datasets([*known.values()])
        sizes = {split: len(part) for split, part in known.items()}
    else:
        rows, sizes = parts, {Split.TRAIN: len(parts)}
    read = read_table(HuggingFaceTable(rows, name), request)
    return Opened(
        read.rows,
        read.space,
        sha256 or _content_sha256(rows),
        f"{name}, {len(rows)} rows, read by Hugging Face's datasets",
        read.classes,
        splits=cut_splits(sizes, request) if len(sizes) > 1 else None,
    )


def _own_splits(parts: Any) -> dict[Split, Any]:
    """Give the splits that a data set brings; a single one, whatever its name, is all there is."""
    if len(parts) == 1:
        return {Split.TRAIN: next(iter(parts.values()))}
    found = {
        split: parts[name] for split, names in _NAMES.items() for name in names if name in parts
    }
    if Split.TRAIN not in found:
        raise DataError("A data set has a split `train`", received=", ".join(parts))
    return found


def _content_sha256(rows: Any) -> str:
    digest = hashlib.sha256()
    for part in rows.with_format("arrow").iter(1000):
        for name in part.column_names:
            digest.update(f"{name}{part.column(name).to_pylist()!r}".encode())
    return digest.hexdigest()


def _library() -> Any:
    try:
        import datasets
    except ImportError:
        raise PluginMissingError(
            "Data of Hugging Face need their library `datasets`",
            remedy="Run: pip install 'zoo-plugin-data[huggingface]'",
        ) from None
    return datasets


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error) or 'no message').splitlines()[0]}"
