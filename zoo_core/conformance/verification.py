"""Verification: every promise of a plugin, of its distribution and of its models, without pytest.

    verify("flows")                        an installed plugin, by namespace or distribution
    verify_wheel("dist/….whl")             a wheel, which isn't installed for it

Both give one Verified after the other as the checks are made.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator, Sequence
from pathlib import Path

from zoo_core import API_VERSION
from zoo_core.conformance.catalogue import model_checks
from zoo_core.conformance.package import Package, installed, package_checks, unpacked
from zoo_core.conformance.package.wheel import unpacking
from zoo_core.conformance.promises import BUILDS, promises
from zoo_core.conformance.running import run_check
from zoo_core.conformance.selection import EVERYTHING, Selection, Verified
from zoo_core.conformance.workers import in_processes
from zoo_core.errors import UnknownNameError
from zoo_core.plugins import Plugin
from zoo_core.plugins import installed as installed_plugins
from zoo_core.plugins.distributions import normalized
from zoo_core.registry import list_architectures


def verify(name: str, selection: Selection = EVERYTHING, *, jobs: int = 1) -> Iterator[Verified]:
    """Check an installed plugin: its distribution, then its models; `jobs` processes share them.

    `name` is a namespace or a distribution. Raises UnknownNameError for one that isn't installed
    and for checks that there aren't.
    """
    _check_names(selection.checks)
    plugin = _plugin_named(name)
    if jobs > 1:
        yield from in_processes(plugin.distribution, selection, jobs=jobs)
    else:
        yield from verify_here(installed(plugin.distribution), selection)


def verify_wheel(
    wheel: Path, selection: Selection = EVERYTHING, *, jobs: int = 1
) -> Iterator[Verified]:
    """Check what was built: the wheel's files, and the models that they make.

    The wheel is unpacked into a temporary folder that comes first on the sys.path of the
    processes that check it, so neither the environment nor an installed copy of the same
    distribution plays a part; what it depends on must be installed. Raises PluginError for what
    is no wheel, and UnknownNameError for checks that there aren't.
    """
    _check_names(selection.checks)
    with unpacking(wheel) as folder:
        name = unpacked(folder).name
        yield from in_processes(name, selection, jobs=jobs, folder=folder)


def verify_here(package: Package, selection: Selection) -> Iterator[Verified]:
    """Make the selected checks in this process, one after the other."""
    if selection.models is None and selection.share == 0:
        for check in package_checks():
            if selection.takes(check.name) and check.claimed(package):
                result = run_check(check, package, expected=None, api=API_VERSION)
                yield Verified(package.name, result)
    for architecture in _architectures(package, selection):
        yield from _of_architecture(architecture, selection)


def _architectures(package: Package, selection: Selection) -> Sequence[str]:
    namespaces = {point.name for point in package.entry_points}
    found = [
        one.name
        for one in list_architectures(installed=True)
        if one.name.partition("/")[0] in namespaces
        and fnmatch.fnmatchcase(one.name, selection.models or "*")
    ]
    return found[selection.share :: selection.of]


def _of_architecture(name: str, selection: Selection) -> Iterator[Verified]:
    for promise in promises(name):
        # What can't be built keeps no promise, whichever is asked for.
        if promise.check is BUILDS or selection.takes(promise.name):
            yield Verified(promise.case.name, promise.result())


def _plugin_named(name: str) -> Plugin:
    plugins = installed_plugins()
    wanted = normalized(name)
    found = [one for one in plugins if wanted in (one.namespace, one.distribution)]
    if not found:
        raise UnknownNameError(
            f"A plugin {name!r} is installed",
            received=f"only {', '.join(one.namespace for one in plugins)}",
            remedy="Give a namespace, a distribution, or the path of a wheel.",
        )
    return found[0]


def _check_names(names: frozenset[str]) -> None:
    known = [check.name for check in (*package_checks(), *model_checks(), BUILDS)]
    unknown = sorted(names - set(known))
    if unknown:
        import difflib

        near = difflib.get_close_matches(unknown[0], known)
        raise UnknownNameError(
            f"There is a check {unknown[0]!r}",
            received="no such check",
            remedy=f"Did you mean {' or '.join(near)}?" if near else "-v lists every check's name.",
        )
