"""zoo compare"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo_core.cli.command import ZooCommand
from zoo_core.cli.endings import note
from zoo_core.cli.outputs import check_destination, writing
from zoo_core.cli.references import REFERENCE
from zoo_core.cli.values import device_option

if TYPE_CHECKING:
    from zoo_plugin_evaluation.comparison import Contender

_PAGES = (".html", ".md")


@click.command(
    "compare",
    cls=ZooCommand,
    examples=[
        "zoo compare digits",
        "zoo compare moons --out moons.md",
        "zoo compare digits flows/nsf-digits ./runs/mine/model --metric coverage",
    ],
)
@click.argument("dataset")
@click.argument("models", nargs=-1, type=REFERENCE)
@click.option("--out", "-o", metavar="FILE", help=f"{', '.join(_PAGES)} (DATASET.html).")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="These figures only.")
@click.option(
    "--samples",
    metavar="N",
    type=click.IntRange(2),
    default=2000,
    help="Of each model, and rows that they are compared with (2000).",
)
@device_option
def command(
    dataset: str,
    models: tuple[str, ...],
    out: str | None,
    metrics: tuple[str, ...],
    samples: int,
    device: str | None,
) -> None:
    """Make a page of models of one data set: samples, figures and cost, the data first.

    Without MODELS it shows all registered ones that can be used here. An .html page is one file;
    beside an .md page lies a folder of its pictures.
    """
    path = Path(out if out is not None else f"{Path(dataset).stem}.html")
    check_destination(str(path), _PAGES)
    contenders = _contenders(dataset, models or _registered(dataset), metrics, samples, device)
    if not contenders:
        raise click.ClickException(f"no model of {dataset} can be compared here.")
    _write(contenders, path)
    click.echo(str(path))


def _registered(dataset: str) -> tuple[str, ...]:
    from zoo_plugin_evaluation.registered_figures import models_of

    found = models_of(dataset)
    for model in found:
        if not model.installed:
            note(f"{model.name} is left out: {model.install or 'its plugin is not usable'}.")
    return tuple(model.name for model in found if model.installed)


def _contenders(
    dataset: str, refs: Sequence[str], metrics: tuple[str, ...], samples: int, device: str | None
) -> list[Contender]:
    """Load and measure each model; one that can't be is said and left out."""
    from zoo_core.errors import ZooError
    from zoo_plugin_evaluation.contenders import contender

    found: list[Contender] = []
    for ref in refs:
        note(f"measuring {ref}.")
        try:
            found.append(contender(dataset, ref, metrics, samples, device))
        except ZooError as error:
            note(f"{ref} is left out: {error}")
    return found


def _write(contenders: Sequence[Contender], path: Path) -> None:
    from zoo_plugin_evaluation.live_comparison import write_page

    with writing(path):
        write_page(contenders, path)
