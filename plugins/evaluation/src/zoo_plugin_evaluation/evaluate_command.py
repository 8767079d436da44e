"""zoo evaluate"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.endings import note
from zoo_core.cli.references import REFERENCE
from zoo_core.cli.tables import show_json, show_pairs
from zoo_core.cli.values import device_option, option_option, parse_options
from zoo_core.interfaces.documents import Documents
from zoo_plugin_evaluation.ranking import SPLITS

if TYPE_CHECKING:
    from zoo_core.interfaces.metric import Metric
    from zoo_core.loading import Located


@click.command(
    "evaluate",
    cls=ZooCommand,
    examples=[
        "zoo evaluate flows/nsf-moons",
        "zoo evaluate flows/nsf-digits --metric 'Frechet distance' --metric coverage",
        "zoo evaluate flows/nsf-digits --metric all --json",
        "zoo evaluate runs/flowers/model --data new.csv --condition species",
        "zoo evaluate ./runs/digits/model --card",
        "zoo evaluate hf://openai-community/gpt2 --data book.txt --option stride=512",
        "zoo evaluate --list-metrics",
    ],
)
@click.argument("ref", type=REFERENCE, required=False)
@click.option("--data", metavar="REF", help="A data set's name, a file, a folder, hf://datasets/….")
@click.option("--split", type=click.Choice(SPLITS), help="Which rows (test; of other files: all).")
@click.option("--length", metavar="N", type=click.IntRange(1), help="Tokens of a text window.")
@click.option(
    "--documents",
    type=click.Choice([one.value for one in Documents]),
    help="What one text of a file is, for a model of text (file).",
)
@click.option("--condition", multiple=True, metavar="COLUMN", help="What a row's model is told.")
@click.option("--train", metavar="REF", help="The rows that the model was trained on.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME",
    help="A figure, or `all` that suit; repeatable. --list-metrics shows them.",
)
@click.option("--samples", metavar="N", type=click.IntRange(2), help="How many are drawn.")
@click.option("--draws", metavar="N", type=click.IntRange(1), help="Of a stochastic bound (16).")
@click.option("--seed", metavar="N", type=click.IntRange(0), default=0, help="Of all noise (0).")
@click.option(
    "--likelihood",
    type=click.Choice(["marginal", "conditional", "joint"]),
    help="Of a model of data and class: p(x), p(x | y) or p(x, y).",
)
@click.option("--batch-size", metavar="N", type=click.IntRange(1), help="Rows at once (1024).")
@option_option
@click.option("--card", is_flag=True, help="Write the figures into README.md of a saved model.")
@click.option("--list-metrics", is_flag=True, help="List the figures that can be asked for.")
@device_option
@json_option
def command(ref: str | None, list_metrics: bool, as_json: bool, card: bool, **asked: Any) -> None:
    """Measure figures of a model on data.

    REF is a model's name, or the path of a saved one. Without --data it is measured on the test
    split of what it was trained on. Each figure is told with its standard error, its kind, and the
    protocol by which it may be compared. --option goes to the model's likelihood. Into a pipe go
    tab-separated lines: metric, value, standard error, unit, n, kind, measure, split, settings,
    protocol.
    """
    if list_metrics:
        _list(as_json)
        return
    if ref is None:
        raise click.UsageError("say what to evaluate: zoo evaluate REF")
    folder = _card_folder(ref) if card else None
    dataset, metrics = _measured(ref, **asked)
    if folder is not None:
        from zoo_plugin_evaluation.readme import write_figures

        note(f"wrote {write_figures(folder, dataset, metrics)}.")
    if as_json:
        show_json([metric.fields() for metric in metrics])
    else:
        from zoo_plugin_evaluation.metric_rows import show_metrics

        show_metrics(metrics)


def _measured(
    ref: str,
    *,
    data: str | None,
    split: str | None,
    condition: tuple[str, ...],
    length: int | None,
    documents: str | None,
    train: str | None,
    metrics: tuple[str, ...],
    seed: int,
    device: str | None,
    options: tuple[str, ...],
    **settings: Any,
) -> tuple[str, tuple[Metric, ...]]:
    from zoo_core.cli.models import load_on
    from zoo_core.interfaces.dataset import Split
    from zoo_core.interfaces.metric import EvaluationRequest
    from zoo_core.interfaces.randomness import rng
    from zoo_core.plugins import facade
    from zoo_plugin_evaluation.catalogue import wanted_all
    from zoo_plugin_evaluation.data_choice import choice_of
    from zoo_plugin_evaluation.training_rows import training_rows

    wanted = wanted_all(metrics)
    given = {name: value for name, value in settings.items() if value is not None}
    given["log_prob"] = parse_options(options)
    model = load_on(ref, device)
    choice, usual = choice_of(data, ref)
    told = None if documents is None else Documents(documents)
    choice = choice.reading(condition=condition, length=length, documents=told)
    opened = choice.open(Split(split or usual), model.space)
    if not metrics and model.space.tokenizer is not None and not opened.lossless:
        note(f"bits/character is left out: the tokens of {opened.name} don't give its text again.")
    rows = training_rows(ref, model, train, wanted)
    request = EvaluationRequest(opened, rows, metrics, rng(seed), given)
    return opened.name, facade.evaluate(model, request)


def _list(as_json: bool) -> None:
    from zoo_plugin_evaluation.catalogue import described

    found = described()
    if as_json:
        show_json(found)
    else:
        show_pairs(list(found.items()))


def _card_folder(ref: str) -> Path:
    """Give the folder of a saved model that is the caller's own. Raises UsageError for others."""
    from zoo_core.loading import locate

    located: Located = locate(ref)
    config = located.files.get("config.json")
    if located.pin is not None or config is None:
        raise click.UsageError(
            f"the card of {ref} belongs to its publisher; save a copy and write that one: "
            f"zoo.save(zoo.load({ref!r}), 'mine'), zoo evaluate ./mine --card"
        )
    return config.parent
