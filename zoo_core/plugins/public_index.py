"""Where the public index lies: in the repository for a checkout, in the package for a wheel."""

from __future__ import annotations

import os

import zoo_core

_OURS = '\nname = "zoo-core"\n'


def public_index() -> str | None:
    """Give the path of the public index; None where an installation has none.

    It is looked for beside the code that runs, never in site-packages by name: an editable
    installation leaves a stale copy there.
    """
    package = os.path.dirname(os.path.abspath(zoo_core.__file__))
    root = repository()
    path = os.path.join(package if root is None else root, "registry.yaml")
    return path if os.path.isfile(path) else None


def repository() -> str | None:
    """Give the repository's root where zoo-core runs from a checkout, else None."""
    root = os.path.dirname(os.path.dirname(os.path.abspath(zoo_core.__file__)))
    try:
        with open(os.path.join(root, "pyproject.toml"), encoding="utf-8") as file:
            return root if _OURS in file.read() else None
    except (OSError, UnicodeDecodeError):
        return None
