"""A command of the core: its help ends with examples, and it takes --debug like `zoo` itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import click


@final
class ZooCommand(click.Command):
    """A click command with examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = tuple(examples)
        # The flag itself is looked for by `Zoo.main`, wherever it stands.
        self.params.append(click.Option(["--debug"], is_flag=True, expose_value=False, hidden=True))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are, unwrapped."""
        if self.examples:
            with formatter.section("Examples"):
                indent = " " * formatter.current_indent
                formatter.write("".join(f"{indent}{line}\n" for line in self.examples))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
