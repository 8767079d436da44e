"""Implementations: the functions of plugins that answer a hook, checked and in order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, final

import pluggy

from zoo_core.errors import HookError
from zoo_core.hooks import specs
from zoo_core.hooks.markers import PROJECT


@final
@dataclass(frozen=True, slots=True)
class HookSource:
    """A module, or any object, with implementations, and whose it is."""

    distribution: str
    module: object
    name: str
    namespace: str | None = None


@final
@dataclass(frozen=True, slots=True)
class Implementation:
    """One function that answers a hook."""

    hook: str
    source: HookSource
    function: Callable[..., Any]
    arguments: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.hook} of {self.source.distribution} ({self.source.name})"


def implementation(hook: str, source: HookSource) -> tuple[Implementation, int] | None:
    """Give a source's implementation of a hook with its rank; None where it has none.

    The rank is −1 for `tryfirst`, 1 for `trylast`. Raises HookError where the implementation
    does not fit the specification, or is a wrapper.
    """
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(specs)
    try:
        manager.register(source.module, source.name)
    except Exception as error:  # a stranger's object; pluggy itself raises several types
        raise HookError(
            f"The hooks of {source.distribution} ({source.name}) fit their specifications",
            received=f"{type(error).__name__}: {error}",
            remedy=f"Update it: pip install -U {source.distribution}.",
        ) from error
    found = [i for i in _caller(manager, hook).get_hookimpls() if i.plugin is source.module]
    if not found:
        return None
    if found[0].hookwrapper or found[0].wrapper:
        raise HookError(f"{hook} of {source.distribution} is no wrapper", received="a wrapper")
    chosen = Implementation(hook, source, found[0].function, tuple(found[0].argnames))
    return chosen, found[0].trylast - found[0].tryfirst


def ordered(found: Sequence[tuple[Implementation, int]]) -> list[Implementation]:
    """Put `tryfirst` first and `trylast` last, otherwise keep the order."""
    return [chosen for chosen, _ in sorted(found, key=lambda pair: pair[1])]


@cache
def is_first_result(hook: str) -> bool:
    """Say whether the first answer to a hook is the only one."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(specs)
    spec = _caller(manager, hook).spec
    return spec is not None and bool(spec.opts.get("firstresult"))


def _caller(manager: pluggy.PluginManager, hook: str) -> pluggy.HookCaller:
    return vars(manager.hook)[hook]
