"""A group of commands that knows their names and one-line helps without importing them."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, final

import click


class Entry(NamedTuple):
    """Where a command of the core lives, a module of `zoo_core.cli`, and its line in the help."""

    module: str
    help: str


@final
class LazyGroup(click.Group):
    """A group of the core's commands; each module has one, named `command`."""

    def __init__(
        self,
        *args: Any,
        entries: Mapping[str, Entry],
        examples: Sequence[str] = (),
        **settings: Any,
    ) -> None:
        super().__init__(*args, **settings)
        self.entries = entries
        self.examples = tuple(examples)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names, in their order."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command; None for no such name."""
        if cmd_name not in self.entries:
            return None
        return importlib.import_module(f"zoo_core.cli.{self.entries[cmd_name].module}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their one-line helps."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.entries.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are, unwrapped."""
        if self.examples:
            with formatter.section("Examples"):
                formatter.write("".join(f"  {line}\n" for line in self.examples))
