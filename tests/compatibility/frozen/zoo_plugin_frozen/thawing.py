"""A command of plugin API 0."""

import click


@click.command("thaw")
def command() -> None:
    """Say that it works."""
    click.echo("still frozen")
