"""One plugin's section of a registry file, as far as listing needs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, final

SCHEMA = 1


@final
@dataclass(slots=True)
class Section:
    """A plugin's three parts of a registry file; or why they can't be used.

    `problem` says what is wrong, `foreign` that it was written for another version of the plugin
    API or of the schema (newer or older). A user's own section has no `plugin`.
    """

    line: int
    plugin: dict[str, Any] = field(default_factory=dict)
    architectures: dict[str, Any] = field(default_factory=dict)
    models: dict[str, Any] = field(default_factory=dict)
    problem: str | None = None
    foreign: str | None = None
