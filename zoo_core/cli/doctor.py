"""zoo doctor"""

from __future__ import annotations

import click

from zoo_core.cli.checks import Check, Outcome, installation, network
from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.tables import show_json

_MARKS = {Outcome.OK: "ok     ", Outcome.WARNING: "warning", Outcome.ERROR: "error  "}
_COLOURS = {Outcome.OK: "green", Outcome.WARNING: "yellow", Outcome.ERROR: "red"}


@click.command("doctor", cls=ZooCommand, examples=["zoo doctor", "zoo doctor --network --json"])
@click.option("--network", "with_network", is_flag=True, help="Also try to reach the Hub.")
@json_option
@click.pass_context
def command(ctx: click.Context, with_network: bool, as_json: bool) -> None:
    """Check this installation: versions, plugins, folders.

    Makes no request without --network, which also tries the Hub. Exits with 1 where something is
    broken.
    """
    found = [*installation(), *(network() if with_network else [])]
    if as_json:
        show_json([check._asdict() for check in found])
    else:
        for check in found:
            _show(check)
    ctx.exit(1 if any(check.outcome is Outcome.ERROR for check in found) else 0)


def _show(check: Check) -> None:
    mark = click.style(_MARKS[check.outcome], fg=_COLOURS[check.outcome])
    remedy = f" {check.remedy}" if check.remedy else ""
    click.echo(f"{mark}  {check.subject}: {check.message}{remedy}")
