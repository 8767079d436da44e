"""Registry files changed as text: one value is set, every other byte stays as it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, final

from zoo_core.errors import RegistryFileError
from zoo_core.plugins.yaml_file import LinedDict, file_error, parse
from zoo_core.registry.emission import emit

_STEP = 2
_EMPTY = re.compile(r"(:) *(?:\{ *\}|null|~)(?= *(?:#|$))")


def with_value(path: str, text: str, keys: Sequence[str], value: Any) -> str:
    """Set the value at nested keys; a new key goes in order among the others of its mapping.

    Comments, order and quoting of everything else stay. Raises RegistryFileError, naming `path`,
    where the file is not YAML or has a form in which that can't be done.
    """
    data = parse(text.encode(), path)
    lines = Lines(path, text)
    _set(lines, data, keys, value)
    return checked(path, lines.text, _with(data, keys, value))


def checked(path: str, text: str, expected: Mapping[str, Any]) -> str:
    """Compare a changed text with what it has to say. Raises RegistryFileError."""
    try:
        if parse(text.encode(), path) == expected:
            return text
    except RegistryFileError:
        pass
    raise unusual(path, None)


def unusual(path: str, line: int | None) -> RegistryFileError:
    """Make the error of a file that has to be edited by hand."""
    return file_error(
        path,
        line,
        "a file that is added to has each key on a line of its own",
        remedy="Write it so (`key:`, and what belongs to it indented below), or edit it by hand.",
    )


@final
class Lines:
    """The lines of a file, with where its entries begin and end."""

    def __init__(self, path: str, text: str) -> None:
        self._path = path
        self._lines = text.splitlines(keepends=True)
        self._ending = "\r\n" if "\r\n" in text else "\n"

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def text(self) -> str:
        """The whole."""
        return "".join(self._lines)

    def indent(self, key: str, line: int) -> int:
        """Give the column of a key or a dash. Raises RegistryFileError where more precedes it."""
        marks = "" if key == "-" else "[\"']?"
        found = re.match(rf"( *){marks}{re.escape(key)}{marks}(?=[\s:]|$)", self._lines[line - 1])
        if found is None:
            raise unusual(self._path, line)
        return len(found[1])

    def end(self, line: int, limit: int, indent: int) -> int:
        """Give where an entry ends: before the comments and blank lines that precede the next."""
        while limit > line and self._is_between(limit - 1, indent):
            limit -= 1
        return limit

    def lead(self, line: int) -> int:
        """Give where the comments begin that stand directly above an entry."""
        start = line - 1
        while start > 0 and self._lines[start - 1].lstrip().startswith("#"):
            start -= 1
        return start

    def is_blank(self, index: int) -> bool:
        """Whether there is a line with nothing in it."""
        return 0 <= index < len(self) and not self._lines[index].strip()

    def replace(self, start: int, end: int, text: str) -> None:
        """Put text in the place of some lines, or between two."""
        if start == len(self) and self._lines and not self._lines[-1].endswith(("\n", "\r")):
            self._lines[-1] += self._ending
        self._lines[start:end] = [text.replace("\n", self._ending)]

    def fill(self, line: int, text: str) -> None:
        """Give a key that has nothing, or `{}`, a mapping; its comment stays."""
        key = _EMPTY.sub(r"\1", self._lines[line - 1].rstrip("\r\n"))
        self.replace(line - 1, line, f"{key}\n{text}")

    def _is_between(self, index: int, indent: int) -> bool:
        bare = self._lines[index].lstrip()
        column = len(self._lines[index]) - len(bare)
        return not bare or (bare.startswith("#") and column <= indent)


def _set(lines: Lines, data: LinedDict, keys: Sequence[str], value: Any) -> None:
    """Go down to the mapping that is changed, and change it."""
    limit, depth = len(lines), 0
    for depth, key in enumerate(keys):
        inner = data.get(key)
        if depth == len(keys) - 1 or not isinstance(inner, LinedDict) or not inner:
            break
        limit = _limit(data, key, limit)
        data = inner
    key, rest = keys[depth], keys[depth + 1 :]
    for outer in reversed(rest):
        value = {outer: value}
    if key in data and rest:
        indent = lines.indent(key, data.lines[key])
        lines.fill(data.lines[key], emit(value, indent + _STEP))
    elif key in data:
        indent = lines.indent(key, data.lines[key])
        end = lines.end(data.lines[key], _limit(data, key, limit), indent)
        lines.replace(data.lines[key] - 1, end, emit({key: value}, indent))
    else:
        _insert(lines, data, key, value, limit, ordered=depth > 0)


def _limit(data: LinedDict, key: str, limit: int) -> int:
    """Give the index of the line where the next key of a mapping stands."""
    return min((n - 1 for n in data.lines.values() if n > data.lines[key]), default=limit)


def _insert(
    lines: Lines, data: LinedDict, key: str, value: Any, limit: int, *, ordered: bool
) -> None:
    """Put a new key before the first that comes later in order, else after the last one."""
    siblings = list(data)
    indent = lines.indent(siblings[0], data.lines[siblings[0]])
    later = [name for name in siblings if ordered and name > key]
    text = emit({key: value}, indent)
    if later:
        start = lines.lead(data.lines[later[0]])
        spaced = later[0] != siblings[0] and lines.is_blank(start - 1)
        lines.replace(start, start, text + "\n" if spaced else text)
    else:
        last = data.lines[siblings[-1]]
        end = lines.end(last, limit, lines.indent(siblings[-1], last))
        spaced = ordered and len(siblings) > 1 and lines.is_blank(lines.lead(last) - 1)
        lines.replace(end, end, "\n" + text if spaced else text)


def _with(data: Mapping[str, Any], keys: Sequence[str], value: Any) -> dict[str, Any]:
    """Give the data that the changed file must hold."""
    key, *rest = keys
    return {**data, key: _with(data.get(key) or {}, rest, value) if rest else value}
