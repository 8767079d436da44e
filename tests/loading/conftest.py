"""Fixtures of these tests."""

from hub.fixtures import architectures, home, hub, writer

__all__ = ["architectures", "home", "hub", "writer"]
