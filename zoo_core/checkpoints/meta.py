"""Build a module whose parameters take no memory, while its buffers are real.

`with torch.device("meta")` would break buffers that are computed from the configuration, and is
slow. Here each parameter is swapped for a meta one as it is registered, and initialisers do
nothing. An author's `_build` therefore never reads a parameter's values.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, final

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

_LOCK = threading.Lock()
_ORIGINALS: dict[str, Callable[..., Any]] = {}
_USERS = 0


@final
class _Building(threading.local):
    """What this thread builds: the meta twins of the parameters seen, None outside.

    `idle` counts how often it is within `idle_initialisers`.
    """

    twins: dict[int, tuple[weakref.ref[Tensor], nn.Parameter]] | None = None
    idle: int = 0


_BUILDING = _Building()


@contextmanager
def meta_parameters() -> Iterator[None]:
    """Within it, parameters that this thread registers take no memory and aren't initialised.

    Other threads are left alone. A parameter registered twice stays one parameter, so ties by
    identity survive.
    """
    if _BUILDING.twins is not None:
        yield
        return
    _install()
    _BUILDING.twins = {}
    try:
        yield
    finally:
        _BUILDING.twins = None
        _uninstall()


@contextmanager
def idle_initialisers() -> Iterator[None]:
    """Within it, initialisers that this thread calls leave tensors without memory alone.

    For another library that builds on meta itself, and calls initialisers there for nothing: on
    meta each takes longer than most do on numbers.
    """
    _install()
    _BUILDING.idle += 1
    try:
        yield
    finally:
        _BUILDING.idle -= 1
        _uninstall()


def _twin(parameter: nn.Parameter) -> nn.Parameter:
    twins = _BUILDING.twins
    if twins is None or parameter.is_meta or is_lazy(parameter):
        return parameter
    known = twins.get(id(parameter))
    # The weak reference tells a parameter seen before from another one at the same address.
    if known is not None and known[0]() is parameter:
        return known[1]
    shape = torch.empty_strided(
        parameter.shape, parameter.stride(), dtype=parameter.dtype, device="meta"
    )
    twin = nn.Parameter(shape, requires_grad=parameter.requires_grad)
    twins[id(parameter)] = (weakref.ref(parameter), twin)
    return twin


def _register_parameter(self: nn.Module, name: str, param: nn.Parameter | None) -> None:
    original = _ORIGINALS["register_parameter"]
    original(self, name, param if param is None else _twin(param))


def _skipping(initialiser: Callable[..., Any]) -> Callable[..., Any]:
    def skip(tensor: Tensor, *arguments: Any, **options: Any) -> Any:
        if _BUILDING.twins is not None and isinstance(tensor, nn.Parameter):
            return tensor
        if _BUILDING.idle and tensor.is_meta:
            return tensor
        return initialiser(tensor, *arguments, **options)

    return skip


def _install() -> None:
    global _USERS
    with _LOCK:
        _USERS += 1
        if _USERS > 1:
            return
        _ORIGINALS["register_parameter"] = nn.Module.register_parameter
        nn.Module.register_parameter = _register_parameter
        for name, value in list(vars(nn.init).items()):
            if name.endswith("_") and not name.startswith("_") and callable(value):
                _ORIGINALS[name] = value
                setattr(nn.init, name, _skipping(value))


def _uninstall() -> None:
    global _USERS
    with _LOCK:
        _USERS -= 1
        if _USERS == 0:
            nn.Module.register_parameter = _ORIGINALS.pop("register_parameter")
            while _ORIGINALS:
                setattr(nn.init, *_ORIGINALS.popitem())
