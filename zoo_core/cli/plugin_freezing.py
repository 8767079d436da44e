"""zoo plugins freeze"""

from __future__ import annotations

from pathlib import Path

import click

from zoo_core.cli.command import ZooCommand
from zoo_core.cli.outputs import STDOUT, writing


@click.command(
    "freeze",
    cls=ZooCommand,
    examples=["zoo plugins freeze", "zoo plugins freeze plugins.txt"],
)
@click.argument("file", default=STDOUT, type=click.Path(dir_okay=False, allow_dash=True))
def command(file: str) -> None:
    """Write down the installed plugins and their versions.

    FILE, or stdout, gets a requirements file of pins, which `zoo plugins restore` and pip read.
    What was installed from a folder or an address can't be pinned by a version, and stands there
    as a comment.
    """
    from zoo_core.installing import frozen

    text = frozen()
    if file == STDOUT:
        click.echo(text, nl=False)
        return
    path = Path(file)
    with writing(path):
        path.write_text(text, encoding="utf-8", newline="\n")
