"""The group of all commands: the core's and the plugins', each imported when it is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, final

import click

from zoo_core import __version__
from zoo_core.cli.added import added, load_added, refuse_known
from zoo_core.cli.endings import Ending, ending_of, one_line_warnings
from zoo_core.cli.lazy_group import Entry

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


COMMANDS = {
    "list": Entry("listing", "List models by name."),
    "info": Entry("information", "Show all that is known of a model, an architecture or a format."),
    "sample": Entry("sampling", "Draw samples from a model."),
    "score": Entry("scoring", "Give the log-likelihood, in nats, of each row of a data file."),
    "pull": Entry("pulling", "Download a model's files, verify them, and print their folder."),
    "push": Entry("pushing", "Upload a model to a Hub, and print its registry entry."),
    "plugins": Entry("installed_plugins", "Show, start, check, install plugins."),
    "registry": Entry("registry_files", "Check registry files, and add entries to them."),
    "publish": Entry("bundle_publishing", "Upload a plugin's bundled weights and pin the commits."),
    "cache": Entry("caches", "Show what the zoo keeps on this disk, and clear it."),
    "doctor": Entry("doctor", "Check this installation: versions, plugins, folders."),
    "completion": Entry("completion", "Set up completion of commands and names in a shell."),
}


@final
class Zoo(click.Group):
    """A group that knows its commands' names and one-line helps without importing them."""

    def main(self, args: Sequence[str] | None = None, *others: Any, **settings: Any) -> Any:
        """Run, and turn every error into one line on stderr and an exit code."""
        arguments = list(sys.argv[1:] if args is None else args)
        if not settings.pop("standalone_mode", True):
            return super().main(arguments, *others, standalone_mode=False, **settings)
        settings.setdefault("prog_name", "zoo")
        with one_line_warnings():
            sys.exit(self._ending(arguments, others, settings).report("--debug" in arguments))

    def _ending(self, arguments: list[str], others: Any, settings: Any) -> Ending:
        try:
            code = super().main(arguments, *others, standalone_mode=False, **settings)
        except Exception as error:  # noqa: BLE001  here is where every error ends
            return ending_of(error)
        return Ending(code or 0)

    def invoke(self, ctx: click.Context) -> int:
        """Run the command; what it returns is nobody's exit code."""
        super().invoke(ctx)
        return 0

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the core's commands in their order, then the plugins'."""
        return [*COMMANDS, *(name for name in added() if name not in COMMANDS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command. Raises PluginError where a plugin's can't be."""
        if cmd_name in COMMANDS:
            module = importlib.import_module(f"zoo_core.cli.{COMMANDS[cmd_name].module}")
            return module.command
        return load_added(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; an unknown one gets the closest names, or what to install."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            import difflib

            refuse_known(name)
            close = difflib.get_close_matches(name, self.list_commands(ctx), n=2, cutoff=0.6)
            meant = f" Did you mean {' or '.join(close)}?" if close else ""
            raise click.UsageError(f"there is no command {name!r}.{meant}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands with their one-line helps."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])
        others = {name: c for name, c in added().items() if name not in COMMANDS}
        if others:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(
                    [(name, f"{c.help} ({c.distribution})") for name, c in others.items()]
                )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete commands by name, and options."""
        from click.shell_completion import CompletionItem

        helps = {name: entry.help for name, entry in COMMANDS.items()}
        helps |= {name: c.help for name, c in added().items() if name not in COMMANDS}
        found = [CompletionItem(n, help=h) for n, h in helps.items() if n.startswith(incomplete)]
        return [*found, *click.Command.shell_complete(self, ctx, incomplete)]


# The character \b keeps click from filling the lines of a paragraph.
HELP = """Load generative models by name: sample from them, score data with them, share them.

\b
Examples:
  zoo list 'flows/*'
  zoo sample flows/nsf-digits --n 64 --seed 0 --out digits.png
  zoo sample hf://openai-community/gpt2 --observed 'Once upon a time' --length 40
"""


@click.group(
    cls=Zoo,
    help=HELP,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Each command has a --help with examples. "
    "Exit codes: 0 done, 1 something is broken, 2 a mistake in what was asked.",
)
@click.version_option(__version__, message="zoo %(version)s")
@click.option("--debug", is_flag=True, expose_value=False, help="Show tracebacks of errors.")
@click.pass_context
def zoo(ctx: click.Context) -> None:
    """Show the help where no command is given."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
