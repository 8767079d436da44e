"""Importing what a plugin names: its class, its command, its hooks."""

from __future__ import annotations

import importlib
from functools import reduce
from types import ModuleType

from zoo_core.errors import PluginError


def import_module(name: str, distribution: str) -> ModuleType:
    """Import a plugin's module. Raises PluginError naming the distribution and the cause."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or "?"
        if name == missing or name.startswith(f"{missing}."):
            received, remedy = f"there is no module {missing}", f"Install {distribution} again."
        else:
            received = f"it needs the package {missing}, which is not installed"
            remedy = f"pip install {missing.partition('.')[0]}, or install {distribution} again."
        raise _error(name, distribution, received, remedy) from error
    except SyntaxError as error:
        received = f"a syntax error in {error.filename}:{error.lineno}: {error.msg}"
        remedy = f"Update it: pip install -U {distribution}."
        raise _error(name, distribution, received, remedy) from error
    except (Exception, SystemExit) as error:  # a stranger's code: anything may come
        received = f"{type(error).__name__}: {error}"
        remedy = f"Update it: pip install -U {distribution}."
        raise _error(name, distribution, received, remedy) from error


def import_target(target: str, distribution: str) -> object:
    """Import "module:attribute". Raises PluginError naming the distribution and the cause."""
    module_name, _, attribute = target.partition(":")
    module = import_module(module_name, distribution)
    try:
        return reduce(getattr, attribute.split("."), module)
    except AttributeError as error:
        raise PluginError(
            f"{distribution} says that {target} exists",
            received=str(error),
            remedy=f"Update it: pip install -U {distribution}.",
        ) from error


def _error(name: str, distribution: str, received: str, remedy: str) -> PluginError:
    rule = f"The module {name} of {distribution} can be imported"
    return PluginError(rule, received=received, remedy=remedy)
