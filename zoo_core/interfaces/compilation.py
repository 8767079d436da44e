"""Compilation: what torch.compile makes of a model's underscored methods, in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, final

import torch
from torch import nn

from zoo_core.config import Config
from zoo_core.errors import ConfigError, OptionError


@final
class CompilationMode(StrEnum):
    """What torch.compile spends its time on."""

    DEFAULT = "default"
    REDUCE_OVERHEAD = "reduce-overhead"
    MAX_AUTOTUNE = "max-autotune"
    MAX_AUTOTUNE_NO_CUDAGRAPHS = "max-autotune-no-cudagraphs"


@final
class CompilationOptions(Config):
    """What torch.compile takes.

    backend: a registered one. mode: what it optimises for. dynamic: whether numbers of rows are
    unknown when compiling; None finds out by what comes. fullgraph: fail where a method can't be
    compiled as a whole.
    """

    backend: str = "inductor"
    mode: CompilationMode = CompilationMode.DEFAULT
    dynamic: bool | None = None
    fullgraph: bool = False

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> CompilationOptions:
        """Check options. Raises OptionError for an unknown one, or an unknown backend."""
        try:
            parsed = cls.parse(options)
        except ConfigError as error:
            raise OptionError(error.rule, received=error.received, remedy=error.remedy) from None
        # Those for debugging are hidden unless nothing is excluded.
        known = torch.compiler.list_backends(exclude_tags=())
        if parsed.backend not in known:
            raise OptionError(
                "The backend is one that torch.compile knows",
                received=parsed.backend,
                remedy=f"Give one of {', '.join(known)}.",
            )
        return parsed


def compile_methods(module: nn.Module, methods: Iterable[str], options: CompilationOptions) -> None:
    """Put compiled methods of these names before the class's own, on this instance alone.

    Compiling again starts from the class's own. Nothing is compiled before the first call.
    """
    for name in methods:
        vars(module).pop(name, None)
        # Backends other than inductor know no mode.
        mode = None if options.mode is CompilationMode.DEFAULT else options.mode.value
        vars(module)[name] = torch.compile(
            getattr(module, name),
            backend=options.backend,
            mode=mode,
            dynamic=options.dynamic,
            fullgraph=options.fullgraph,
        )
