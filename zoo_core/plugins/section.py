"""One plugin's section of a registry file, as far as listing needs it."""

from __future__ import annotations

from typing import Any, final

SCHEMA = 1


@final
class Section:
    """A plugin's four parts of a registry file; or why they can't be used.

    `problem` says what is wrong, `foreign` that it was written for another version of the plugin
    API or of the schema (newer or older). A user's own section has no `plugin`.
    """

    __slots__ = ("architectures", "foreign", "formats", "models", "plugin", "problem")

    def __init__(self, problem: str | None = None, foreign: str | None = None) -> None:
        self.plugin: dict[str, Any] = {}
        self.architectures: dict[str, Any] = {}
        self.models: dict[str, Any] = {}
        self.formats: dict[str, Any] = {}
        self.problem = problem
        self.foreign = foreign
