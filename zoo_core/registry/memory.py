"""Architectures that were registered for this process: in a notebook, a test, or by a hook."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from zoo_core.errors import DefinitionError
from zoo_core.plugins.names import NAME
from zoo_core.registry.records import ArchitectureInfo

if TYPE_CHECKING:
    from zoo_core.interfaces.model import Model

ModelClass = TypeVar("ModelClass", bound="type[Model]")

_classes: dict[str, type[Model]] = {}


def register(model: ModelClass) -> ModelClass:
    """Add an architecture for this process; usable as a decorator.

    Registering the same name again replaces, as running a notebook's cell again does. Raises
    DefinitionError for what is not a model class with a name.
    """
    from zoo_core.registry.classes import checked_class

    name = checked_class(model).architecture
    if not NAME.fullmatch(name):
        raise DefinitionError(
            f"{model.__qualname__}.architecture is a name such as mine/{model.__name__.lower()}",
            received=repr(name),
            remedy="Use lower-case letters, digits and dashes, with one slash.",
        )
    _classes[name] = model
    return model


def registered(name: str) -> type[Model] | None:
    """Give the class that was registered under a name."""
    return _classes.get(name)


def forget(name: str) -> None:
    """Undo `register`."""
    _classes.pop(name, None)


def architectures() -> dict[str, ArchitectureInfo]:
    """Describe the registered classes as listings do."""
    if not _classes:
        return {}
    from zoo_core.registry.classes import interface_names

    return {
        name: ArchitectureInfo(
            name=name,
            summary=(cls.__doc__ or "").strip().partition("\n")[0],
            provides=interface_names(cls),
            target=f"{cls.__module__}:{cls.__qualname__}",
            tiny={},
            distribution=None,
            installed=True,
            install=None,
            path="<this process>",
            line=0,
        )
        for name, cls in _classes.items()
    }
