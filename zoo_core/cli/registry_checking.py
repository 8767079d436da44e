"""zoo registry check"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.tables import show_json

if TYPE_CHECKING:
    from zoo_core.plugins import Finding

_FILE = click.Path(exists=True, dir_okay=False)


@click.command(
    "check",
    cls=ZooCommand,
    examples=[
        "zoo registry check",
        "zoo registry check --files src/zoo_plugin_mine/registry.yaml",
        "zoo registry check --online --against old.yaml registry.yaml",
    ],
)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=_FILE)
@click.option("--files", is_flag=True, help="Hash the bundled files too.")
@click.option(
    "--online", is_flag=True, help="Ask the Hub for pinned files, and pip's index for releases."
)
@click.option("--against", type=_FILE, help="An older version: judge what was changed since.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    paths: tuple[str, ...],
    files: bool,
    online: bool,
    against: str | None,
    as_json: bool,
) -> None:
    """Validate registry files, or every one that is in use, strictly.

    Prints `file:line: what is wrong` and exits with 1 where something is; warnings alone leave 0.
    """
    from zoo_core.plugins import Level

    if not paths and (online or against):
        raise click.UsageError("--online and --against need the PATH of a file")
    if against and len(paths) != 1:
        raise click.UsageError("--against compares one PATH")
    findings = _findings(paths, files=files, online=online, against=against)
    errors = sum(finding.level is Level.ERROR for finding in findings)
    if as_json:
        show_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            click.echo(_line(finding))
        click.echo(f"{errors} errors." if errors else "valid.", err=True)
    ctx.exit(1 if errors else 0)


def _findings(
    paths: tuple[str, ...], *, files: bool, online: bool, against: str | None
) -> list[Finding]:
    """Check the files; what is published is asked only about those that are valid."""
    from zoo_core import registry
    from zoo_core.plugins import Level

    found: list[Finding] = []
    for path in paths or (None,):
        here = registry.check(path, files=files)
        broken = any(finding.level is Level.ERROR for finding in here)
        found += here
        if path is None or broken:
            continue
        if against is not None:
            from zoo_core.registry.proposal import check_against

            found += check_against(path, against)
        if online:
            from zoo_core.publishing.online_checking import check_online

            found += check_online(path)
    return found


def _line(finding: Finding) -> str:
    from zoo_core.plugins import Level

    if finding.level is not Level.WARNING:
        return str(finding)
    return str(finding._replace(message=f"warning: {finding.message}"))
