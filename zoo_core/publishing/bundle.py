"""A model that a plugin bundles: its files in the package, as its entry promises them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from zoo_core.errors import IntegrityError
from zoo_core.hub.listing import HubFile, Listing
from zoo_core.hub.reference import HubReference
from zoo_core.hub.upload import is_same
from zoo_core.registry.bundled_files import difference


@final
@dataclass(frozen=True)
class Bundle:
    """A valid entry with `bundled`, the repository that it goes to, and where its files lie."""

    name: str
    repo: str
    entry: Mapping[str, Any]
    files: Mapping[str, Path]

    @classmethod
    def of(cls, beside: Path, name: str, entry: Mapping[str, Any], owner: str) -> Bundle:
        """Describe an entry of the registry file in a folder. Raises OptionError for the owner."""
        folder = beside / entry["sources"]["bundled"]
        repo = HubReference(f"{owner}/{name.partition('/')[2]}").repo
        return cls(name, repo, entry, {file: folder / file for file in entry["files"]})

    @property
    def pinned(self) -> HubReference | None:
        """Where the entry says that the files are on the Hub."""
        place = self.entry["sources"].get("hub")
        return None if place is None else HubReference(place["repo"], place["revision"])

    def compare(self) -> None:
        """Compare the files here with the entry. Raises IntegrityError.

        The folder may be missing where the Hub has the files.
        """
        for file, path in self.files.items():
            problem = difference(path, self.entry["files"][file])
            if problem is not None and not (self.pinned and not path.parent.is_dir()):
                raise IntegrityError(
                    f"{self.name} is bundled with the files of its entry",
                    received=f"{path}, which {problem}",
                    remedy="Nothing was sent. Bundle it again, or add its entry again.",
                )

    def is_at(self, listing: Listing) -> bool:
        """Whether a commit has every file as it is here."""
        return all(is_same(path, listing.files.get(file)) for file, path in self.files.items())

    def compare_remote(self, listing: Listing) -> None:
        """Compare what a commit has with the entry. Raises IntegrityError."""
        for file in self.files:
            there = listing.files.get(file)
            if there is None or not self._is_promised(file, there):
                raise IntegrityError(
                    f"{self.name} is on the Hub with the files of its entry, {file} one of them",
                    received="none" if there is None else f"{there.size} bytes, {there.etag}",
                    remedy="Take `hub` out of the entry's sources to publish it anew.",
                )

    def _is_promised(self, file: str, there: HubFile) -> bool:
        """Compare by sha256; the Hub gives none of a small file, which is compared with ours."""
        promised, path = self.entry["files"][file], self.files[file]
        if there.size != promised["size"]:
            return False
        if there.sha256 is not None:
            return there.sha256 == promised["sha256"]
        return is_same(path, there) if path.is_file() else True
