"""The command line, `zoo`.

Nothing is imported before it is needed: a command's module when the command runs, torch when a
model is loaded, a plugin when one of its own commands is called.
"""

from __future__ import annotations


def main() -> None:
    """Run `zoo` with the process's arguments, and exit."""
    from zoo_core.cli.root import zoo

    zoo()
