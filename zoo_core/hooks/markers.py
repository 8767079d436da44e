"""The marks of specifications and implementations."""

from __future__ import annotations

import pluggy

PROJECT = "zoo"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin's hook module as an implementation."""
