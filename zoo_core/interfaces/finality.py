"""Finality: public methods hold the checks, so a plugin implements what is behind them."""

from __future__ import annotations

import types

from zoo_core.errors import DefinitionError


def refuse_overridden_finals(cls: type, root: type) -> None:
    """Raise DefinitionError for a class that overrides a final method of a base below `root`."""
    for name in vars(cls):
        for base in cls.__mro__[1:]:
            if issubclass(base, root) and _is_final(vars(base).get(name)):
                raise DefinitionError(
                    f"{base.__name__}.{name} is final",
                    received=f"{cls.__qualname__} overrides it",
                    remedy=f"Implement the underscored method behind it, _{name.strip('_')}().",
                )


def _is_final(member: object) -> bool:
    """Say whether typing.final marked a function, a classmethod or a property's getter."""
    if isinstance(member, property):
        member = member.fget
    if isinstance(member, classmethod | staticmethod):
        member = member.__func__
    # typing.final leaves this attribute; there is no other way to ask. Classes may be replaced.
    return isinstance(member, types.FunctionType) and getattr(member, "__final__", False)
