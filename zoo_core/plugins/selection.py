"""Which plugins the user wants: ZOO_DISABLE and ZOO_PLUGINS."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import final

from zoo_core.plugins.claim import Claim
from zoo_core.plugins.distributions import normalized

CORE = "core"


@final
class Selection:
    """What the environment says: a list of what is off, and perhaps one of what alone is on.

    Both are comma-separated namespaces or distributions. An empty ZOO_PLUGINS means none; `core`
    is always on.
    """

    def __init__(self) -> None:
        only = os.environ.get("ZOO_PLUGINS")
        self._off = _names(os.environ.get("ZOO_DISABLE", ""))
        self._only = None if only is None else _names(only)

    def unknown(self, claims: Iterable[Claim]) -> dict[str, list[str]]:
        """Give by variable the names in it that are no installed plugin's."""
        known = {name for c in claims for name in (normalized(c.namespace), c.distribution)}
        named = {"ZOO_DISABLE": self._off, "ZOO_PLUGINS": self._only or set()}
        others = {variable: sorted(names - known - {CORE}) for variable, names in named.items()}
        return {variable: names for variable, names in others.items() if names}

    def why_not(self, claim: Claim) -> str | None:
        """Say why a plugin is off; None if it is on."""
        names = {normalized(claim.namespace), claim.distribution}
        if claim.namespace == CORE:
            return None
        if names & self._off:
            return "ZOO_DISABLE names it."
        if self._only is not None and not names & self._only:
            return "ZOO_PLUGINS does not name it."
        return None


def _names(text: str) -> set[str]:
    return {normalized(name.strip()) for name in text.split(",") if name.strip()}
