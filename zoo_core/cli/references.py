"""References to models as arguments: completed from the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, final

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


@final
class Reference(click.ParamType):
    """A registry name, hf://owner/repo@revision, file://… or a path with a slash or dot in front.

    With `architectures`, their names too.
    """

    name = "ref"

    def __init__(self, *, architectures: bool = False) -> None:
        self.architectures = architectures

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete names that start so; a path is left to the shell."""
        from click.shell_completion import CompletionItem

        if incomplete.startswith((".", "/", "~")):
            return [CompletionItem(incomplete, type="file")]
        from zoo_core.registry import list_architectures, list_models

        found = {model.name: model.summary for model in list_models(f"{incomplete}*")}
        if self.architectures:
            found |= {a.name: a.summary for a in list_architectures(f"{incomplete}*")}
        return [CompletionItem(name, help=help) for name, help in sorted(found.items())]


REFERENCE = Reference()
NAME = Reference(architectures=True)
