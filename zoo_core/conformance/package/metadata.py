"""Promises of the metadata: names, license, description, and what the plugin depends on."""

from __future__ import annotations

import platform

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from zoo_core import __version__
from zoo_core.conformance.check import check
from zoo_core.conformance.package.package import Package, is_plugin
from zoo_core.errors import ConformanceError
from zoo_core.plugins.distributions import normalized

_CORE = "zoo-core"
_RANGE = 'Write e.g. dependencies = ["zoo-core>=0.1,<0.2"] in pyproject.toml.'
_LOWER = frozenset({">=", ">", "==", "~=", "==="})
_UPPER = frozenset({"<=", "<", "==", "~=", "==="})


@check(claimed=is_plugin)
def names_agree(package: Package) -> None:
    """A plugin has one name: zoo-plugin-x, zoo_plugin_x and x/ are of the same plugin.

    The metadata have one entry point of the group `zoo.plugins`, named x, whose value is
    `zoo_plugin_x:` and a file. So who sees a model's name knows what to install.
    """
    rule = "A plugin is one distribution zoo-plugin-x with one entry point x in zoo.plugins"
    found = [f"{one.name} = {one.value}" for one in package.entry_points]
    if len(found) != 1:
        raise ConformanceError(
            rule,
            received=f"{len(found)} entry points" + f" ({'; '.join(found)})" * bool(found),
            remedy='Write x = "zoo_plugin_x:registry.yaml" under the entry points.',
        )
    namespace = package.entry_point.name
    wanted = f"zoo-plugin-{namespace}", f"zoo_plugin_{namespace.replace('-', '_')}"
    if (package.name, package.top) != wanted:
        raise ConformanceError(
            rule,
            received=f"the distribution {package.name} with {found[0]}",
            remedy=f"Name them {wanted[0]}, {wanted[1]} and {namespace}/.",
        )


@check(claimed=is_plugin)
def license_included(package: Package) -> None:
    """The license is named, and its text is in the wheel.

    Some License-File of the metadata is there and isn't empty, and the metadata name the license
    (License-Expression, License or a classifier).
    """
    classified = [c for c in package.stated("Classifier") if c.startswith("License ::")]
    if not (package.stated("License-Expression") or package.stated("License") or classified):
        raise ConformanceError(
            "The metadata name a license",
            received="none",
            remedy='Write license = "Apache-2.0", or another, in pyproject.toml.',
        )
    files = package.stated("License-File")
    ends = tuple(f".dist-info/{folder}{name}" for name in files for folder in ("licenses/", ""))
    texts = [path for name, path in package.files.items() if ends and name.endswith(ends)]
    if not any(path.stat().st_size for path in texts):
        raise ConformanceError(
            "The license's text is in the wheel",
            received=f"no text at {', '.join(files)}" if files else "no License-File",
            remedy='Write license-files = ["LICENSE"] in pyproject.toml, and put the text there.',
        )


@check(claimed=is_plugin)
def readme_included(package: Package) -> None:
    """The description, which is the page of the plugin on an index, is there.

    The metadata hold the README's text and say in what format it is.
    """
    written = "".join(package.stated("Description")).strip()
    if not written or not package.stated("Description-Content-Type"):
        raise ConformanceError(
            "The metadata hold the README's text and its format",
            received="no format" if written else "no text",
            remedy='Write readme = "README.md" in pyproject.toml.',
        )


@check(claimed=is_plugin)
def core_range_is_bounded(package: Package) -> None:
    """The plugin depends on a range of zoo-core that has two ends and holds this version.

    Without an upper end a later core, with another plugin API, would be installed beside it;
    without a lower end, one that is too old.
    """
    rule = "A plugin depends on a range of zoo-core with a lower and an upper end"
    found = [one for one in _requirements(package) if normalized(one.name) == _CORE]
    plain = [one for one in found if one.marker is None]
    if len(plain) != 1:
        shown = "; ".join(map(str, found)) or "no dependency on zoo-core"
        raise ConformanceError(rule, received=shown, remedy=_RANGE)
    operators = {one.operator for one in plain[0].specifier}
    if not operators & _LOWER or not operators & _UPPER:
        raise ConformanceError(rule, received=str(plain[0]), remedy=_RANGE)
    if not plain[0].specifier.contains(__version__, prereleases=True):
        raise ConformanceError(
            f"The plugin's range of zoo-core holds this version, {__version__}",
            received=str(plain[0]),
            remedy="Widen the range, and try the plugin with this version.",
        )


@check(claimed=is_plugin)
def python_range_is_stated(package: Package) -> None:
    """The metadata say which versions of Python the plugin needs, this one among them."""
    stated = ",".join(package.stated("Requires-Python"))
    try:
        good = bool(stated) and SpecifierSet(stated).contains(platform.python_version())
    except InvalidSpecifier:
        good = False
    if not good:
        raise ConformanceError(
            f"Requires-Python is a range that holds {platform.python_version()}",
            received=stated or "none",
            remedy='Write requires-python = ">=3.11" in pyproject.toml.',
        )


@check(claimed=is_plugin)
def dependencies_are_named(package: Package) -> None:
    """What the plugin depends on are names and ranges, which an index can resolve.

    A path or an address (`x @ file:///…`) is on one machine only, and indices refuse it.
    """
    found = [str(one) for one in _requirements(package) if one.url is not None]
    if found:
        raise ConformanceError(
            "A dependency is a name and a range",
            received="; ".join(found),
            remedy="Name a released version instead.",
        )


def _requirements(package: Package) -> list[Requirement]:
    try:
        return [Requirement(line) for line in package.stated("Requires-Dist")]
    except InvalidRequirement as error:
        raise ConformanceError("Requires-Dist is a requirement", received=error) from error


CHECKS = (
    names_agree,
    license_included,
    readme_included,
    core_range_is_bounded,
    python_range_is_stated,
    dependencies_are_named,
)
