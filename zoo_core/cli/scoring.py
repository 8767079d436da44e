"""zoo score"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo_core.cli.command import ZooCommand
from zoo_core.cli.endings import note
from zoo_core.cli.outputs import SCORES, STDOUT, check_destination
from zoo_core.cli.references import REFERENCE
from zoo_core.cli.values import (
    condition_option,
    device_option,
    option_option,
    parse_conditions,
    parse_options,
)
from zoo_core.errors import DataError, UnsupportedError
from zoo_core.interfaces.documents import Documents

if TYPE_CHECKING:
    from torch import Tensor

    from zoo_core.cli.inputs import Data
    from zoo_core.interfaces.density import DensityModel

_ROWS = 1024


@click.command(
    "score",
    cls=ZooCommand,
    examples=[
        "zoo score flows/nsf-moons points.csv",
        "zoo score flows/nsf-digits-by-class digits.csv --condition-column label --out scores.npy",
        "zoo sample flows/nsf-moons --n 100 | zoo score flows/nsf-moons -",
        "zoo score hf://openai-community/gpt2 sentences.txt",
    ],
)
@click.argument("ref", type=REFERENCE)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
@condition_option
@click.option(
    "--condition-column",
    "condition_columns",
    multiple=True,
    metavar="NAME",
    help="The column of FILE that holds each row's condition; for vectors repeat it. In a "
    ".safetensors file: a tensor.",
)
@click.option(
    "--documents",
    type=click.Choice([one.value for one in Documents]),
    help="What one text of a text file is (lines).",
)
@click.option("--out", "-o", metavar="FILE", help=f"{', '.join(SCORES)}, or - for stdout.")
@option_option
@click.option(
    "--seed",
    metavar="N",
    type=click.IntRange(0),
    default=0,
    help="Of stochastic bounds (0).",
)
@click.option(
    "--batch-size", metavar="N", type=click.IntRange(1), default=_ROWS, help="Rows at once."
)
@device_option
def command(
    ref: str,
    file: str,
    conditions: tuple[str, ...],
    condition_columns: tuple[str, ...],
    documents: str | None,
    out: str | None,
    options: tuple[str, ...],
    seed: int,
    batch_size: int,
    device: str | None,
) -> None:
    """Give the log-likelihood, in nats, of each row of a data file.

    FILE is .csv (with or without a line of column names; - is stdin), .npy or .safetensors (its
    only tensor, or the one called x). For a model of text it is also .txt, a text a line unless
    --documents says otherwise (- is stdin), or .jsonl, lines such as {"text": "…"}. One number a
    row goes to stdout or --out; what kind of likelihood it is, and the mean, to stderr.
    """
    check_destination(out, SCORES)
    if conditions and condition_columns:
        raise click.UsageError("give --condition or --condition-column, not both")
    settings = parse_options(options)
    model = _density_model(ref, device)
    data = _read(file, model, condition_columns, documents)
    told = data.conditions if condition_columns else parse_conditions(conditions, model)
    if told is not None and len(told) not in (1, len(data.x)):
        raise DataError(
            "There is one condition for all rows, or one for each",
            received=f"{len(told)} conditions for {len(data.x)} rows",
        )
    scores = _score(model, data.x, told, seed, batch_size, settings)
    _write(out, scores, ref)
    note(_summary(model, data.x, scores, settings))


def _density_model(ref: str, device: str | None) -> DensityModel:
    from zoo_core.cli.models import load_on
    from zoo_core.interfaces.density import DensityModel

    model = load_on(ref, device)
    if not isinstance(model, DensityModel) or DensityModel not in model.provides:
        raise UnsupportedError(
            f"{ref} gives no likelihood", remedy="See `zoo list --provides DensityModel`."
        )
    return model


def _read(
    file: str, model: DensityModel, condition_columns: tuple[str, ...], documents: str | None
) -> Data:
    from zoo_core.cli.inputs import Data, read_data

    if documents is not None and model.space.tokenizer is None:
        raise click.UsageError("--documents is for models of text")
    data = read_data(file, model.space, condition_columns, Documents(documents or Documents.LINES))
    conditions = data.conditions
    if isinstance(conditions, list):
        cells = [",".join(row) for row in conditions]
        conditions = parse_conditions(cells, model)
    return Data(data.x.to(model.device), conditions)


def _score(
    model: DensityModel,
    x: Any,
    conditions: Any,
    seed: int,
    batch_size: int,
    options: dict[str, Any],
) -> Tensor:
    import torch

    from zoo_core.interfaces.randomness import rng

    generator, chunks = rng(seed, model.device), []
    with torch.no_grad():
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            several = conditions is not None and len(conditions) > 1
            told = conditions[rows] if conditions is not None and several else conditions
            chunks.append(model.log_prob(x[rows], condition=told, rng=generator, **options))
    return torch.cat(chunks).cpu()


def _write(out: str | None, scores: Tensor, ref: str) -> None:
    from zoo_core.cli import outputs

    lines = map(str, scores.numpy().astype(str))
    if out is None or out == STDOUT:
        click.echo("\n".join(lines))
        return
    path = Path(out)
    match outputs.writer_of(path):
        case ".csv":
            outputs.write_lines(path, iter(["log_prob", *lines]))
        case ".npy":
            outputs.write_array(path, scores)
        case _:
            outputs.write_tensors(path, {"log_prob": scores}, {"model": ref})
    click.echo(str(path))


def _summary(model: DensityModel, x: Any, scores: Tensor, options: dict[str, Any]) -> str:
    density = model.density_of(**options)
    how = f" ({density.how})" if density.how else ""
    mean = float(scores.double().mean())
    text = (
        f"log-likelihood in nats of {len(scores):,} rows, kind {density.kind}, "
        f"measure {density.measure}{how}: mean {mean:.4f}"
    )
    if model.space.kind.discrete and not model.space.ragged:
        text += f" or {-mean / max(model.space.size, 1) / math.log(2):.4f} bits/dim"
    tokenizer = model.space.tokenizer
    if tokenizer is not None and len(x.values):
        each = float(scores.double().sum()) / len(x.values)
        text += f" or {-each:.4f} nats a token ({tokenizer.name})"
    return f"{text}."
