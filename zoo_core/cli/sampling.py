"""zoo sample"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo_core.cli.command import ZooCommand
from zoo_core.cli.endings import note
from zoo_core.cli.observing import (
    mask_option,
    observed_file_option,
    observed_option,
    parse_observed,
    shared,
)
from zoo_core.cli.outputs import SAMPLES, STDOUT, check_destination
from zoo_core.cli.picture_files import with_pictures
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
        "zoo sample hf://openai-community/gpt2 --observed 'Once upon a time' --n 3 --length 40",
        "zoo sample ./inpainter --condition 'a cat' --observed-file room.png --mask mask.png",
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
@observed_option
@observed_file_option
@mask_option
@click.option("--out", "-o", metavar="FILE", help=f"{', '.join(SAMPLES)}, or - for stdout.")
@option_option
@click.option(
    "--length",
    metavar="N",
    type=click.IntRange(0),
    help="How long sequences are, what is known included; of text, in tokens.",
)
@click.option("--batch-size", metavar="N", type=click.IntRange(1), help="Samples drawn at once.")
@device_option
def command(
    ref: str,
    n: int | None,
    seed: int | None,
    conditions: tuple[str, ...],
    observed: tuple[str, ...],
    observed_file: str | None,
    mask: str | None,
    out: str | None,
    options: tuple[str, ...],
    length: int | None,
    batch_size: int | None,
    device: str | None,
) -> None:
    """Draw samples from a model.

    REF is a name of the registry, hf://owner/repo@revision, or a path with a slash or dot in
    front. The end of --out chooses the format: .png (a grid of pictures, or a scatter plot of
    points in the plane), .wav and .gif (sound and moving pictures, a file a sample: x-1.wav …),
    .txt and .jsonl (text), .npy, .csv, .safetensors. Without --out, pictures go to samples.png
    (or samples-1.png … where that exists), sound and moving pictures likewise, text is printed,
    and anything else is printed as CSV.

    Several conditions share the samples in turn: --condition 0,1 --n 10 draws five of each. So
    do several of --observed.
    """
    check_destination(out, SAMPLES)
    settings = parse_options(options)
    model = _generator(ref, device)
    settings = with_pictures(settings, model.SampleOptions)
    raw = parse_conditions(conditions, model)
    known = parse_observed(observed, observed_file, mask, model.space)
    count = n or _count(raw, known)
    told = repeated(raw, count)
    path = _path(out, model, count)
    _check(path, model)
    seed = secrets.randbelow(2**32) if seed is None else seed
    known = None if known is None else shared(known, count)
    x = _draw(model, count, seed, told, known, length, batch_size, settings)
    about = {"model": ref, "seed": str(seed)}
    if path is None:
        click.echo("\n".join(_printed(model, x)))
    else:
        for written in _write(path, model, x, about, len(raw or [None])):
            click.echo(str(written))
    note(f"{count} samples of {ref}, seed {seed}.")


def _count(conditions: list[Any] | None, known: Any) -> int:
    """Choose how many samples: one for each of several conditions or known parts."""
    several = max(len(each) for each in (conditions or [None], [None] if known is None else known))
    return several if several > 1 else _SAMPLES


def _generator(ref: str, device: str | None) -> Generator:
    from zoo_core.cli.models import load_on
    from zoo_core.interfaces.generator import Generator

    model = load_on(ref, device)
    if not isinstance(model, Generator) or Generator not in model.provides:
        raise UnsupportedError(
            f"{ref} makes no samples", remedy="See `zoo list --provides Generator`."
        )
    return model


def _path(out: str | None, model: Generator, n: int) -> Path | None:
    """Choose the file; None is stdout."""
    from zoo_core.cli.outputs import new_path
    from zoo_core.cli.recordings import new_recordings, usual_suffix
    from zoo_core.exchange import is_picture

    if out == STDOUT:
        return None
    if out is not None:
        return Path(out)
    if (suffix := usual_suffix(model.space)) is not None:
        return new_recordings(suffix, n)
    return new_path("samples", ".png") if is_picture(model.space) else None


def _check(path: Path | None, model: Generator) -> None:
    from zoo_core.cli import recordings, text_files
    from zoo_core.cli.outputs import check_drawable, writer_of

    suffix, space = None if path is None else writer_of(path), model.space
    if suffix == ".png":
        check_drawable(space)
    if suffix == ".npy" and space.ragged:
        raise click.BadParameter("sequences go to .csv or .safetensors.", param_hint="--out")
    if suffix in text_files.SUFFIXES and space.tokenizer is None:
        raise click.BadParameter(f"{suffix} is for text; samples are {space}.", param_hint="--out")
    if suffix in recordings.SUFFIXES and not recordings.is_recording(space, suffix):
        what = "waveforms" if suffix == ".wav" else "frames"
        raise click.BadParameter(
            f"{suffix} is for {what} with a rate; samples are {space}.", param_hint="--out"
        )


def _draw(
    model: Generator,
    n: int,
    seed: int,
    condition: list[Any] | None,
    known: Any,
    length: int | None,
    batch_size: int | None,
    options: dict[str, Any],
) -> Any:
    from zoo_core.interfaces.call import Observed
    from zoo_core.interfaces.generator import DEFAULT_BATCH_SIZE
    from zoo_core.interfaces.randomness import rng

    return model.sample(
        n,
        condition=condition,
        observed=None if known is None else Observed(known),
        lengths=length,
        rng=rng(seed, model.device),
        batch_size=batch_size or DEFAULT_BATCH_SIZE,
        **options,
    )


def _printed(model: Generator, x: Any) -> Iterator[str]:
    from zoo_core.cli.outputs import csv_lines
    from zoo_core.cli.text_files import shown

    space = model.space
    return csv_lines(space, x) if space.tokenizer is None else shown(space.texts(x))


def _write(
    path: Path, model: Generator, x: Any, about: dict[str, str], kinds: int
) -> Sequence[Path]:
    """Write samples; gives the files."""
    from zoo_core.cli import outputs, recordings, text_files

    space = model.space
    match outputs.writer_of(path):
        case ".png":
            each = len(x) // kinds
            outputs.write_picture(path, space, x, each if kinds > 1 and each > 1 else None)
        case ".npy":
            outputs.write_array(path, x)
        case ".csv":
            outputs.write_lines(path, outputs.csv_lines(space, x))
        case ".txt":
            outputs.write_lines(path, text_files.text_lines(space.texts(x)))
        case ".jsonl":
            outputs.write_lines(path, text_files.object_lines(space.texts(x)))
        case ".wav" | ".gif":
            return recordings.write_recordings(path, space, x)
        case _:
            outputs.write_tensors(path, _tensors(x), about)
    return [path]


def _tensors(x: Any) -> dict[str, Any]:
    from zoo_core.interfaces.ragged import Ragged

    return {"values": x.values, "lengths": x.lengths} if isinstance(x, Ragged) else {"x": x}
