"""Checks the shapes that annotations promise, while tests run."""

from __future__ import annotations

from collections.abc import Callable
from inspect import isclass
from typing import Any, get_args

from beartype import beartype
from jaxtyping import AbstractArray


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, its arrays checked against their annotations.

    Everything else is pyright's business, which knows generics, `Self` and names that are imported
    for types only; beartype would refuse some of those when the function is made.
    """
    hints = {name: hint for name, hint in function.__annotations__.items() if _holds_array(hint)}
    if not hints:
        return function
    function.__annotations__ = hints
    return beartype(function)


def _holds_array(hint: Any) -> bool:
    if isclass(hint) and issubclass(hint, AbstractArray):
        return True
    return any(_holds_array(part) for part in get_args(hint))
