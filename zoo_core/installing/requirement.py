"""What the name of a plugin means: to be installed, or to be uninstalled."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from zoo_core.errors import InstallationError, UnknownNameError
from zoo_core.plugins import Plugin, installed
from zoo_core.plugins.current import listing
from zoo_core.plugins.distributions import normalized

_CORE = "zoo-core"
_PREFIX = "zoo-plugin-"
_WHEEL = ".whl"


class Wanted(NamedTuple):
    """A distribution, and the requirement or the wheel's path that an installer takes for it."""

    distribution: str
    argument: str


def requirement(text: str) -> Wanted:
    """Say what is to be installed.

    `text` is a namespace of the public index (`flows`, `flows>=0.2`), a distribution with or
    without versions, or the path of a wheel. A distribution that no index of plugins knows must
    begin with `zoo-plugin-`, so that a mistyped namespace doesn't install a stranger's package.
    Raises UnknownNameError, and InstallationError for what is neither and for zoo-core.
    """
    if text.endswith(_WHEEL):
        return _wheel(Path(text))
    try:
        parsed = Requirement(text)
    except InvalidRequirement as error:
        raise InstallationError(
            "A plugin is a namespace, a requirement such as zoo-plugin-flows>=0.1, or a wheel",
            received=repr(text),
        ) from error
    owners = listing().owners
    distribution = owners.get(parsed.name, normalized(parsed.name))
    known = {normalized(owner) for owner in owners.values()}
    if distribution not in known and not distribution.startswith(_PREFIX):
        other = f"What begins with {_PREFIX} is taken for a plugin; the rest is for pip itself."
        raise _unknown(parsed.name, [*owners, *known], "in the public index", other)
    _check_plugin(distribution)
    parsed.name = distribution
    return Wanted(distribution, str(parsed))


def installed_plugin(name: str) -> Plugin:
    """Give an installed plugin by namespace or distribution.

    Raises UnknownNameError where there is none, and InstallationError for zoo-core.
    """
    plugins, wanted = installed(), normalized(name)
    found = [one for one in plugins if wanted in (one.namespace, one.distribution)]
    if not found:
        known = [word for one in plugins for word in (one.namespace, one.distribution)]
        raise _unknown(name, known, "installed", "`zoo plugins` shows what is here.")
    _check_plugin(found[0].distribution)
    return found[0]


def _wheel(path: Path) -> Wanted:
    if not path.is_file():
        raise InstallationError("A wheel's path names a file", received=str(path))
    try:
        name, *_ = parse_wheel_filename(path.name)
    except InvalidWheelFilename as error:
        raise InstallationError(
            "A wheel has the name that its build gave it", received=error
        ) from (error)
    _check_plugin(name)
    return Wanted(name, str(path.absolute()))


def _check_plugin(distribution: str) -> None:
    if distribution == _CORE:
        raise InstallationError(
            "The zoo's own commands install and uninstall plugins",
            received=f"{_CORE}, which runs them",
            remedy=f"Run pip yourself: pip install -U {_CORE}, or pip uninstall {_CORE}.",
        )


def _unknown(name: str, known: Iterable[str], where: str, remedy: str) -> UnknownNameError:
    near = difflib.get_close_matches(name, known, n=2)
    remedy = f"Did you mean {' or '.join(near)}?" if near else remedy
    return UnknownNameError(f"There is a plugin {name!r} {where}", received="none", remedy=remedy)
