"""zoo registry check"""

from __future__ import annotations

import click

from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.tables import show_json


@click.command(
    "check",
    cls=ZooCommand,
    examples=["zoo registry check", "zoo registry check src/zoo_plugin_mine/registry.yaml"],
)
@click.argument("path", required=False, type=click.Path(exists=True, dir_okay=False))
@json_option
@click.pass_context
def command(ctx: click.Context, path: str | None, as_json: bool) -> None:
    """Validate one registry file, or every one that is in use, strictly.

    Prints `file:line: what is wrong` and exits with 1 where something is.
    """
    from zoo_core import registry
    from zoo_core.plugins import Level

    findings = registry.check(path)
    if as_json:
        show_json([finding._asdict() for finding in findings])
    else:
        for finding in findings:
            click.echo(str(finding))
    errors = sum(finding.level is Level.ERROR for finding in findings)
    if not as_json:
        click.echo(f"{errors} errors." if errors else "valid.", err=True)
    ctx.exit(1 if errors else 0)
