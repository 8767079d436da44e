"""zoo plugins new"""

from __future__ import annotations

import sys

import click

from zoo_core.cli.command import ZooCommand

_LICENSES = ("Apache-2.0", "MIT", "BSD-3-Clause")


@click.command(
    "new",
    cls=ZooCommand,
    examples=[
        "zoo plugins new zoo-plugin-mine",
        "zoo plugins new zoo-plugin-mine --author 'Ada Lovelace' --license MIT --defaults",
    ],
)
@click.argument("name", metavar="NAME")
@click.option(
    "--folder",
    default=".",
    type=click.Path(exists=True, file_okay=False),
    help="Where its folder is made; here by default.",
)
@click.option("--author", help="Who writes it.")
@click.option("--license", type=click.Choice(_LICENSES), help="Its license; Apache-2.0 by default.")
@click.option("--summary", help="What it holds, in one line.")
@click.option("--defaults", "--yes", is_flag=True, help="Ask nothing.")
def command(
    name: str,
    folder: str,
    author: str | None,
    license: str | None,
    summary: str | None,
    defaults: bool,
) -> None:
    """Start a plugin of your own: a whole repository that works.

    NAME is zoo-plugin- and the namespace of its models. The repository, a folder of that name, has
    a small model, its registry file, tests, a recipe, and workflows for CI and releases. In a
    terminal it asks for what isn't given. Needs copier: pip install 'zoo-core[author]'.
    """
    from pathlib import Path

    from zoo_core.scaffold import DEFAULT_SUMMARY, License, PluginName, make_repository

    plugin = PluginName.of(name)
    ask = not defaults and sys.stdin.isatty()
    made = make_repository(
        plugin,
        Path(folder),
        author=_answer("Author", author, f"The authors of {name}", ask),
        license=License(_answer("License", license, _LICENSES[0], ask, click.Choice(_LICENSES))),
        summary=_answer("Summary", summary, DEFAULT_SUMMARY, ask),
    )
    click.echo(made)
    click.echo(_NEXT.format(folder=made, namespace=plugin.namespace), err=True, nl=False)


def _answer(
    question: str, given: str | None, default: str, ask: bool, kind: click.Choice | None = None
) -> str:
    if given is not None:
        return given
    return click.prompt(question, default=default, type=kind, err=True) if ask else default


_NEXT = """\
A plugin is in {folder}. Next:

  cd {folder}
  git init
  python -m pip install --editable . --group dev    # pip 25.1 or newer
  pytest
  zoo plugins verify {namespace}
"""
