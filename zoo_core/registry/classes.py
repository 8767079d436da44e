"""Model classes, looked at: which interfaces one implements, whether it is what it claims."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from zoo_core.errors import DefinitionError, PluginError
from zoo_core.interfaces.model import Model


def interface_names(model: type[Model]) -> tuple[str, ...]:
    """Give the names of the interfaces that a class implements."""
    found = [c for c in model.__mro__ if issubclass(c, Model) and vars(c).get("_interface")]
    return tuple(sorted(c.__name__ for c in found))


def checked_class(model: object) -> type[Model]:
    """Check that this is a class of models that can be built. Raises DefinitionError."""
    if not (isinstance(model, type) and issubclass(model, Model)):
        raise DefinitionError(
            "An architecture is a subclass of zoo_core.interfaces.model.Model",
            received=model if isinstance(model, type) else f"{type(model).__name__} object",
            remedy="Inherit from zoo.Generator, zoo.DensityModel or zoo.Conditioner.",
        )
    if inspect.isabstract(model):
        # Asked here, since torch's Module reports a missing method only when it is called.
        missing = ", ".join(sorted(model.__abstractmethods__))
        raise DefinitionError(f"{model.__qualname__} implements {missing}", received="it does not")
    return model


def check_claims(
    model: type[Model], name: str, provides: Iterable[str], target: str, distribution: str
) -> None:
    """Compare a class with what a registry file says of it. Raises PluginError."""
    remedy = f"Its author must make the two agree; until then, pip install -U {distribution}."
    if model.architecture != name:
        rule = f"{target} of {distribution} is the architecture {name}"
        received = f"architecture = {model.architecture!r}"
        raise PluginError(rule, received=received, remedy=remedy)
    claimed, real = sorted(set(provides)), list(interface_names(model))
    if claimed != real:
        rule = f"{name} of {distribution} provides {', '.join(claimed) or 'nothing'}"
        received = f"{target}, which provides {', '.join(real) or 'nothing'}"
        raise PluginError(rule, received=received, remedy=remedy)
