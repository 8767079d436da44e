"""A saved model, opened: configuration, class, parameters on meta, then its tensors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from zoo_core.checkpoints.meta import meta_parameters
from zoo_core.checkpoints.reader import fill
from zoo_core.checkpoints.sources import Source, SourceFile
from zoo_core.checkpoints.texts import (
    CONFIG,
    MANIFEST,
    RECIPE,
    Description,
    parse_manifest,
    read_description,
    read_text,
)
from zoo_core.checkpoints.writer import INDEX, WEIGHTS
from zoo_core.errors import ConfigError, FormatError, PluginMissingError, UnknownNameError
from zoo_core.interfaces import late
from zoo_core.interfaces.model import Model


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


def folder_source(folder: Path, *, mappable: bool = False) -> Source:
    """See a folder as a checkpoint; its manifest, where it has one, promises the hashes.

    Raises FormatError where it is no folder.
    """
    if not folder.is_dir():
        raise FormatError(
            "A path names the folder of a saved model",
            received=f"{folder}, which is {'a file' if folder.exists() else 'not there'}",
            remedy="Give the folder that zoo.save wrote.",
        )
    names = [path.name for path in folder.iterdir() if path.is_file()]
    files = {name: SourceFile(folder / name, mappable=mappable) for name in names}
    if MANIFEST not in files:
        return Source(str(folder), files)
    manifest = parse_manifest(read_text(files[MANIFEST]), str(folder))
    promised = {n: h for n, h in manifest.files.items() if n in (CONFIG, INDEX, WEIGHTS)}
    promised |= {n: h for n, h in manifest.files.items() if n.endswith(".safetensors")}
    # A model loads without its recipe; one that is there is the one that was saved.
    promised |= {n: h for n, h in manifest.files.items() if n == RECIPE and n in files}
    files |= {n: SourceFile(folder / n, sha256, mappable) for n, sha256 in promised.items()}
    missing = sorted(name for name in promised if name not in names)
    if missing:
        raise FormatError(
            f"{folder} has every file that its {MANIFEST} lists",
            received=f"none named {', '.join(missing)}",
            remedy="Copy the folder again, whole.",
        )
    return Source(str(folder), files)


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
