"""Promises of what happens before anybody asks for a model, seen in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from zoo_core.conformance.check import check
from zoo_core.conformance.package.package import Package, is_plugin
from zoo_core.conformance.package.refusal import refuse
from zoo_core.errors import ConformanceError

_PATIENCE = 120.0

_LISTING = """
import json, site, sys
path, folder, heavy = json.loads(sys.argv[1])
sys.path[:] = path
if folder is not None:
    site.addsitedir(folder)
from zoo_core import plugins, registry
plugins.installed(), plugins.commands(), registry.list_models(), registry.list_architectures()
print(json.dumps([name for name in heavy if name in sys.modules]))
"""

_IMPORTING = """
import importlib, json, os, random, sys
path, modules = json.loads(sys.argv[1])
sys.path[:] = path
told, sys.stdout = sys.stdout, sys.stderr
import click, numpy, torch, zoo_core.publishing, zoo_core.registry.classes
def state():
    return {
        "the random state of torch": torch.get_rng_state().tolist(),
        "the random state of numpy": repr(numpy.random.get_state()),
        "the random state of Python": random.getstate(),
        "torch's default dtype": torch.get_default_dtype(),
        "torch's number of threads": torch.get_num_threads(),
        "whether torch makes gradients": torch.is_grad_enabled(),
        "torch's deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "the working folder": os.getcwd(),
    }
found, before = [], state()
def hook(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind"):
        found.append(f"a call of {event}")
sys.addaudithook(hook)
for name in modules:
    try:
        importlib.import_module(name)
    except BaseException:
        pass
found += [f"a change of {what}" for what, value in state().items() if value != before[what]]
told.write(json.dumps(found))
"""


@check(claimed=is_plugin)
def listing_is_light(package: Package) -> None:
    """Listing the plugin's models imports neither torch nor the plugin's package.

    A new process finds the plugin as an installed one (its `.pth` files are run), lists all
    models, architectures and commands, and looks at what was imported.
    """
    folder = str(_site(package)) if package.built else None
    heavy = ["torch", "pydantic", package.top]
    refuse(
        "Listing imports neither torch nor the plugin",
        _told(_LISTING, [sys.path, folder, heavy]),
        "Name a file of the top-level package in the entry point, and ship no `.pth` file.",
    )


@check(claimed=is_plugin)
def importing_is_quiet(package: Package) -> None:
    """Importing the plugin's modules opens no connection and changes no global state.

    A new process imports every module that the registry file names, and compares the random
    states, torch's settings and the working folder with those before. The environment's variables
    aren't compared: scikit-learn sets some, and a plugin may need it.
    """
    modules = sorted({package.top, *_modules(package)})
    refuse(
        "Importing opens no connection and changes no global state",
        _told(_IMPORTING, [sys.path, modules]),
        "Do it where it is needed, in a function; take randomness from `rng`.",
    )


def _modules(package: Package) -> set[str]:
    """Give the modules that the registry file names."""
    plugin: Any = package.registry.get("plugin") or {}
    targets = [entry.get("class") for entry in package.entries("architectures").values()]
    targets += [entry.get("target") for entry in (plugin.get("commands") or {}).values()]
    hooks = plugin.get("hooks") or {}
    return {str(t).partition(":")[0] for t in [*targets, hooks.get("module")] if t is not None}


def _site(package: Package) -> Path:
    """Give the folder that stands for site-packages."""
    return package.registry_path.parents[package.entry_point.value.count("/") + 1]


def _told(code: str, arguments: list[Any]) -> list[str]:
    """Run code in a new process and give the list that it prints."""
    command = [sys.executable, "-P", "-c", code, json.dumps(arguments)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, check=False, env=_quiet()
        )
    except subprocess.TimeoutExpired as error:
        raise ConformanceError("It takes seconds", received=f"none after {_PATIENCE:g}") from error
    if done.returncode != 0:
        end = f"it ended with {done.returncode}: {done.stderr.strip()[-300:]}"
        raise ConformanceError("A new process gets through it", received=end)
    return json.loads(done.stdout.strip().rpartition("\n")[2])


def _quiet() -> dict[str, str]:
    return {**os.environ, "PYTHONWARNINGS": "ignore"}


CHECKS = (listing_is_light, importing_is_quiet)
