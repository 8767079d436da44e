"""The one name of a plugin, in the three forms that it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from zoo_core.errors import PluginError
from zoo_core.plugins.current import listing
from zoo_core.plugins.names import NAMESPACE

PREFIX = "zoo-plugin-"
_LONGEST = 50


@final
@dataclass(frozen=True)
class PluginName:
    """A namespace; the distribution and the package are named after it."""

    namespace: str

    @classmethod
    def of(cls, distribution: str) -> PluginName:
        """Take the name apart. Raises PluginError for what is no name, or another's already."""
        namespace = distribution.removeprefix(PREFIX)
        ordinary = NAMESPACE.fullmatch(namespace) and len(namespace) <= _LONGEST
        if namespace == distribution or not ordinary:
            raise PluginError(
                f"A plugin's name is {PREFIX} and at most {_LONGEST} lower-case letters, digits "
                "and single dashes",
                received=repr(distribution),
                remedy="Name it e.g. zoo-plugin-mine; its models are then mine/….",
            )
        name = cls(namespace)
        owner = listing().owners.get(namespace)
        if owner is not None:
            raise PluginError(
                f"The namespace {namespace}/ is nobody's yet",
                received=f"that of {owner}, by the public index",
                remedy="Choose another name.",
            )
        return name

    @property
    def distribution(self) -> str:
        """The name for pip: zoo-plugin-mine."""
        return f"{PREFIX}{self.namespace}"

    @property
    def package(self) -> str:
        """The name for import: zoo_plugin_mine."""
        return self.distribution.replace("-", "_")
