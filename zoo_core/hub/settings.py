"""Where the Hub and its cache are, read from the environment when asked.

The client reads the same variables, but when it is imported; a warm load must not import it.
"""

from __future__ import annotations

import os
from pathlib import Path

PUBLIC = "https://huggingface.co"


def endpoint() -> str:
    """Give the address of the Hub: $HF_ENDPOINT, else the public one."""
    return (os.environ.get("HF_ENDPOINT") or PUBLIC).rstrip("/")


def cache() -> Path:
    """Give the client's cache folder, as the client itself finds it."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if chosen := os.environ.get(variable):
            return _expanded(chosen)
    if chosen := os.environ.get("HF_HOME"):
        return _expanded(chosen) / "hub"
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return _expanded(base) / "huggingface" / "hub"


def offline() -> bool:
    """Whether the user has said that the network may not be used."""
    value = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return value.upper() in ("1", "ON", "YES", "TRUE")


def _expanded(path: str) -> Path:
    return Path(os.path.expandvars(path)).expanduser()
