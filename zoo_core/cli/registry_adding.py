"""zoo registry add"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.endings import note
from zoo_core.cli.tables import show_json

if TYPE_CHECKING:
    from zoo_core.publishing.adding import Addition


@click.command(
    "add",
    cls=ZooCommand,
    examples=[
        "zoo registry add hf://me/my-model",
        "zoo registry add ./runs/flowers/model --name mine/flowers --license data=CC0-1.0",
        "zoo registry add --plugin zoo-plugin-mine --to registry.yaml",
    ],
)
@click.argument("source", metavar="SOURCE")
@click.option(
    "--to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The registry file. Default: that of the plugin you are in, else one of your own.",
)
@click.option("--name", help="The model's name, namespace/name. Default: the repository's.")
@click.option("--summary", help="One line, where the card has none.")
@click.option(
    "--license",
    "licenses",
    multiple=True,
    metavar="WHAT=SPDX",
    help="A license of weights, code or data, where the card has none: weights=MIT.",
)
@click.option("--plugin", is_flag=True, help="Add a plugin's section to an index of plugins.")
@click.option("--replace", is_flag=True, help="Put it in the place of another entry of this name.")
@click.option("--dry-run", is_flag=True, help="Show the entry, and write nothing.")
@json_option
def command(
    source: str,
    to: Path | None,
    name: str | None,
    summary: str | None,
    licenses: tuple[str, ...],
    plugin: bool,
    replace: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Add a model's entry to a registry file, or a plugin's section to an index.

    SOURCE is a repository on the Hub (hf://OWNER/REPO@REVISION, or OWNER/REPO), or the path of a
    saved model. The model is loaded; its files are hashed, and its README.md is read for
    licenses, figures, data set, citation and tags. With --plugin, SOURCE is an installed
    distribution or a wheel. The rest of the file stays as it is.
    """
    from zoo_core.publishing.adding import Request, add_model, add_plugin
    from zoo_core.publishing.description import Statement

    if plugin and (name or summary or licenses or replace):
        raise click.UsageError("--plugin takes everything from the plugin's own registry file")
    statement = Statement(summary, _licenses(licenses))
    request = Request(to, name, statement, replace, dry_run)
    add = add_plugin if plugin else add_model
    _show(add(source, request, Path.cwd()), dry_run, as_json)


def _show(added: Addition, dry_run: bool, as_json: bool) -> None:
    if as_json:
        fields = {"name": added.name, "path": str(added.path), "outcome": added.outcome}
        show_json({**fields, "entry": added.entry, "notes": list(added.notes)})
        return
    click.echo(added.entry, nl=False)
    for text in added.notes:
        note(text)
    written = "would be " if dry_run and added.outcome.changes else ""
    note(f"{added.name}: {written}{added.outcome}, {added.path}")


def _licenses(texts: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in texts:
        what, equals, license = text.partition("=")
        if not equals or what not in ("weights", "code", "data"):
            raise click.BadParameter(
                f"{text!r} is not weights=…, code=… or data=…", param_hint="--license"
            )
        found[what] = license
    return found
