"""Registry files as plain data that remembers its lines.

The parser's events are read directly: that is where keys that stand twice are still seen and
lines are still known, and it leaves no way to aliases that expand without end, to tags that make
objects, or to nesting that exhausts the stack. Plain scalars follow YAML 1.2: `no` is text, and
so is anything that is longer than a number is (an unquoted hash of digits only).
"""

from __future__ import annotations

import os
import re
from math import isfinite
from typing import Any, final

import yaml
from yaml.events import MappingEndEvent, ScalarEvent, SequenceEndEvent

from zoo_core.errors import RegistryFileError

LARGEST = 64 * 2**20
_DEEPEST = 32
_INT = re.compile(r"[-+]?[0-9]{1,18}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]{1,3})?")
_LONGEST_NUMBER = 24
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_WORDS |= {"Null": None, "NULL": None, "True": True, "TRUE": True, "False": False, "FALSE": False}

# The compiled parser where PyYAML was built with it: five times faster.
if yaml.__with_libyaml__:
    from yaml.cyaml import CParser as Loader  # pyright: ignore[reportAttributeAccessIssue]
else:
    from yaml import SafeLoader as Loader


@final
class LinedDict(dict[str, Any]):
    """A mapping with the line of itself and of each of its keys."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}

    def line_of(self, key: object) -> int:
        """Give the line of a key; the mapping's own for a key that is not there."""
        return self.lines.get(key, self.line) if isinstance(key, str) else self.line


@final
class LinedList(list[Any]):
    """A sequence with the line of each of its items."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


def file_error(path: str, line: int | None, rule: str, **more: Any) -> RegistryFileError:
    """Make the error of a registry file, which begins with file and line."""
    place = path if line is None else f"{path}:{line}"
    return RegistryFileError(f"{place}: {rule}", **more)


def read(path: str, what: str = "a registry file") -> LinedDict:
    """Read a YAML file into plain data. Raises RegistryFileError with file and line.

    `what` is how messages call the file.
    """
    return parse(_bytes(path, what), path, what)


def parse(data: bytes, path: str, what: str = "a registry file") -> LinedDict:
    """Read YAML into plain data; `path` is how messages call it. Raises RegistryFileError."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise file_error(path, line, f"{what} is UTF-8 text") from None
    loader = Loader(data)
    try:
        return _Reader(path, loader, what).document()
    except yaml.YAMLError as error:
        raise _syntax_error(path, error) from None
    finally:
        loader.dispose()


def _bytes(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > LARGEST:
                raise file_error(path, None, f"{what} has {LARGEST} bytes at most", received=size)
            return file.read()
    except OSError as error:
        raise file_error(path, None, f"it cannot be read: {error.strerror or error}") from error


def _syntax_error(path: str, error: yaml.YAMLError) -> RegistryFileError:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        line = error.problem_mark.line + 1
        return file_error(path, line, f"this is not YAML: {error.problem or error.context}")
    return file_error(path, None, f"this is not YAML: {error}")


@final
class _Reader:
    """Builds plain data from a parser's events."""

    def __init__(self, path: str, loader: Any, what: str) -> None:
        self._path, self._what = path, what
        self._next = loader.get_event

    def document(self) -> LinedDict:
        self._next()
        event = self._next()
        if isinstance(event, yaml.StreamEndEvent):
            raise self._error(event, f"{self._what} is not empty")
        event = self._next()
        if not isinstance(event, yaml.MappingStartEvent):
            raise self._error(event, f"{self._what} is a mapping, `key: value`")
        root = self._mapping(event, 1)
        self._next()
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._error(event, f"{self._what} is one YAML document")
        return root

    def _error(self, event: Any, rule: str) -> RegistryFileError:
        return file_error(self._path, event.start_mark.line + 1, rule)

    def _value(self, event: Any, depth: int) -> Any:
        kind = type(event)
        if kind is ScalarEvent:
            return self._scalar(event)
        if kind is yaml.AliasEvent:
            raise self._error(event, "aliases (*name) are not used here")
        if depth > _DEEPEST:
            raise self._error(event, f"nothing is nested deeper than {_DEEPEST} levels")
        if kind is yaml.MappingStartEvent:
            return self._mapping(event, depth)
        return self._sequence(event, depth)

    def _scalar(self, event: Any) -> Any:
        if event.tag is not None or event.anchor is not None:
            raise self._error(event, "tags (!name) and anchors (&name) are not used here")
        text = event.value
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            raise self._error(event, "text holds whole Unicode characters")
        # The compiled parser calls the plain style "", the other None.
        return text if event.style else _resolved(text)

    def _mapping(self, event: Any, depth: int) -> LinedDict:
        self._refuse_marks(event)
        found = LinedDict(event.start_mark.line + 1)
        following, lines, value = self._next, found.lines, self._value
        while type(event := following()) is not MappingEndEvent:
            if type(event) is not ScalarEvent:
                raise self._error(event, "a key is plain text")
            key = event.value
            if key in lines:
                rule = f"the key `{key}` stands here again, first on line {lines[key]}"
                raise self._error(event, rule)
            lines[key] = event.start_mark.line + 1
            found[key] = value(following(), depth + 1)
        return found

    def _sequence(self, event: Any, depth: int) -> LinedList:
        self._refuse_marks(event)
        found = LinedList(event.start_mark.line + 1)
        while type(event := self._next()) is not SequenceEndEvent:
            found.lines.append(event.start_mark.line + 1)
            found.append(self._value(event, depth + 1))
        return found

    def _refuse_marks(self, event: Any) -> None:
        if event.tag is not None or event.anchor is not None:
            raise self._error(event, "tags (!name) and anchors (&name) are not used here")


def _resolved(text: str) -> Any:
    """Give what a plain scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "0123456789+-." or len(text) > _LONGEST_NUMBER:
        return text
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) and isfinite(float(text)) else text
