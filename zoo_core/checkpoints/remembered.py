"""What is known of files that haven't changed: their sha256 and whether they hold NaN.

One small file for each, in the zoo's cache folder, named after device, inode, size, mtime and
ctime: any change of the file makes its entry unfindable. A folder that can't be written to only
costs the time of hashing again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final
from uuid import uuid4

from zoo_core.plugins.folders import cache_folder


@final
@dataclass(frozen=True)
class Findings:
    """What one pass over a file found: its hash and the first names of tensors with NaN."""

    sha256: str
    nan: tuple[str, ...] = ()


def identity(status: os.stat_result) -> str:
    """Name a file in its present state."""
    fields = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return "-".join(f"{field:x}" for field in fields)


def recall(status: os.stat_result) -> Findings | None:
    """Give what is known of the file in this state; None if nothing is."""
    try:
        entry = json.loads((_folder() / f"{identity(status)}.json").read_bytes())
        return Findings(str(entry["sha256"]), tuple(map(str, entry["nan"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(status: os.stat_result, findings: Findings) -> None:
    """Keep what was found, in place of what was known of the same file in other states."""
    folder = _folder()
    name = identity(status)
    beside = folder / f"{uuid4().hex}.tmp"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        for stale in folder.glob(f"{status.st_dev:x}-{status.st_ino:x}-*.json"):
            stale.unlink(missing_ok=True)
        beside.write_text(json.dumps(asdict(findings)))
        os.replace(beside, folder / f"{name}.json")
    with suppress(OSError):
        beside.unlink(missing_ok=True)


def forget_all() -> None:
    """Drop everything: the next load of each file hashes it again."""
    with suppress(OSError):
        for entry in _folder().glob("*.json"):
            entry.unlink(missing_ok=True)


def _folder() -> Path:
    return Path(cache_folder()) / "verified"


def first_few(names: Sequence[str], most: int = 3) -> str:
    """Write a list of names for a message, shortened."""
    shown = ", ".join(name[:80] for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown
