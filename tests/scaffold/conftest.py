"""Fixtures of these tests."""

from registry.fixtures import site
from scaffold.fixtures import make, mine

__all__ = ["make", "mine", "site"]
