"""What people type for fields, options and spaces."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import click

from zoo_core.interfaces.space import Kind


def merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Lay nested fields over others."""
    found = dict(under)
    for name, value in over.items():
        below = found.get(name)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            found[name] = merged(below, value)
        else:
            found[name] = value
    return found


def dotted(option: str, texts: Iterable[str]) -> dict[str, Any]:
    """Read NAME=VALUE, NAME with dots for what is nested; a value is JSON, or else text."""
    found: dict[str, Any] = {}
    seen = set[str]()
    for text in texts:
        name, equals, value = text.partition("=")
        path = name.split(".")
        if not equals or not all(part.isidentifier() for part in path) or name in seen:
            raise click.BadParameter(
                f"{text!r}; write {option} name=value, each name once.", param_hint=option
            )
        seen.add(name)
        fields: Any = _json_or_text(value)
        for part in reversed(path):
            fields = {part: fields}
        found = merged(found, fields)
    return found


def parse_space(text: str) -> dict[str, Any]:
    """Read what rows are: KIND, KIND:SHAPE or KIND:LEVELS:SHAPE, or JSON. Raises UsageError."""
    value = _json_or_text(text)
    if isinstance(value, dict):
        return value
    match = re.fullmatch(r"([a-z]+)(?::(\d+))??(?::(\d+(?:x\d+)*))?", text)
    if match is None or match[1] not in set(Kind):
        raise click.BadParameter(
            f"{text!r}; write KIND:SHAPE, such as real:2, unit:3x32x32 or ordinal:17:8x8, with "
            f"KIND one of {', '.join(Kind)}; or mixed, for a table with columns of text.",
            param_hint="--space",
        )
    fields: dict[str, Any] = {"kind": match[1]}
    if match[2]:
        fields["levels"] = int(match[2])
    if match[3]:
        fields["shape"] = [int(side) for side in match[3].split("x")]
    return fields


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
