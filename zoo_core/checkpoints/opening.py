"""A saved model, opened: configuration, class, parameters on meta, then its tensors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from zoo_core.checkpoints.description import Description, read_description
from zoo_core.checkpoints.meta import meta_parameters
from zoo_core.checkpoints.reader import fill
from zoo_core.checkpoints.saved_folder import folder_source
from zoo_core.checkpoints.sources import Source
from zoo_core.checkpoints.texts import CONFIG
from zoo_core.errors import ConfigError, PluginMissingError, UnknownNameError
from zoo_core.interfaces import late
from zoo_core.interfaces.model import Model

__all__ = ["architecture", "build_on_meta", "folder_source", "open_model"]


def open_model(
    source: Source,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Model:
    """Load a model from a checkpoint's files: strictly, and ready to use (`.eval()`).

    `device` and `dtype` (floating) are applied a tensor at a time. Raises PluginMissingError for
    an architecture that isn't installed, ConfigError for a configuration that its class refuses,
    and CheckpointError's children for files that aren't right.
    """
    description = read_description(source)
    model = build_on_meta(description, source.origin)
    place = None if device is None else torch.device(device)
    fill(model, source, saved_dtype=description.dtype, device=place, dtype=dtype)
    return model.eval()


def build_on_meta(description: Description, origin: str) -> Model:
    """Build the model that a configuration describes, its parameters on meta."""
    part = architecture(description, origin)
    try:
        with _float32_by_default(), meta_parameters():
            return part(part.Config.parse(description.config))
    except ConfigError as error:
        raise ConfigError(
            error.rule, received=f"{error.received} in {CONFIG} of {origin}", remedy=error.remedy
        ) from None


def architecture(description: Description, origin: str) -> type[Model]:
    """Resolve an architecture's name. Raises PluginMissingError with what to install."""
    try:
        return late.architecture(description.architecture)
    except UnknownNameError as error:
        known = " ".join(sorted(description.plugins))
        raise PluginMissingError(
            f"{origin} is a {description.architecture}, which an installed plugin must provide",
            received=error.rule,
            remedy=f"Run: pip install {known}" if known else "Ask its maker for the plugin.",
        ) from None


@contextmanager
def _float32_by_default() -> Iterator[None]:
    """Build as the saver did, whatever the default dtype is now."""
    default = torch.get_default_dtype()
    if default is torch.float32:
        yield
        return
    torch.set_default_dtype(torch.float32)
    try:
        yield
    finally:
        torch.set_default_dtype(default)
