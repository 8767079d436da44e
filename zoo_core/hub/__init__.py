"""The Hub: references, a verified cache, uploads. Its client is imported only when it is needed."""

from __future__ import annotations

from zoo_core.hub.fetch import (
    Fetched,
    FetchedFile,
    Pin,
    Resolved,
    fetch_pinned,
    resolve,
)
from zoo_core.hub.reference import PREFIX, HubReference

__all__ = [
    "PREFIX",
    "Fetched",
    "FetchedFile",
    "HubReference",
    "Pin",
    "Resolved",
    "fetch_pinned",
    "resolve",
]
