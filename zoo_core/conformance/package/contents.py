"""Promises of the wheel's files: what is in it, and what isn't."""

from __future__ import annotations

import base64
import csv
import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from zoo_core.conformance.check import check
from zoo_core.conformance.package.package import Package, is_built, is_plugin
from zoo_core.conformance.package.refusal import refuse
from zoo_core.errors import ConformanceError

_PICKLES = frozenset({".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".dill"})
_PROTOCOLS = frozenset(bytes([0x80, protocol]) for protocol in range(2, 6))
_COMPILED = frozenset({".pyc", ".pyo"})
_LEFTOVERS = frozenset({"__pycache__", ".git", ".DS_Store", ".ipynb_checkpoints", ".mypy_cache"})


@check(claimed=is_plugin)
def nothing_is_pickled(package: Package) -> None:
    """No file is a pickle, which would run its maker's code on being read.

    Known by the name's ending, by the first and the last byte of a pickle of protocol 2 or later,
    and by the `data.pkl` in what torch.save writes.
    """
    inside = {name: path for name, path in package.files.items() if "/" in name}
    refuse(
        "Nothing in a plugin is pickled",
        [name for name, path in inside.items() if _is_pickle(path)],
        "Save weights with zoo.save, which writes safetensors, and other data as text.",
    )


@check(claimed=is_built)
def nothing_is_compiled(package: Package) -> None:
    """No compiled Python, cache or file of an editor or a version control is in the wheel."""
    names = (PurePosixPath(name) for name in package.files)
    refuse(
        "A wheel holds no compiled Python, caches or leftovers",
        [str(n) for n in names if n.suffix in _COMPILED or _LEFTOVERS & set(n.parts)],
        "Exclude them in the build's settings.",
    )


@check(claimed=is_built)
def one_package_is_brought(package: Package) -> None:
    """The wheel brings the plugin's package and its metadata, and nothing beside them.

    A `tests` at the top is everybody's `tests`; a `.pth` file runs at each start of Python.
    """
    top = package.top
    refuse(
        f"The wheel holds {top}/ and its metadata only",
        [n for n in package.files if not n.startswith(f"{top}/") and ".dist-info/" not in n],
        f'Name the one package in the build\'s settings: packages = ["src/{top}"].',
    )


@check(claimed=is_built)
def record_matches(package: Package) -> None:
    """RECORD lists every file of the wheel with its sha256 (PEP 427), as installers require."""
    promised = dict(_recorded(package))
    listed = {name for name in package.files if not _is_exempt(name)}
    wrong = sorted(listed ^ set(promised))
    wrong += [n for n in sorted(listed & set(promised)) if promised[n] != _hash(package.files[n])]
    refuse("RECORD lists each file of the wheel with its hash", wrong, "Build the wheel again.")


def _recorded(package: Package) -> Iterator[tuple[str, str]]:
    text = package.distribution.read_text("RECORD")
    if text is None:
        raise ConformanceError("A wheel has a RECORD", received="none")
    for name, promise, *_ in filter(None, csv.reader(text.splitlines())):
        if not _is_exempt(name):
            yield name, promise


def _is_exempt(name: str) -> bool:
    return name.endswith((".dist-info/RECORD", ".dist-info/RECORD.jws", ".dist-info/RECORD.p7s"))


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").digest()
    return f"sha256={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def _is_pickle(path: Path) -> bool:
    if path.suffix.lower() in _PICKLES:
        return True
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("data.pkl") for name in archive.namelist())
    data = path.read_bytes()
    return data[:2] in _PROTOCOLS and data[-1:] == b"."


CHECKS = (nothing_is_pickled, nothing_is_compiled, one_package_is_brought, record_matches)
