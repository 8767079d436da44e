"""Whose a namespace is: what the public index says of a plugin."""

from __future__ import annotations

from collections.abc import Iterator

from zoo_core.plugins.current import listing
from zoo_core.plugins.distributions import normalized
from zoo_core.plugins.finding import Finding, Level
from zoo_core.plugins.yaml_file import LinedDict


def check_owner(path: str, plugin: LinedDict) -> Iterator[Finding]:
    """Report a plugin whose namespace the public index gives to another distribution."""
    namespace, distribution = plugin.get("namespace"), plugin.get("distribution")
    owner = listing().owners.get(namespace) if isinstance(namespace, str) else None
    if owner is not None and isinstance(distribution, str) and owner != normalized(distribution):
        message = f"the namespace {namespace}/ belongs to {owner}, by the public index."
        yield Finding(message, path, plugin.line_of("namespace"))


def check_listed(path: str, plugin: LinedDict) -> Iterator[Finding]:
    """Report a plugin that the public index doesn't know: nobody else can find it by name."""
    namespace, distribution = plugin.get("namespace"), plugin.get("distribution")
    if isinstance(namespace, str) and namespace not in listing().owners:
        message = f"the public index doesn't know {distribution}."
        remedy = f"In a clone of it, run: zoo registry add --plugin {distribution}"
        line = plugin.line_of("namespace")
        yield Finding(message, path, line, Level.WARNING, remedy)
