"""Native pipelines: diffusers' own objects, put together from components for one call."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zoo_core.errors import ConfigError, UnsupportedError
from zoo_core.interfaces.space import Space
from zoo_plugin_diffusers.component import build_component
from zoo_plugin_diffusers.silence import silenced

if TYPE_CHECKING:
    from diffusers.pipelines.pipeline_utils import DiffusionPipeline

    from zoo_core.interfaces.model import Model

_AT_ONCE = 8 * 3 * 512 * 512
"""Numbers that one call draws unless the caller says otherwise; fixed, as draws depend on it."""
_WITHOUT = {"requires_safety_checker": False, "add_watermarker": False}
"""Settings of constructors for what is never loaded: safety checkers and watermarks."""


def pipeline_class(name: str) -> type[DiffusionPipeline]:
    """Find a pipeline of diffusers by its class's name. Raises UnsupportedError."""
    import diffusers
    from diffusers.pipelines.pipeline_utils import DiffusionPipeline

    known = name.isidentifier() and not name.startswith("_")
    with silenced():  # some pipelines' modules tell of packages that they'd like to have
        found = getattr(diffusers, name, None) if known else None
    if not (isinstance(found, type) and issubclass(found, DiffusionPipeline)):
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
    found: Any = pipeline_class(name)
    wanted = constructed_with(name)
    foreign = [one for one in components if one not in wanted]
    if foreign:
        raise ConfigError(
            f"{name} takes {', '.join(wanted)}",
            received=", ".join(foreign),
            remedy="Leave it out, or name another pipeline.",
        )
    left = {key: None for key, default in wanted.items() if default is inspect.Parameter.empty}
    settings = {key: value for key, value in _WITHOUT.items() if key in wanted}
    with silenced():
        pipeline = found(**{**left, **settings, **components})
    pipeline.set_progress_bar_config(disable=not progress)
    return pipeline


def constructed_with(name: str) -> Mapping[str, Any]:
    """Give the arguments of a pipeline's constructor with their defaults, or `empty`."""
    arguments = inspect.signature(pipeline_class(name)).parameters
    return {key: one.default for key, one in arguments.items()}


def settings_of(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Choose the settings that a pipeline's constructor takes: its plain numbers and words."""
    wanted = constructed_with(name).keys() - _WITHOUT.keys()
    plain = {key: value for key, value in fields.items() if isinstance(value, int | float | str)}
    return {key: value for key, value in plain.items() if key in wanted}


def called_with(name: str) -> Mapping[str, Any]:
    """Give the arguments of a pipeline's call with their defaults."""
    arguments = inspect.signature(pipeline_class(name).__call__).parameters
    return {key: one.default for key, one in arguments.items() if key != "self"}


def components_of(model: Model, native: Mapping[str, Any]) -> dict[str, Any]:
    """Give a model's own modules, and fresh schedulers, which remember their steps."""
    return {
        name: model.get_submodule(name) if name in model._modules else build_component(one)
        for name, one in native.items()
    }


def drawn_at_once(space: Space) -> int:
    """Say how many samples one call of a pipeline makes by default: 8 pictures of 512 × 512."""
    return max(1, _AT_ONCE // space.size)
