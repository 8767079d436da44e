"""A model's files on this machine, and what opens them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

from zoo_core.checkpoints.sources import Source
from zoo_core.errors import IntegrityError, UnsupportedError

if TYPE_CHECKING:
    import torch

    from zoo_core.hooks.repository import Claim
    from zoo_core.interfaces.model import Model


@final
@dataclass(frozen=True)
class Located:
    """A model's files on this machine. `pin` always means these bytes; None for a folder.

    `claim` is that of the plugin whose format they are in; None for the zoo's own.
    """

    source: Source
    pin: str | None = None
    claim: Claim | None = None

    @property
    def files(self) -> Mapping[str, Path]:
        """Where each file is."""
        return {name: file.path for name, file in self.source.files.items()}

    @property
    def folder(self) -> Path:
        """The folder within which all of the files are. Raises UnsupportedError without any."""
        if not self.files:
            raise self._without_files()
        name, path = next(iter(self.files.items()))
        return path.parents[name.count("/")]

    def verify(self) -> None:
        """Hash every file of which the sha256 is known.

        Raises IntegrityError, UnsupportedError where there are no files.
        """
        if not self.files:
            raise self._without_files()
        for name, file in self.source.files.items():
            if file.sha256 is not None and _sha256(file.path) != file.sha256:
                raise IntegrityError(
                    f"{name} of {self.source.origin} has the sha256 {file.sha256}",
                    received=f"other bytes in {file.path}",
                    remedy="Delete it and pull again.",
                )

    def open(
        self, *, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Model:
        """Build the model and fill it, its bytes verified, ready to use (`.eval()`).

        Raises PluginMissingError, ConfigError, and CheckpointError's children.
        """
        # torch is imported here, so that files are brought without it.
        if self.claim is not None:
            from zoo_core.loading.opening import open_claimed

            files = {name: self.source.files[name] for name in self.claim.files}
            claimed = Source(self.source.origin, files)
            return open_claimed(self.claim, claimed, device=device, dtype=dtype)
        from zoo_core.checkpoints.opening import open_model

        return open_model(self.source, device=device, dtype=dtype)

    def _without_files(self) -> UnsupportedError:
        return UnsupportedError(
            f"{self.source.origin} has no files: a plugin gives the model itself",
            remedy="Load it; zoo.save writes its files.",
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
