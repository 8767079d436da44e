"""Validating entries against the full schema, with the file and line of each problem."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pydantic

from zoo_core.errors import RegistryFileError
from zoo_core.plugins.finding import Finding
from zoo_core.plugins.yaml_file import LinedDict, LinedList, read
from zoo_core.registry.records import ModelInfo
from zoo_core.registry.schema import ModelEntry


def validated(info: ModelInfo) -> ModelEntry:
    """Validate one entry. Raises RegistryFileError naming file, line and each problem."""
    try:
        return ModelEntry.model_validate(info.fields)
    except pydantic.ValidationError as error:
        found = findings(error, _again(info), info.path)
        raise RegistryFileError(
            f"The entry of {info.name} keeps to the registry's schema",
            received="; ".join(map(str, found)),
            remedy="`zoo registry check` shows every problem of every file.",
        ) from None


def findings(error: pydantic.ValidationError, data: Any, path: str) -> list[Finding]:
    """Turn pydantic's errors into findings, each with the deepest line that is known of it."""
    return [
        Finding(f"{_place(e['loc'])}: {_message(e)}.", path, _line(data, e["loc"]))
        for e in error.errors(include_url=False)
    ]


def _again(info: ModelInfo) -> Any:
    """Read the file once more for its lines, which the compiled index does not keep."""
    try:
        data = read(info.path)
    except RegistryFileError:
        return None
    sections: Iterable[Any] = data.get("plugins", [data])
    for section in sections:
        if isinstance(section, dict) and info.name in section.get("models", {}):
            return section["models"][info.name]
    return None


def _line(data: Any, location: Sequence[int | str]) -> int | None:
    line = data.line if isinstance(data, LinedDict | LinedList) else None
    for step in location:
        if isinstance(data, LinedDict) and step in data:
            line, data = data.lines[str(step)], data[str(step)]
        elif isinstance(data, LinedList) and isinstance(step, int) and step < len(data):
            line, data = data.lines[step], data[step]
        else:
            break
    return line


def _place(location: Sequence[int | str]) -> str:
    return ".".join(str(step) for step in location) or "it"


def _message(error: Any) -> str:
    return error["msg"].removeprefix("Value error, ").rstrip(".")
