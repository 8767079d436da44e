"""One file from the Hub into the cache; there only once its bytes have the promised hash.

The client's own download checks a file's size alone, uses the ETag of a second answer as a file's
name, and starts anew after its process was killed. This one goes on where the last one stopped.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, final

from zoo_core.errors import IntegrityError
from zoo_core.hub import client, failures, retrying
from zoo_core.hub.listing import HubFile
from zoo_core.hub.reference import HubReference
from zoo_core.hub.settings import endpoint
from zoo_core.hub.snapshots import Snapshot

if TYPE_CHECKING:
    from hashlib import _Hash

_PIECE = 2**20


def download(reference: HubReference, name: str, file: HubFile) -> Path:
    """Fetch a file of a pinned reference into the cache, verified, and give its path there.

    Other processes that want the same file wait. Raises IntegrityError for bytes that aren't the
    promised ones, HubError's children for the rest.
    """
    snapshot = Snapshot(reference.repo, reference.revision)
    blob, lock = snapshot.blob(file), snapshot.lock(file)
    with failures.translated(f"{name} of {reference}"):
        for folder in (blob.parent, lock.parent, snapshot.folder):
            folder.mkdir(parents=True, exist_ok=True)
        with client.utils().WeakFileLock(lock):
            if not (blob.is_file() and blob.stat().st_size == file.size):
                _Transfer(reference, name, file, blob).run()
            snapshot.link(name, file)
    return snapshot.path(name)


@final
class _Transfer:
    """The bytes of one file on their way to one blob."""

    def __init__(self, reference: HubReference, name: str, file: HubFile, blob: Path) -> None:
        self.reference, self.name, self.file, self.blob = reference, name, file, blob
        self.partial = blob.with_name(f"{file.etag}.zoo-incomplete")

    def run(self) -> None:
        """Fetch, compare the hash, and rename into place."""
        room = shutil.disk_usage(self.blob.parent).free + self._size()
        if room < self.file.size:
            raise failures.disk_full(f"{self.name} of {self.reference}", self.blob.parent)
        digest = self._fetch()
        if digest != self.file.etag:
            # What an earlier run left, or what came now, was damaged: once more from nothing.
            self.partial.unlink(missing_ok=True)
            digest = self._fetch()
        if digest != self.file.etag:
            self.partial.unlink(missing_ok=True)
            raise IntegrityError(
                f"{self.name} of {self.reference} has the hash {self.file.etag}",
                received=f"bytes with the hash {digest} from {endpoint()}, twice",
                remedy="The Hub, or something on the way, changes them. Nothing was kept.",
            )
        os.replace(self.partial, self.blob)

    def _size(self) -> int:
        return self.partial.stat().st_size if self.partial.exists() else 0

    def _fetch(self) -> str:
        """Receive until all bytes are here; any progress restores the right to fail."""
        failures_in_a_row, before = 0, self._size()
        while True:
            try:
                with self.partial.open("ab+") as stream:
                    return self._receive(stream)
            except Exception as error:
                self._give_up_on_full_disk(error)
                failures_in_a_row = 1 if self._size() > before else failures_in_a_row + 1
                before = self._size()
                tired = failures_in_a_row >= retrying.ATTEMPTS
                if tired or not failures.is_temporary(error):
                    raise
                retrying.pause(error, failures_in_a_row)

    def _give_up_on_full_disk(self, error: Exception) -> None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            self.partial.unlink(missing_ok=True)

    def _receive(self, stream: BinaryIO) -> str:
        digest = self._resume(stream)
        if stream.tell() > self.file.size:
            stream.truncate(0)
            digest = self._resume(stream)
        if stream.tell() < self.file.size:
            for piece in self._pieces(stream.tell()):
                if piece is None:  # the Hub sends it from the start again
                    stream.truncate(0)
                    digest = self._resume(stream)
                    continue
                stream.write(piece)
                digest.update(piece)
                if stream.tell() > self.file.size:
                    break
        stream.flush()
        os.fsync(stream.fileno())
        if stream.tell() < self.file.size:
            raise ConnectionError("the answer ended too early")
        return digest.hexdigest()

    def _resume(self, stream: BinaryIO) -> _Hash:
        """Hash what is here already, and go to its end."""
        if self.file.sha256 is not None:
            digest = hashlib.sha256()
        else:
            digest = hashlib.sha1(b"blob %d\0" % self.file.size, usedforsecurity=False)
        stream.seek(0)
        while piece := stream.read(_PIECE):
            digest.update(piece)
        return digest

    def _pieces(self, start: int) -> Iterator[bytes | None]:
        hub, tools = client.library(), client.utils()
        place, commit = self.reference.repo, self.reference.revision
        url = hub.hf_hub_url(place, self.name, revision=commit, endpoint=endpoint())
        headers: dict[str, Any] = tools.build_hf_headers(token=client.token() or False)
        headers["Accept-Encoding"] = "identity"
        if start:
            headers["Range"] = f"bytes={start}-"
        session = tools.get_session()
        with session.stream("GET", url, headers=headers, timeout=client.TIMEOUT) as answer:
            tools.hf_raise_for_status(answer)
            if start and answer.status_code != 206:
                yield None
            # As they come: a piece that waited to be filled would be lost with the connection.
            yield from answer.iter_bytes()
