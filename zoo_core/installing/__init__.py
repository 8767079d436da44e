"""Installing plugins, by pip or uv, into the environment of the running interpreter.

    Environment.here().check(action)    whether the environment is the user's to change
    requirement(text)                   what a namespace, a distribution or a wheel's path means
    Installer.found()                   pip, or uv where there is no pip; it makes the commands
    frozen(), pins(path)                the installed plugins as pins, and such a file read

Nothing here runs but `run`. Loading a model never installs anything.
"""

from zoo_core.installing.environment import Action, Environment
from zoo_core.installing.freezing import frozen, pins
from zoo_core.installing.installer import Installer, Options, run
from zoo_core.installing.requirement import Wanted, installed_plugin, requirement

__all__ = [
    "Action",
    "Environment",
    "Installer",
    "Options",
    "Wanted",
    "frozen",
    "installed_plugin",
    "pins",
    "requirement",
    "run",
]
