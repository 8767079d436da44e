"""Opening what a plugin claims: every byte verified first, and nothing but the claimed files."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch

from zoo_core.checkpoints.header import read_header, refuse_pickle
from zoo_core.checkpoints.pieces import verify
from zoo_core.checkpoints.reader import NanWarning
from zoo_core.checkpoints.remembered import first_few
from zoo_core.checkpoints.sources import Source, SourceFile
from zoo_core.checkpoints.texts import check_text
from zoo_core.errors import FormatError, HookError, PluginError, ZooError
from zoo_core.hooks.repository import Claim, Opening
from zoo_core.interfaces.model import Model
from zoo_core.loading.claiming import WEIGHTS

_LONGEST = 600
_MEMORY = Path("/dev/shm")


def open_claimed(
    claim: Claim,
    source: Source,
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Model:
    """Verify the claimed files and let the plugin open them; gives the model in evaluation mode.

    Raises IntegrityError, UnsafeFileError, FormatError for files that aren't right, PluginError
    where the plugin lacks what it needs.
    """
    nan = [name for file in source.files.values() for name in _verified(file)]
    place = None if device is None else torch.device(device)
    with linked(source.files) as folder:
        mappable = all(file.mappable for file in source.files.values())
        opening = Opening(folder, source.origin, mappable, place, dtype)
        model = _opened(claim, opening)
    if nan:
        warnings.warn(
            f"{source.origin}: NaN in {first_few(nan)}; what it gives may be NaN too.",
            NanWarning,
            stacklevel=4,
        )
    return model.eval()


def _verified(file: SourceFile) -> tuple[str, ...]:
    """Check a file before it is used; gives the names of tensors in it that hold NaN."""
    if file.path.suffix.lower() == WEIGHTS:
        return verify(file, read_header(file.path)).nan
    refuse_pickle(file.path)
    check_text(file)
    return ()


def _opened(claim: Claim, opening: Opening) -> Model:
    try:
        model = claim.open(opening)
    except (ZooError, MemoryError, torch.OutOfMemoryError):
        raise
    except ImportError as error:
        raise PluginError(
            f"What reads {opening.origin} is installed whole",
            received=_said(error, opening),
            remedy="Install what is missing, or the plugin again.",
        ) from error
    except Exception as error:
        raise FormatError(
            f"{opening.origin} holds what its configuration describes",
            received=_said(error, opening),
            remedy="Tell its owner, or try another revision of it.",
        ) from error
    if not isinstance(model, Model):
        raise HookError("A claim opens as a Model", received=f"a {type(model).__name__}")
    return model


def _said(error: Exception, opening: Opening) -> str:
    """Write what a library said; the folder that it saw is nobody's to look for."""
    text = f"{type(error).__name__}: {error}".replace(str(opening.folder), opening.origin)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


@contextmanager
def linked(files: Mapping[str, SourceFile]) -> Iterator[Path]:
    """Give a private folder that holds exactly these files, as links; it is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="zoo-load-", dir=_place()))
    try:
        for name, file in files.items():
            place = folder.joinpath(*name.split("/"))
            place.parent.mkdir(parents=True, exist_ok=True)
            _link(file.path.resolve(), place)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _place() -> Path | None:
    """Give a folder in memory where links can be made; None for the system's usual one.

    Removing three links from a disk took up to 20 ms, of 100 for a whole load.
    """
    usable = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK | os.X_OK)
    return _MEMORY if usable else None


def _link(path: Path, place: Path) -> None:
    """Link, or copy where the system or the user may not link."""
    for link in (os.symlink, os.link):  # Windows lets everybody make the second kind
        try:
            link(path, place)
        except OSError:
            continue
        return
    shutil.copyfile(path, place)
