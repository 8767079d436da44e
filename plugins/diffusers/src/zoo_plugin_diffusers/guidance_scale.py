"""The scale of classifier-free guidance: from 1, which is unguided, as the zoo's own is."""

from __future__ import annotations

from zoo_core.errors import OptionError, UnsupportedError

_RULE = "Pipelines of diffusers are led at scales from 1, which is unguided"
_REMEDY = "Give 1. Diffusers takes every scale below it, 0 as well, for unguided."


def require_option(scale: float | None) -> None:
    """Raise OptionError for the option guidance_scale below 1."""
    if scale is not None and scale < 1:
        raise OptionError(_RULE, received=f"guidance_scale={scale:g}", remedy=_REMEDY)


def require_guidance(least: float) -> None:
    """Raise UnsupportedError where the least scale of a ClassifierFree is below 1."""
    if least < 1:
        raise UnsupportedError(_RULE, received=f"{least:g}", remedy=_REMEDY)
