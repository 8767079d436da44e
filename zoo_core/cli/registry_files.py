"""zoo registry"""

from __future__ import annotations

import click

from zoo_core.cli.lazy_group import Entry, LazyGroup

COMMANDS = {
    "check": Entry("registry_checking", "Validate registry files, strictly."),
    "add": Entry("registry_adding", "Add a model's entry to a registry file."),
}


@click.group("registry", cls=LazyGroup, entries=COMMANDS, no_args_is_help=True)
def command() -> None:
    """Check registry files, and add entries to them."""
