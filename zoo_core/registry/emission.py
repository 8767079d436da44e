"""Writing plain data as the YAML of registry files: one form for one content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./+-]*(?: [A-Za-z0-9_./+-]+)*")
_PLAIN_ALONE = re.compile(r"[A-Za-z_](?:[A-Za-z0-9_./+,()'=-]|:(?=\S)| (?=[^ #]))*")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
_WIDEST = 100


def emit(value: Any, indent: int = 0) -> str:
    """Write a mapping or a list in block style, what is short in one line."""
    if isinstance(value, Mapping):
        return "".join(_pair(key, item, indent) for key, item in value.items())
    return "".join(_item(item, indent) for item in value)


def _pair(key: str, value: Any, indent: int) -> str:
    start = f"{' ' * indent}{_text(key)}:"
    return start + _rest(value, indent, len(start))


def _item(value: Any, indent: int) -> str:
    start = f"{' ' * indent}-"
    flow = _flow(value)
    if len(start) + 1 + len(flow) <= _WIDEST or not isinstance(value, Mapping) or not value:
        return f"{start} {flow}\n"
    return start + emit(value, indent + 2)[len(start) :]


def _rest(value: Any, indent: int, used: int) -> str:
    """Write what follows a key."""
    if isinstance(value, str):
        return f" {_block(value, indent + 2) if _is_block(value) else _alone(value)}\n"
    flow = _flow(value)
    long = used + 1 + len(flow) > _WIDEST or indent == 0
    if isinstance(value, Mapping | list) and value and long:
        return "\n" + emit(value, indent + 2)
    return f" {flow}\n"


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_text(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float(value)
    return "null" if value is None else _text(value) if isinstance(value, str) else repr(value)


def _float(value: float) -> str:
    """Write a number with a point, without which YAML 1.1 takes 1e-05 for text."""
    text = repr(value)
    return text if "." in text else text.replace("e", ".0e")


def _is_block(text: str) -> bool:
    lines = text.split("\n")
    ordinary = all(line.isprintable() for line in lines) and not text.startswith((" ", "\n"))
    return len(lines) > 1 and ordinary and not text.endswith("\n\n") and lines[0] != ""


def _block(text: str, indent: int) -> str:
    mark = "|" if text.endswith("\n") else "|-"
    lines = text.removesuffix("\n").split("\n")
    return "\n".join([mark, *(" " * indent + line if line else "" for line in lines)])


def _alone(text: str) -> str:
    """Write text that has the rest of its line to itself, where more may stand plain."""
    if _PLAIN_ALONE.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return _text(text)


def _text(text: str) -> str:
    """Write text plain where no YAML reader could take it for anything else, else quoted."""
    import json

    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)
