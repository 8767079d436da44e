"""One distribution's claim to a namespace, and the state that it is in."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, final


@final
class PluginState(StrEnum):
    """Whether a plugin can be used, and if not, why."""

    OK = "ok"
    DISABLED = "disabled"
    INCOMPATIBLE = "incompatible"
    BROKEN = "broken"
    CONFLICT = "conflict"
    SHADOWED = "shadowed"


class Command(NamedTuple):
    """A click command that a plugin adds to `zoo`: `target` is "module:attribute"."""

    name: str
    target: str
    help: str
    distribution: str


class Plugin(NamedTuple):
    """What is known of an installed plugin without importing anything of it.

    `cause` and `remedy` are None for a plugin that is ok. `path` is its registry file, `folder`
    the folder that holds it; both are None where the file was not found.
    """

    namespace: str
    distribution: str
    version: str
    state: PluginState
    cause: str | None = None
    remedy: str | None = None
    summary: str = ""
    license: str | None = None
    homepage: str | None = None
    api: int | None = None
    path: str | None = None
    folder: str | None = None
    models: int = 0
    architectures: int = 0
    commands: tuple[Command, ...] = ()
    hook_module: str | None = None
    hooks: tuple[str, ...] = ()
    section: int | None = None

    @property
    def ok(self) -> bool:
        """Whether the plugin can be used."""
        return self.state is PluginState.OK
