"""Repositories in another format than the zoo's own, as plugins see them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

if TYPE_CHECKING:
    import torch

    from zoo_core.interfaces.model import Model


class Repository(ABC):
    """The files of a repository on the Hub, or of a folder, that is no saved model of the zoo's.

    Only names and sizes are here until a small file is read; none is a path that leads out.
    """

    @property
    @abstractmethod
    def origin(self) -> str:
        """How messages call it, such as hf://owner/repo@revision."""

    @property
    @abstractmethod
    def sizes(self) -> Mapping[str, int]:
        """Each file's size in bytes, by its name with / between folders."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Give the verified bytes of a small file. Raises FormatError where it isn't there."""

    @abstractmethod
    def read_json(self, name: str) -> dict[str, Any]:
        """Give a small file's JSON mapping. Raises FormatError for anything else."""


@final
@dataclass(frozen=True)
class Opening:
    """What a claimed repository is opened from: a folder with the claimed files and no others.

    Their bytes are verified. The folder is gone once `open` has returned; what was mapped from it
    stays. `mappable` says that they never change in place, as those of a
    content-addressed cache; elsewhere tensors are copied. `device` and `dtype` are the caller's
    wishes, None for what was saved.
    """

    folder: Path
    origin: str
    mappable: bool = False
    device: torch.device | None = None
    dtype: torch.dtype | None = None


@final
@dataclass(frozen=True)
class Claim:
    """A plugin's claim on a repository: the files that it will read, and how it opens them.

    `files` are exact names: texts, and weights as safetensors. The core fetches and verifies
    them, then calls `open`, which imports what it needs.
    """

    files: tuple[str, ...]
    open: Callable[[Opening], Model]
