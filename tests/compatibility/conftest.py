"""Fixtures of these tests."""

from registry.fixtures import site

__all__ = ["site"]
