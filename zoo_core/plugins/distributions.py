"""Distributions that bring plugins: the entry points of the group `zoo.plugins`.

This reads what importlib.metadata reads, in the order of sys.path, at a tenth of its cost:
importing it takes longer than all the rest of a listing. What it alone can read (zip files,
finders of strangers) is left to it. Every distribution is seen: asking for entry points by name
would drop the second of two that have the same one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from zoo_core.plugins.claim import Claim

GROUP = "zoo.plugins"
_SUFFIXES = (".dist-info", ".egg-info")


def normalized(name: str) -> str:
    """Give a distribution's name as indices compare it: lower case, single dashes."""
    name = name.lower().replace("_", "-").replace(".", "-")
    while "--" in name:
        name = name.replace("--", "-")
    return name


def claims(path: list[str] | None = None) -> list[Claim]:
    """List what every distribution on sys.path claims, the first of each name counting."""
    found: list[Claim] = []
    seen: set[str] = set()
    for folder in dict.fromkeys(sys.path if path is None else path):
        if isinstance(folder, str):
            _read_folder(folder or os.curdir, found, seen)
    for name, version, text in _from_foreign_finders():
        if name not in seen:
            seen.add(name)
            found += _parsed(name, version, text)
    return found


def _read_folder(folder: str, found: list[Claim], seen: set[str]) -> None:
    try:
        children = os.listdir(folder)
    except NotADirectoryError:
        _read_archive(folder, found, seen)
        return
    except OSError:
        return
    egg = os.path.basename(folder).lower().endswith(".egg")
    for child in sorted(children, reverse=True):
        low = child.lower()
        if low.endswith(_SUFFIXES):
            stem = child[: child.rindex(".")]
        elif egg and low == "egg-info":
            stem = os.path.basename(folder)[: -len(".egg")]
        else:
            continue
        # pip renames what it could not delete to names that begin with a tilde.
        name = normalized(stem.partition("-")[0])
        if not child.startswith("~") and name not in seen:
            seen.add(name)
            found += _of_distribution(os.path.join(folder, child), name, stem)


def _of_distribution(folder: str, name: str, stem: str) -> list[Claim]:
    try:
        with open(os.path.join(folder, "entry_points.txt"), "rb") as file:
            data = file.read()
    except OSError:
        return []
    if GROUP.encode() not in data:
        return []
    version = stem.split("-")[1] if "-" in stem else _version_in(folder)
    try:
        return _parsed(name, version, data.decode("utf-8"))
    except UnicodeDecodeError as error:
        problem = f"{os.path.join(folder, 'entry_points.txt')} is not UTF-8: {error.reason}."
        return [Claim(_namespace_of(name), "", name, version, problem)]


def _version_in(folder: str) -> str:
    """Read the version from a legacy installation's metadata."""
    try:
        with open(os.path.join(folder, "PKG-INFO"), encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("Version:"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return "unknown"


def _namespace_of(distribution: str) -> str:
    return distribution.removeprefix("zoo-plugin-")


def _parsed(name: str, version: str, text: str) -> list[Claim]:
    """Read the lines of our group in an entry_points.txt."""
    group, found = None, {}
    for line in map(str.strip, text.splitlines()):
        if not line or line.startswith(("#", ";")):
            continue
        if line.startswith("[") and line.endswith("]"):
            group = line[1:-1].strip()
        elif group == GROUP:
            namespace, equals, value = (part.strip() for part in line.partition("="))
            problem = None if equals else f"its entry point {line!r} is not `name = value`."
            if namespace in found:
                problem = f"its metadata give the entry point {namespace!r} twice."
            found[namespace] = Claim(namespace, value, name, version, problem)
    return list(found.values())


def _read_archive(path: str, found: list[Claim], seen: set[str]) -> None:
    from importlib.metadata import MetadataPathFinder

    context = MetadataPathFinder.Context(path=[path])  # pyright: ignore
    for name, version, text in _described(MetadataPathFinder.find_distributions(context)):
        if name not in seen:
            seen.add(name)
            found += _parsed(name, version, text)


def _from_foreign_finders() -> Iterator[tuple[str, str, str]]:
    """Ask the finders on sys.meta_path that are not the interpreter's own."""
    for finder in sys.meta_path:
        module = type(finder).__module__ if not isinstance(finder, type) else finder.__module__
        if module.startswith("_frozen_importlib"):
            continue
        # An optional method of importlib's own protocol; there is no other way to ask.
        find = getattr(finder, "find_distributions", None)
        if find is not None:
            from importlib.metadata import DistributionFinder

            yield from _described(find(DistributionFinder.Context()))


def _described(distributions: object) -> Iterator[tuple[str, str, str]]:
    from importlib.metadata import Distribution

    for distribution in distributions:  # pyright: ignore
        if isinstance(distribution, Distribution):
            try:
                text = distribution.read_text("entry_points.txt")
                if text and GROUP in text:
                    yield normalized(distribution.name), distribution.version, text
            except Exception:  # noqa: BLE001  a stranger's metadata: unreadable is not ours
                continue
