"""Fields of a configuration by which transformers would fetch code or weights from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CODE = ("auto_map", "custom_generate", "kernel_config")
_WEIGHTS = ("transformers_weights",)
_IMPLEMENTATIONS = ("attn_implementation", "experts_implementation")


def foreign_field(fields: Mapping[str, Any]) -> str | None:
    """Give the first such field as text, however deep it is; None where there is none."""
    for name, value in fields.items():
        if _is_foreign(name, value):
            return f"{name}: {value!r}"
        for inner in value if isinstance(value, list) else [value]:
            found = foreign_field(inner) if isinstance(inner, Mapping) else None
            if found is not None:
                return found
    return None


def _is_foreign(name: Any, value: Any) -> bool:
    if not value:
        return False
    if name in _CODE or name in _WEIGHTS:
        return True
    # An implementation that isn't transformers' own is a repository with code: owner/name.
    return str(name).removeprefix("_") in _IMPLEMENTATIONS and "/" in str(value)
