"""Files to the Hub in one commit, and a tag on it; repeated only after a look at what is there."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from zoo_core.errors import FileNotOnHubError, HubError
from zoo_core.hub import client, failures, listing, retrying
from zoo_core.hub.download import download
from zoo_core.hub.listing import HubFile, Listing
from zoo_core.hub.reference import HubReference
from zoo_core.hub.snapshots import git_oid


@final
@dataclass(frozen=True)
class Upload:
    """Files to put into a repository by their names in it, and names to remove."""

    files: Mapping[str, Path]
    removed: Sequence[str] = ()
    message: str = "Upload a model"


def make_repository(repo: str, *, private: bool) -> Listing:
    """Make a repository unless it exists; give what its main branch holds."""
    with failures.translated(f"Making the repository {repo}"):
        # Repeating is safe: one that exists by then is what was wanted.
        retrying.retried(
            lambda: client.api().create_repo(repo, private=private or None, exist_ok=True)
        )
    return listing.ask(HubReference(repo))


def read_file(repo: str, head: Listing, name: str) -> bytes:
    """Read a file of a repository's commit. Raises FileNotOnHubError."""
    file = head.files.get(name)
    if file is None:
        raise FileNotOnHubError(f"{repo} has no {name}", received=failures.said())
    return download(HubReference(repo, head.commit), name, file).read_bytes()


def commit(repo: str, upload: Upload, parent: str) -> str:
    """Put all files in one commit on top of `parent`; give its id.

    After a failure the branch is looked at before trying again, so that nothing is committed
    twice. Raises HubError where somebody else has committed meanwhile.
    """
    with failures.translated(f"Committing to {repo}"):
        for attempt in range(1, retrying.ATTEMPTS + 1):
            try:
                return _send(repo, upload, parent)
            except Exception as error:
                code = failures.status(error)
                if not failures.is_temporary(error) and code != 412:
                    raise
                done = _found(repo, upload, parent)
                if done is not None:
                    return done
                if attempt == retrying.ATTEMPTS or code == 412:
                    raise
                retrying.pause(error, attempt)
    raise AssertionError  # the loop returns or raises


def _send(repo: str, upload: Upload, parent: str) -> str:
    hub = client.library()
    operations = [hub.CommitOperationDelete(name) for name in upload.removed]
    operations += [hub.CommitOperationAdd(name, path) for name, path in upload.files.items()]
    sent = client.api().create_commit(
        repo, operations, commit_message=upload.message, parent_commit=parent
    )
    return sent.oid


def _found(repo: str, upload: Upload, parent: str) -> str | None:
    """Give the head where it holds our files; None where nothing has happened yet."""
    head = listing.ask(HubReference(repo))
    if head.commit == parent:
        return None
    same = all(is_same(path, head.files.get(name)) for name, path in upload.files.items())
    if not same or any(name in head.files for name in upload.removed):
        raise HubError(
            f"{repo} stays as it was while a model is pushed to it",
            received=f"another commit, {head.commit}, from {failures.said()}",
            remedy="Look at it, and push again.",
        )
    return head.commit


def is_same(path: Path, file: HubFile | None) -> bool:
    """Whether a repository's file has the bytes of one here, by the hash that the Hub gives."""
    if file is None:
        return False
    if file.sha256 is None:
        return git_oid(path) == file.etag
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest() == file.sha256


def tag(repo: str, name: str, commit: str) -> None:
    """Tag a commit. A tag of this name on the same commit is fine; on another one, an error."""
    with failures.translated(f"Tagging {repo}"):
        for attempt in range(1, retrying.ATTEMPTS + 1):
            try:
                client.api().create_tag(repo, tag=name, revision=commit)
                return
            except Exception as error:
                known = failures.status(error) == 409
                if not known and not failures.is_temporary(error):
                    raise
                if _tagged(repo, name, commit):
                    return
                if known or attempt == retrying.ATTEMPTS:
                    raise
                retrying.pause(error, attempt)


def check_tag_is_free(repo: str, name: str, head: str) -> None:
    """Refuse a tag that is on another commit than the head, before anything is uploaded."""
    with failures.translated(f"Tags of {repo}"):
        taken = _tags(repo).get(name)
    if taken not in (None, head):
        raise _moved(repo, name, taken)


def _tagged(repo: str, name: str, commit: str) -> bool:
    taken = _tags(repo).get(name)
    if taken not in (None, commit):
        raise _moved(repo, name, taken)
    return taken == commit


def _tags(repo: str) -> dict[str, str]:
    refs = retrying.retried(lambda: client.api().list_repo_refs(repo))
    return {ref.name: ref.target_commit for ref in refs.tags}


def _moved(repo: str, name: str, commit: str | None) -> HubError:
    return HubError(
        f"A tag of {repo} never moves",
        received=f"{name}, which is on {commit} already",
        remedy="Choose another tag.",
    )
