"""Architectures that plugins register by hook, because no file can list them."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

from zoo_core.errors import DefinitionError
from zoo_core.plugins.facade import register_architectures
from zoo_core.plugins.names import namespace_of

if TYPE_CHECKING:
    from zoo_core.interfaces.model import Model

_found: dict[str, type[Model]] = {}


@final
class ArchitectureRegistry:
    """What `zoo_register(registry)` is given: it takes classes of the plugin's own namespace."""

    def __init__(self, namespace: str | None) -> None:
        self._namespace = namespace
        self.classes: dict[str, type[Model]] = {}

    def add(self, model: type[Model]) -> None:
        """Add an architecture. Raises DefinitionError for a class that can't be one."""
        from zoo_core.registry.classes import checked_class

        name = checked_class(model).architecture
        if self._namespace is not None and namespace_of(name) != self._namespace:
            raise DefinitionError(
                f"A plugin registers names of its own namespace, {self._namespace}/", received=name
            )
        self.classes[name] = model


def registered_by_hooks(name: str) -> type[Model] | None:
    """Ask the plugins that register architectures by hook; their answers are remembered."""
    if name not in _found:
        for registry in register_architectures(ArchitectureRegistry):
            _found.update(registry.classes)
    return _found.get(name)
