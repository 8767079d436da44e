"""zoo pull"""

from __future__ import annotations

import click

from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.endings import note
from zoo_core.cli.references import REFERENCE
from zoo_core.cli.tables import show_json


@click.command(
    "pull",
    cls=ZooCommand,
    examples=["zoo pull flows/nsf-digits", "zoo pull hf://owner/repo@v1 --json"],
)
@click.argument("ref", type=REFERENCE)
@json_option
def command(ref: str, as_json: bool) -> None:
    """Download a model's files, verify them, and print their folder.

    They go to the cache of the Hub; afterwards the model loads without a network.
    """
    from zoo_core.loading import pull

    located = pull(ref)
    files = {name: str(path) for name, path in located.files.items()}
    if as_json:
        show_json({"ref": ref, "pin": located.pin, "files": files})
        return
    click.echo(str(located.folder))
    if located.pin is not None and located.pin != ref:
        note(f"pinned: {located.pin}")
