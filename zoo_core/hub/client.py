"""The Hub's own client, imported late and set up as the zoo needs it."""

from __future__ import annotations

import importlib
import os
import sys
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from zoo_core.hub.settings import endpoint

if TYPE_CHECKING:
    from types import ModuleType

    from huggingface_hub import HfApi

TIMEOUT = 30.0


def library() -> ModuleType:
    """Import huggingface_hub; with Xet off, unless the user has decided that.

    The client sends large files to Xet without asking whether the endpoint speaks it.
    """
    if "huggingface_hub" not in sys.modules:
        os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    return importlib.import_module("huggingface_hub")


def errors() -> ModuleType:
    """Give the module of the client's errors."""
    library()
    return importlib.import_module("huggingface_hub.errors")


def utils() -> ModuleType:
    """Give the client's module of sessions, headers and locks."""
    library()
    return importlib.import_module("huggingface_hub.utils")


def token() -> str | None:
    """Give the user's token, for requests to the configured endpoint only."""
    if os.environ.get("HF_HUB_DISABLE_IMPLICIT_TOKEN", "").upper() in ("1", "ON", "YES", "TRUE"):
        return None
    return library().get_token()


def api() -> HfApi:
    """Make a client of the configured endpoint; it sends the user's token, if there is one."""
    return library().HfApi(endpoint=endpoint(), token=token() or False)


def response(error: BaseException) -> Any:
    """Give the answer behind an error of the client's; None where there was none."""
    if isinstance(error, errors().HfHubHTTPError):
        return cast(Any, error).response
    return None


@cache
def transport_errors() -> tuple[type[BaseException], ...]:
    """Give what the client's HTTP library raises for a connection that fails.

    It is httpx in version 1 of the client, httpx2 in version 2; its errors are no OSErrors.
    """
    name = errors().HfHubHTTPError.__bases__[0].__module__.partition(".")[0]
    return (importlib.import_module(name).TransportError, ConnectionError, TimeoutError)
