"""Samples and scores on their way into files."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from torch import Tensor

    from zoo_core.interfaces.ragged import Ragged
    from zoo_core.interfaces.space import Space

STDOUT = "-"
SAMPLES = (".png", ".wav", ".gif", ".txt", ".jsonl", ".npy", ".csv", ".safetensors")
SCORES = (".csv", ".npy", ".safetensors")
_MOST_TILES = 1024


def check_destination(out: str | None, suffixes: Sequence[str]) -> None:
    """Refuse, before any work, what can't be written. Raises BadParameter."""
    if out is None or out == STDOUT:
        return
    path = Path(out)
    if path.suffix.lower() not in suffixes:
        raise click.BadParameter(
            f"{out!r}; a file ends in {', '.join(suffixes)}, and - is stdout.", param_hint="--out"
        )
    if not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}.", param_hint="--out")


def new_path(stem: str, suffix: str) -> Path:
    """Give a file name in this folder that no file has."""
    names = (f"{stem}{'' if i == 0 else f'-{i}'}{suffix}" for i in itertools.count())
    return next(path for name in names if not (path := Path(name)).exists())


def check_drawable(space: Space) -> None:
    """Raise BadParameter where samples can't be drawn."""
    from zoo_core.exchange import is_picture

    if not is_picture(space) and not is_plane(space):
        raise click.BadParameter(
            f"pictures or points in the plane are drawn; samples are {space.kind} of shape "
            f"{list(space.shape)}. Write .csv, .npy or .safetensors.",
            param_hint="--out",
        )


def is_plane(space: Space) -> bool:
    """Whether samples are points in the plane."""
    return space.shape == (2,) and not space.ragged


def write_picture(path: Path, space: Space, x: Tensor, across: int | None = None) -> None:
    """Write a grid of pictures, or a scatter plot."""
    from zoo_core.cli.endings import note
    from zoo_core.exchange import columns, grid, is_picture, scatter, to_images

    if is_picture(space):
        if len(x) > _MOST_TILES:
            note(f"the picture shows the first {_MOST_TILES:,} of {len(x):,} samples.")
        page = grid(to_images(space, x[:_MOST_TILES]), columns=across)
    else:
        first, second = columns(space)
        page = scatter(x, names=(first, second))
    with writing(path):
        page.save(path)


def csv_lines(space: Space, x: Tensor | Ragged) -> Iterator[str]:
    """Give the lines of a table: column names, then a row a sample (of sequences: a step)."""
    from zoo_core.exchange import columns, to_rows
    from zoo_core.interfaces.ragged import Ragged

    if not isinstance(x, Ragged) and any(e.names or space.entries for e in space.entry_spaces):
        yield _line(columns(space))
        yield from (_line(row.values()) for row in to_rows(space, x))
        return
    values = x.values if isinstance(x, Ragged) else x
    array = values.detach().cpu().flatten(1).numpy() if values.ndim > 1 else values[:, None].numpy()
    # numpy writes the shortest text that reads back to the same number.
    cells = array.astype(str)
    cells[space.is_missing(values).reshape(cells.shape).cpu().numpy()] = ""
    yield _line(["sequence"] * isinstance(x, Ragged) + list(columns(space)))
    if isinstance(x, Ragged):
        owners = (i for i, length in enumerate(x.lengths.tolist()) for _ in range(length))
        yield from (f"{i},{','.join(row)}" for i, row in zip(owners, cells, strict=True))
    else:
        yield from map(",".join, cells)


def _line(cells: Iterable[Any]) -> str:
    """Write one line of a table, with quotes where they are needed."""
    import csv
    import io

    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def write_lines(path: Path, lines: Iterator[str]) -> None:
    """Write text, a line each."""
    with writing(path), path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)


def write_array(path: Path, x: Tensor) -> None:
    """Write a .npy file."""
    import numpy as np

    with writing(path), path.open("wb") as file:
        np.save(file, x.detach().cpu().numpy(), allow_pickle=False)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str]) -> None:
    """Write a .safetensors file; `about` becomes its metadata."""
    from safetensors.torch import save

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with writing(path):
        path.write_bytes(save(plain, dict(about)))


def writer_of(path: Path) -> str:
    """Give the suffix by which a file's format is chosen."""
    return path.suffix.lower()


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the system says of a file into one line."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise click.ClickException(
            f"{path} can't be written: {error.strerror or error}."
        ) from error
