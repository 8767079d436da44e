"""zoo publish"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.endings import note
from zoo_core.cli.tables import show_json

if TYPE_CHECKING:
    from zoo_core.publishing.bundled import Published


@click.command(
    "publish",
    cls=ZooCommand,
    examples=[
        "zoo publish . --owner me --dry-run",
        "zoo publish mine --owner me --only 'digits-*'",
    ],
)
@click.argument("plugin", metavar="[NAMESPACE|FOLDER]", default=".")
@click.option("--owner", required=True, help="The user or organisation that has the repositories.")
@click.option("--only", default="*", metavar="PATTERN", help="The models to publish, by name.")
@click.option("--dry-run", is_flag=True, help="Compare the files, and send nothing.")
@json_option
def command(plugin: str, owner: str, only: str, dry_run: bool, as_json: bool) -> None:
    """Upload a plugin's bundled weights and pin the commits.

    Each model goes to OWNER/NAME on a Hub, its commit into the registry file. The plugin is the
    one whose source you are in, a folder of its source, or the namespace of one that is
    installed from its source. A run that was interrupted goes on where it stopped. Log in by
    `hf auth login`, or set HF_TOKEN.
    """
    from zoo_core.publishing.bundled import publish
    from zoo_core.publishing.registry_place import source_file

    path = source_file(plugin)
    done = []
    for published in publish(path, owner, only=only, dry_run=dry_run):
        done.append(published)
        if not as_json:
            _show(published)
    if as_json:
        show_json([vars(published) for published in done])
    if not dry_run:
        note(f"the commits are in {path}.")


def _show(published: Published) -> None:
    commit = "" if published.commit is None else f"@{published.commit}"
    click.echo(f"{published.name}\t{published.step}\thf://{published.repo}{commit}")
