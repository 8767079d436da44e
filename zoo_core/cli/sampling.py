"""zoo sample"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo_core.cli.command import ZooCommand
from zoo_core.cli.endings import note
from zoo_core.cli.outputs import SAMPLES, STDOUT, check_destination
from zoo_core.cli.references import REFERENCE
from zoo_core.cli.values import (
    condition_option,
    device_option,
    option_option,
    parse_conditions,
    parse_options,
    repeated,
)
from zoo_core.errors import UnsupportedError

if TYPE_CHECKING:
    from zoo_core.interfaces.generator import Generator

_SAMPLES = 16


@click.command(
    "sample",
    cls=ZooCommand,
    examples=[
        "zoo sample flows/nsf-digits --n 64 --seed 0 --out digits.png",
        "zoo sample flows/nsf-digits-by-class --condition 0,1,2,3,4 --n 40",
        "zoo sample flows/nsf-moons --n 1000 --out moons.png",
        "zoo sample flows/nsf-moons --n 5 --seed 1          # CSV on stdout",
    ],
)
@click.argument("ref", type=REFERENCE)
@click.option(
    "--n",
    "-n",
    metavar="N",
    type=click.IntRange(1),
    help="How many (16, or one a condition).",
)
@click.option(
    "--seed", metavar="N", type=click.IntRange(0), help="Same seed, same samples (default: new)."
)
@condition_option
@click.option("--out", "-o", metavar="FILE", help=f"{', '.join(SAMPLES)}, or - for CSV on stdout.")
@option_option
@click.option("--length", metavar="N", type=click.IntRange(0), help="How long sequences are.")
@click.option("--batch-size", metavar="N", type=click.IntRange(1), help="Samples drawn at once.")
@device_option
def command(
    ref: str,
    n: int | None,
    seed: int | None,
    conditions: tuple[str, ...],
    out: str | None,
    options: tuple[str, ...],
    length: int | None,
    batch_size: int | None,
    device: str | None,
) -> None:
    """Draw samples from a model.

    REF is a name of the registry, hf://owner/repo@revision, or a path with a slash or dot in
    front. The end of --out chooses the format: .png (a grid of pictures, or a scatter plot of
    points in the plane), .npy, .csv, .safetensors. Without --out, pictures go to samples.png (or
    samples-1.png … where that exists), anything else is printed as CSV.

    Several conditions share the samples in turn: --condition 0,1 --n 10 draws five of each.
    """
    check_destination(out, SAMPLES)
    settings = parse_options(options)
    model = _generator(ref, device)
    raw = parse_conditions(conditions, model)
    count = n or (_SAMPLES if raw is None or len(raw) == 1 else len(raw))
    told = repeated(raw, count)
    path = _path(out, model)
    _check(path, model)
    seed = secrets.randbelow(2**32) if seed is None else seed
    x = _draw(model, count, seed, told, length, batch_size, settings)
    about = {"model": ref, "seed": str(seed)}
    if path is None:
        from zoo_core.cli.outputs import csv_lines

        click.echo("\n".join(csv_lines(model.space, x)))
    else:
        _write(path, model, x, about, len(raw or [None]))
        click.echo(str(path))
    note(f"{count} samples of {ref}, seed {seed}.")


def _generator(ref: str, device: str | None) -> Generator:
    from zoo_core.cli.models import load_on
    from zoo_core.interfaces.generator import Generator

    model = load_on(ref, device)
    if not isinstance(model, Generator) or Generator not in model.provides:
        raise UnsupportedError(
            f"{ref} makes no samples", remedy="See `zoo list --provides Generator`."
        )
    return model


def _path(out: str | None, model: Generator) -> Path | None:
    """Choose the file; None is stdout."""
    from zoo_core.cli.outputs import new_path
    from zoo_core.exchange import is_picture

    if out == STDOUT:
        return None
    if out is not None:
        return Path(out)
    return new_path("samples", ".png") if is_picture(model.space) else None


def _check(path: Path | None, model: Generator) -> None:
    from zoo_core.cli.outputs import check_drawable, writer_of

    if path is None:
        return
    if writer_of(path) == ".png":
        check_drawable(model.space)
    if writer_of(path) == ".npy" and model.space.ragged:
        raise click.BadParameter("sequences go to .csv or .safetensors.", param_hint="--out")


def _draw(
    model: Generator,
    n: int,
    seed: int,
    condition: list[Any] | None,
    length: int | None,
    batch_size: int | None,
    options: dict[str, Any],
) -> Any:
    from zoo_core.interfaces.generator import DEFAULT_BATCH_SIZE
    from zoo_core.interfaces.randomness import rng

    return model.sample(
        n,
        condition=condition,
        lengths=length,
        rng=rng(seed, model.device),
        batch_size=batch_size or DEFAULT_BATCH_SIZE,
        **options,
    )


def _write(path: Path, model: Generator, x: Any, about: dict[str, str], kinds: int) -> None:
    from zoo_core.cli import outputs

    match outputs.writer_of(path):
        case ".png":
            each = len(x) // kinds
            outputs.write_picture(path, model.space, x, each if kinds > 1 and each > 1 else None)
        case ".npy":
            outputs.write_array(path, x)
        case ".csv":
            outputs.write_lines(path, outputs.csv_lines(model.space, x))
        case _:
            outputs.write_tensors(path, _tensors(x), about)


def _tensors(x: Any) -> dict[str, Any]:
    from zoo_core.interfaces.ragged import Ragged

    return {"values": x.values, "lengths": x.lengths} if isinstance(x, Ragged) else {"x": x}
