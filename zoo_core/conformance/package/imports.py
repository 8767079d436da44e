"""Promises of what the registry file names: it can be imported, and is what the file says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from zoo_core import loading
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.package.package import Package, is_plugin
from zoo_core.conformance.package.refusal import refuse
from zoo_core.errors import ConformanceError, PluginError, ZooError
from zoo_core.hooks.implementations import HookSource, implementation
from zoo_core.hooks.names import HOOKS
from zoo_core.plugins import Plugin, PluginState, installed
from zoo_core.plugins.importing import import_module, import_target
from zoo_core.registry.classes import check_claims, checked_class


@check(claimed=is_plugin)
def plugin_is_usable(package: Package) -> None:
    """The zoo finds the plugin, and its state is ok.

    It is neither broken, nor written for another plugin API, nor is its namespace another's.
    """
    found = _plugin(package)
    if found is None:
        raise ConformanceError("The zoo finds the plugin", received="no such plugin")
    if found.state is PluginState.DISABLED:
        raise Skip(f"the plugin is disabled: {found.cause}")
    if not found.ok:
        raise ConformanceError(
            "The plugin's state is ok",
            received=f"{found.state}: {found.cause}",
            remedy=found.remedy,
        )


@check(claimed=is_plugin)
def classes_are_what_the_file_says(package: Package) -> None:
    """Every architecture's class can be imported and provides what the registry file says.

    Its `architecture` is the entry's name, nothing abstract is left, and the interfaces that it
    implements are those of `provides`.
    """
    wrong: list[str] = []
    for name, entry in package.entries("architectures").items():
        target = str(entry.get("class"))
        try:
            model = checked_class(import_target(target, package.name))
            provides = [str(one) for one in entry.get("provides") or ()]
            check_claims(model, name, provides, target, package.name)
        except ZooError as error:
            wrong.append(f"{error.rule}: {error.received}")
    refuse("A class is what the registry file says", wrong, "Make the file and the class agree.")


@check(claimed=is_plugin)
def hooks_are_implemented(package: Package) -> None:
    """The hook module implements the hooks that the registry file lists, and no others.

    One that isn't listed is never called. Each implementation fits its specification.
    """
    said = _section(package).get("hooks")
    if not isinstance(said, dict):
        return
    module = str(said.get("module"))
    source = HookSource(package.name, _imported(module, package), module)
    try:
        found = {hook for hook in HOOKS if implementation(hook, source) is not None}
    except PluginError as error:
        raise ConformanceError(error.rule, received=error.received) from error
    listed = set(map(str, said.get("implements") or ()))
    wrong = [f"{hook} is listed, not implemented" for hook in sorted(listed - found)]
    wrong += [f"{hook} is implemented, not listed" for hook in sorted(found - listed)]
    refuse(f"{module} implements the hooks that are listed", wrong, "Make the two agree.")


@check(claimed=is_plugin)
def commands_are_commands(package: Package) -> None:
    """Every command that the registry file adds to `zoo` can be imported, and is one of click's."""
    said = _section(package).get("commands")
    wrong: list[str] = []
    for name, entry in said.items() if isinstance(said, dict) else ():
        target = str(entry.get("target"))
        try:
            found = import_target(target, package.name)
        except PluginError as error:
            wrong.append(f"{name}: {error.received}")
            continue
        if not isinstance(found, click.Command):
            wrong.append(f"{name}: {target} is a {type(found).__name__}")
    refuse("A command is a click.Command", wrong, "Decorate the function with @click.command().")


@check(claimed=is_plugin)
def modules_are_its_own(package: Package) -> None:
    """What is imported is what is checked, not another copy that comes earlier on sys.path.

    The file of each module of the plugin that is imported by now is one of the package's.
    """
    files = {path.resolve() for path in package.files.values()}
    prefix = f"{package.top}."
    others = [
        f"{name} from {file}"
        for name, module in sorted(sys.modules.items())
        if f"{name}.".startswith(prefix) and (file := vars(module).get("__file__"))
        if Path(file).resolve() not in files
    ]
    refuse(
        "The plugin's modules are the package's own files",
        others,
        "Run it in another folder, or uninstall the other copy.",
    )


@check(claimed=is_plugin)
def models_load(package: Package) -> None:
    """Every bundled model loads, and has the interfaces, size and type that its entry says.

    Loading is strict: every tensor is there, no other is, and each is of the right shape. Models
    that are on the Hub only aren't loaded, for that takes a network: `zoo registry check` tells.
    """
    plugin = _plugin(package)
    if plugin is None or not plugin.ok:
        raise Skip("the plugin isn't usable")
    wrong: list[str] = []
    for name, entry in package.entries("models").items():
        sources = entry.get("sources")
        if isinstance(sources, dict) and "bundled" in sources:
            wrong += [f"{name} {difference}" for difference in _differences(name, entry)]
    refuse("A bundled model loads and is what its entry says", wrong, "Write the entry anew.")


def _differences(name: str, entry: dict[str, Any]) -> Iterator[str]:
    try:
        model = loading.load(name)
    except Exception as error:  # noqa: BLE001  whatever loading raises is the finding
        yield f"isn't loaded: {error}"
        return
    real = {
        "provides": sorted(one.__name__ for one in model.provides),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dtype": str(model.dtype).removeprefix("torch."),
    }
    said = {"dtype": "float32", **entry, "provides": sorted(entry.get("provides") or ())}
    for key, value in real.items():
        if said.get(key) != value:
            yield f"has {key} {value}, its entry says {said.get(key)}"


def _imported(module: str, package: Package) -> object:
    try:
        return import_module(module, package.name)
    except PluginError as error:
        raise ConformanceError(error.rule, received=error.received) from error


def _section(package: Package) -> dict[str, Any]:
    found = package.registry.get("plugin")
    return found if isinstance(found, dict) else {}


def _plugin(package: Package) -> Plugin | None:
    return next((one for one in installed() if one.distribution == package.name), None)


CHECKS = (
    plugin_is_usable,
    classes_are_what_the_file_says,
    hooks_are_implemented,
    commands_are_commands,
    modules_are_its_own,
    models_load,
)
