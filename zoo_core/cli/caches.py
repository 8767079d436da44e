"""zoo cache"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import click

from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.endings import note
from zoo_core.cli.kept import Kept, index, model_named, models, verified
from zoo_core.cli.references import REFERENCE
from zoo_core.cli.sizes import human_size
from zoo_core.cli.tables import show_json, show_table


@click.group("cache", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show what the zoo keeps on this disk, and clear it.

    All of it can be made or downloaded again.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(show, as_json=False)


@command.command("show", cls=ZooCommand, examples=["zoo cache", "zoo cache show --json"])
@json_option
def show(as_json: bool) -> None:
    """Show what is kept, its size, and where.

    The models are those in the Hub's cache that the zoo has brought; other programs use it too.
    """
    found = [index(), verified(), *models()]
    if as_json:
        show_json([asdict(kept) for kept in found])
        return
    rows = [(k.name, human_size(k.size), f"{k.files}", k.folder, k.about) for k in found]
    show_table(("what", "size", "files", "folder", "about"), rows)


@command.command(
    "clear",
    cls=ZooCommand,
    examples=[
        "zoo cache clear --index --verified",
        "zoo cache clear --model hf://owner/repo --yes",
    ],
)
@click.option("--index", "the_index", is_flag=True, help="The compiled index of registry files.")
@click.option("--verified", "the_verified", is_flag=True, help="Which files were verified.")
@click.option(
    "--model",
    "refs",
    multiple=True,
    type=REFERENCE,
    help="A model's downloaded files, every revision of them; repeatable.",
)
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
def clear(the_index: bool, the_verified: bool, refs: Sequence[str], yes: bool) -> None:
    """Delete what is kept, after asking."""
    chosen = [index()] * the_index + [verified()] * the_verified + [model_named(r) for r in refs]
    if not chosen:
        raise click.UsageError("say what: --index, --verified or --model REF")
    for kept in chosen:
        _delete(kept, yes)


def _delete(kept: Kept, yes: bool) -> None:
    about = f"{kept.name}: {human_size(kept.size)} in {kept.folder}"
    if not kept.files:
        note(f"{kept.name}: nothing is kept.")
    elif yes or click.confirm(f"Delete {about}?", err=True):
        try:
            kept.delete()
        except OSError as error:
            text = f"{error.filename} can't be deleted: {error.strerror}."
            raise click.ClickException(text) from error
        click.echo(f"deleted {about}")
    else:
        note(f"{kept.name} is kept.")
