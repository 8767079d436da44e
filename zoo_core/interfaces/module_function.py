"""ModuleFunction: what a person's own module is asked, by the name of a method or a function."""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import nn

from zoo_core.errors import DefinitionError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.randomness import seeded_globally

_GENERATORS = ("rng", "generator")


@final
@dataclass(frozen=True)
class ModuleFunction:
    """One thing that a wrapped module is asked: a method of it, or a function of (module, …).

    The module is an argument each time, so that a copy of the model asks its own.
    """

    role: str
    name: str
    method: str | None
    function: Callable[..., Any] | None
    takes: frozenset[str]
    """What it takes by name: rng or generator, lengths."""

    @classmethod
    def of(
        cls, role: str, given: Any, module: nn.Module, arguments: tuple[str, ...]
    ) -> ModuleFunction:
        """Read what a person gave, and whether it takes these arguments.

        It is the name of a method, with dots of one of a submodule, a bound method of the module
        or a submodule, the module itself, or a function whose first argument is the module.
        Raises DefinitionError.
        """
        method = _method_of(given, module)
        if method is None and (isinstance(given, nn.Module) or not callable(given)):
            raise DefinitionError(
                f"{role} is a method's name, a bound method of the module, or a function",
                received=type(given).__name__ if isinstance(given, nn.Module) else repr(given),
                remedy="Put all modules that it needs into the one that is wrapped.",
            )
        bound = _found(role, method, module) if method is not None else given
        name = f"{type(module).__name__}.{method}" if method else _name_of(given)
        beside = () if method is not None else ("module",)
        takes = _checked(role, name, bound, (*beside, *arguments))
        return cls(role, name, method, None if method is not None else given, takes)

    def __call__(
        self, module: nn.Module, call: Call, device: torch.device, *arguments: Any, **named: Any
    ) -> Any:
        """Ask. Who takes no generator draws from torch's own, seeded for the while by call.rng."""
        asked = {name: value for name, value in named.items() if name in self.takes}
        for name in self.takes.intersection(_GENERATORS):
            return self._bound(module)(*arguments, **asked, **{name: call.rng})
        with seeded_globally(call.rng, device):
            return self._bound(module)(*arguments, **asked)

    def wrong(self, rule: str, received: object, remedy: str = "") -> DefinitionError:
        """Make the error of an answer that isn't what it should be."""
        return DefinitionError(
            f"{self.role}, here {self.name}, gives {rule}", received=received, remedy=remedy or None
        )

    def _bound(self, module: nn.Module) -> Callable[..., Any]:
        if self.method is not None:
            return operator.attrgetter(self.method)(module)
        function = self.function
        return lambda *arguments, **named: function(module, *arguments, **named)  # pyright: ignore[reportOptionalCall]


def _method_of(given: Any, module: nn.Module) -> str | None:
    """Give the dotted name of a method of the module; None of anything else."""
    if isinstance(given, str):
        return given
    if given is module:
        return "__call__"
    if not inspect.ismethod(given):
        return None
    for path, part in module.named_modules():
        if part is given.__self__:
            return f"{path}.{given.__name__}" if path else given.__name__
    return None


def _found(role: str, method: str, module: nn.Module) -> Callable[..., Any]:
    """Give the method whose signature counts: of a call of the module, that of `forward`."""
    try:
        found = operator.attrgetter(method)(module)
    except AttributeError:
        found = None
    if not callable(found):
        raise DefinitionError(
            f"{role} names a method of {type(module).__name__}",
            received=method,
            remedy="Give a method's name, or a function of (module, …).",
        )
    return module.forward if method == "__call__" else found


def _checked(
    role: str, name: str, function: Callable[..., Any], arguments: tuple[str, ...]
) -> frozenset[str]:
    """Give what a function takes by name. Raises DefinitionError where the call would fail."""
    try:
        signature = inspect.signature(function)
    except ValueError:  # one written in C doesn't say
        return frozenset()
    named = _named(signature.parameters)
    try:
        signature.bind(*arguments, **dict.fromkeys(named))
    except TypeError as error:
        raise DefinitionError(
            f"{role} is called with ({', '.join(arguments)})",
            received=f"{name}{signature}: {error}",
            remedy=f"Give a function: {role}=lambda module{_rest(arguments)}: …. It uses the "
            "module that it is given, since a copy of the model has one of its own.",
        ) from None
    return frozenset(named)


def _named(parameters: Mapping[str, inspect.Parameter]) -> list[str]:
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    known = (*_GENERATORS, "lengths")
    return [name for name in known if name in parameters and parameters[name].kind in kinds]


def _rest(arguments: tuple[str, ...]) -> str:
    return "".join(f", {name}" for name in arguments if name != "module")


def _name_of(function: Any) -> str:
    return getattr(function, "__qualname__", type(function).__name__)
