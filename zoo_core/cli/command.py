"""A command of the core: its help ends with examples, and it takes --debug like `zoo` itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import click

_FLAGS = {
    "rng": "seed",
    "n": "n",
    "condition": "condition",
    "observed": "observed",
    "lengths": "length",
    "steps": "steps",
    "epochs": "epochs",
    "learning_rate": "learning-rate",
}
"""The flags of commands for the arguments of public methods."""
_HOLDERS = {"options": "--option", "fit_options": "--fit"}
"""The parameters that hold what a model or a trainer declares, and their flags."""


@final
class ZooCommand(click.Command):
    """A click command with examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.examples = tuple(examples)
        # The flag itself is looked for by `Zoo.main`, wherever it stands.
        self.params.append(click.Option(["--debug"], is_flag=True, expose_value=False, hidden=True))

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse; an unknown option gets a hint at what it is called here."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            hint = self._meant(error.option_name)
            if not hint:
                raise
            raise click.UsageError(f"no such option {error.option_name!r}. {hint}", ctx) from None

    def _meant(self, option: str) -> str:
        """Say how this command takes what other programs call by an option; "" if it doesn't."""
        from zoo_core.interfaces.synonyms import synonyms

        name = option.lstrip("-").replace("-", "_")
        own = {f"--{_FLAGS.get(here, here)}" for here in synonyms(name, _FLAGS)}
        own &= {flag for param in self.params for flag in param.opts}
        if own:
            return f"Did you mean {' or '.join(sorted(own))}?"
        ours = {param.name for param in self.params}
        takers = [flag for holder, flag in _HOLDERS.items() if holder in ours]
        return f"An option of the model's own is {takers[0]} {name}=…" if takers else ""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they are, unwrapped."""
        if self.examples:
            with formatter.section("Examples"):
                indent = " " * formatter.current_indent
                formatter.write("".join(f"{indent}{line}\n" for line in self.examples))


json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
