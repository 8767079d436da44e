"""Native pipelines: diffusers' own objects, put together from components for one call."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo_core.errors import ConfigError, UnsupportedError

if TYPE_CHECKING:
    from diffusers import DiffusionPipeline

_WITHOUT = {"requires_safety_checker": False, "add_watermarker": False}
"""Settings of constructors for what is never loaded: safety checkers and watermarks."""


def pipeline_class(name: str) -> type[DiffusionPipeline]:
    """Find a pipeline of diffusers by its class's name. Raises UnsupportedError."""
    import diffusers

    known = name.isidentifier() and not name.startswith("_")
    found = getattr(diffusers, name, None) if known else None
    if not (isinstance(found, type) and issubclass(found, diffusers.DiffusionPipeline)):
        raise UnsupportedError(
            "A pipeline is a class of the installed diffusers",
            received=name,
            remedy="A newer diffusers may have it. Pipelines of a repository's own are its code, "
            "and never run.",
        )
    return found


def assembled(name: str, components: Mapping[str, Any], *, progress: bool) -> DiffusionPipeline:
    """Put a pipeline together; what it wants and isn't among the components is None.

    Raises ConfigError for a component that it doesn't take.
    """
    found = pipeline_class(name)
    wanted = inspect.signature(found).parameters
    foreign = [one for one in components if one not in wanted]
    if foreign:
        raise ConfigError(
            f"{name} takes {', '.join(wanted)}",
            received=", ".join(foreign),
            remedy="Leave it out, or name another pipeline.",
        )
    left = {key: None for key, one in wanted.items() if one.default is inspect.Parameter.empty}
    settings = {key: value for key, value in _WITHOUT.items() if key in wanted}
    pipeline = found(**{**left, **settings, **components})
    pipeline.set_progress_bar_config(disable=not progress)
    return pipeline


def called_with(name: str) -> Mapping[str, Any]:
    """Give the arguments of a pipeline's call with their defaults."""
    arguments = inspect.signature(pipeline_class(name).__call__).parameters
    return {key: one.default for key, one in arguments.items() if key != "self"}
