"""zoo leaderboard"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from zoo_core.checkpoints.figures import shown
from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.endings import note
from zoo_core.cli.tables import in_terminal, show_json, show_table
from zoo_core.cli.values import device_option
from zoo_plugin_evaluation.ranking import SPLITS, Ranking, Standing, rankings
from zoo_plugin_evaluation.registered_figures import models_of, standings_of

if TYPE_CHECKING:
    from zoo_core.registry import ModelSummary

_HEADINGS = ("place", "model", "value", "n", "parameters")


@click.command(
    "leaderboard",
    cls=ZooCommand,
    examples=[
        "zoo leaderboard digits",
        "zoo leaderboard moons --metric 'KL divergence'",
        "zoo leaderboard moons --run --metric coverage",
    ],
)
@click.argument("dataset")
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Only these figures.")
@click.option("--split", type=click.Choice(SPLITS), help="Only figures on this split.")
@click.option("--run", is_flag=True, help="Measure the installed models anew.")
@device_option
@json_option
def command(
    dataset: str,
    metrics: tuple[str, ...],
    split: str | None,
    run: bool,
    device: str | None,
    as_json: bool,
) -> None:
    """Rank all registered models of a data set by their figures.

    There is one ranking for each metric, kind of likelihood, measure, split and protocol: what
    isn't measured alike is never ranked together. Figures are those of the registry, or with
    --run those measured now. Into a pipe go tab-separated lines: metric, kind, measure, split,
    place, model, value, standard error, n, parameters, protocol.
    """
    models = models_of(dataset)
    if run:
        found = _measured(models, metrics, split, device)
    else:
        found = [s for s in standings_of(models) if _asked(s, metrics, split)]
    if not found:
        note(f"no such figure of {dataset} is registered; --run measures the installed models.")
    _show(rankings(found), as_json)


def _asked(standing: Standing, metrics: Sequence[str], split: str | None) -> bool:
    name = str(standing.figure.get("name"))
    named = not metrics or any(name == m or name.startswith((f"{m} (", f"{m}, ")) for m in metrics)
    return named and split in (None, standing.figure.get("split"))


def _measured(
    models: Sequence[ModelSummary], metrics: tuple[str, ...], split: str | None, device: str | None
) -> list[Standing]:
    """Measure every installed model; one that can't be measured so is said and left out."""
    from zoo_core.errors import ZooError
    from zoo_plugin_evaluation.fresh_figures import measured

    found: list[Standing] = []
    for model in models:
        if not model.installed:
            note(f"{model.name} is left out: {model.install or 'its plugin is not usable'}.")
            continue
        try:
            fresh = measured(model.name, metrics, split, device)
        except ZooError as error:
            note(f"{model.name} is left out: {error}")
            continue
        found += [Standing(model.name, figure.fields(), model.parameters) for figure in fresh]
    return found


def _show(found: Sequence[Ranking], as_json: bool) -> None:
    if as_json:
        show_json([_plain(ranking) for ranking in found])
    elif in_terminal():
        for ranking in found:
            click.echo(
                f"{click.style(ranking.title, bold=True)}, {ranking.split}: {ranking.protocol}"
            )
            show_table(_HEADINGS, [_cells(*place) for place in ranking.places()])
    else:
        show_table((), [line for ranking in found for line in _lines(ranking)])


def _cells(place: str, standing: Standing) -> Sequence[str]:
    n, parameters = standing.figure.get("n"), standing.parameters
    return (
        place,
        standing.model,
        shown(standing.value, standing.error),
        "" if n is None else f"{n:,}",
        "" if parameters is None else f"{parameters:,}",
    )


def _lines(ranking: Ranking) -> list[Sequence[str]]:
    about = (ranking.metric, ranking.kind, ranking.measure, ranking.split)
    return [
        (
            *about,
            place,
            standing.model,
            repr(standing.value),
            "" if standing.error is None else repr(standing.error),
            str(standing.figure.get("n") or ""),
            "" if standing.parameters is None else str(standing.parameters),
            ranking.protocol,
        )
        for place, standing in ranking.places()
    ]


def _plain(ranking: Ranking) -> dict[str, Any]:
    return {
        "metric": ranking.metric,
        "kind": ranking.kind or None,
        "measure": ranking.measure or None,
        "split": ranking.split,
        "protocol": ranking.protocol,
        "best": str(ranking.best),
        "models": [
            {
                "place": int(place) if place else None,
                "model": standing.model,
                "value": standing.value,
                "standard_error": standing.error,
                "n": standing.figure.get("n"),
                "parameters": standing.parameters,
            }
            for place, standing in ranking.places()
        ],
    }
