"""What the client raises, as the zoo's errors: each names the endpoint and whether a token went."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from zoo_core.errors import (
    DiskFullError,
    FileNotOnHubError,
    GatedRepositoryError,
    HubError,
    OfflineError,
    PrivateRepositoryError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    TransportError,
    ZooError,
)
from zoo_core.hub import client
from zoo_core.hub.settings import endpoint

TEMPORARY = (408, 425, 429, 500, 502, 503, 504)
_LOG_IN = "Log in (hf auth login) or set HF_TOKEN"


@contextmanager
def translated(subject: str) -> Iterator[None]:
    """Turn what the client raises about `subject` into the zoo's errors."""
    try:
        yield
    except ZooError:
        raise
    except Exception as error:
        known = _translate(error, subject)
        if known is None:
            raise
        raise known from None


def said() -> str:
    """Name the endpoint, and say whether a token was sent to it; never the token."""
    return f"{endpoint()}, {'with a token' if client.token() else 'no token sent'}"


def status(error: BaseException) -> int | None:
    """Give the HTTP status behind an error of the client's, if there is one."""
    answer = client.response(error)
    return None if answer is None else answer.status_code


def is_temporary(error: BaseException) -> bool:
    """Whether trying again may help."""
    if isinstance(error, client.transport_errors()):
        return not isinstance(error, client.errors().OfflineModeIsEnabled)
    return status(error) in TEMPORARY


def _translate(error: Exception, subject: str) -> Exception | None:
    errors = client.errors()
    if isinstance(error, errors.GatedRepoError):
        return GatedRepositoryError(
            f"{subject} is gated: its owner grants access",
            received=said(),
            remedy=f"Ask for access on its page, then use your token. {_LOG_IN}.",
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return _no_repository(status(error), subject)
    if isinstance(error, errors.RevisionNotFoundError):
        return RevisionNotFoundError(
            f"{subject}: there is no such branch, tag or commit",
            received=said(),
            remedy="Look at the repository's page for those that exist.",
        )
    if isinstance(error, errors.EntryNotFoundError):
        return FileNotOnHubError(f"{subject} is not on the Hub", received=said())
    return _other(error, subject)


def _no_repository(code: int | None, subject: str) -> HubError:
    if code == 404:
        return RepositoryNotFoundError(
            f"{subject} does not exist, or this caller may not know of it",
            received=said(),
            remedy="Check the spelling of owner/repo.",
        )
    return PrivateRepositoryError(
        f"{subject} is private, or does not exist",
        received=said(),
        remedy=f"Check the spelling; for a private one, {_LOG_IN[0].lower()}{_LOG_IN[1:]}.",
    )


def _other(error: Exception, subject: str) -> Exception | None:
    code = status(error)
    if isinstance(error, client.errors().OfflineModeIsEnabled):
        return OfflineError(f"{subject}: the network may not be used", received="HF_HUB_OFFLINE=1")
    if is_temporary(error):
        what = f"the answer {code}" if code is not None else type(error).__name__
        return TransportError(
            f"{subject}: the connection kept failing",
            received=f"{what} from {said()}",
            remedy="Check the network, and try again later.",
        )
    if code in (401, 403):
        return PrivateRepositoryError(
            f"{subject}: the Hub does not allow this",
            received=f"the answer {code} from {said()}",
            remedy=f"{_LOG_IN} that has the right to it.",
        )
    if code is not None:
        return HubError(f"{subject}: the Hub refused", received=f"the answer {code} from {said()}")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(subject, error.filename or "the cache")
    return None


def disk_full(subject: str, place: object) -> DiskFullError:
    """Make the error for a disk without room."""
    return DiskFullError(
        f"{subject}: the disk has room for every file",
        received=f"too little left at {place}",
        remedy="Free some space, or set HF_HUB_CACHE to a folder of another disk.",
    )
