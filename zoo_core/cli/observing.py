"""What people type for the known part of samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zoo_core.cli.picture_files import is_picture_file, known_picture
from zoo_core.interfaces.documents import Documents

if TYPE_CHECKING:
    from zoo_core.interfaces.space import Space

observed_option = click.option(
    "--observed",
    "observed",
    multiple=True,
    metavar="TEXT",
    help="What is known: of text, the prompt; of a table's row, its cells, unknown ones left "
    "empty (1.5,,red); of sequences, the first codes (3,1,4). Repeat it for several.",
)
observed_file_option = click.option(
    "--observed-file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="The same from a file: .txt (one prompt), .jsonl, .csv, .npy, .safetensors; or a picture, "
    "drawn anew where it is transparent or --mask is white.",
)
mask_option = click.option(
    "--mask",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="A picture of the size of that in --observed-file: white is drawn, black is known.",
)


def parse_observed(texts: Sequence[str], file: str | None, mask: str | None, space: Space) -> Any:
    """Read what is known of samples, a row or sequence an item; None for nothing.

    Unknown entries are missing values. Raises UsageError and DataError.
    """
    if texts and file is not None:
        raise click.UsageError("give --observed or --observed-file, not both")
    if mask is not None and (file is None or not is_picture_file(file)):
        raise click.UsageError("--mask goes with a picture, given by --observed-file")
    gaps = space.model_copy(update={"missing": True})
    if file is not None:
        return known_picture(file, mask, gaps) if is_picture_file(file) else _of_file(file, gaps)
    if not texts:
        return None
    if space.tokenizer is not None:
        return gaps.sequences(list(texts))
    rows = [[cell.strip() for cell in text.split(",")] for text in texts]
    return _steps(rows, gaps) if space.ragged else _cells(rows, gaps)


def _of_file(file: str, gaps: Space) -> Any:
    """Read a file; a .txt is one prompt, without the line break that ends its last line."""
    from zoo_core.cli.inputs import read_data
    from zoo_core.cli.text_files import read_texts

    if gaps.tokenizer is not None and Path(file).suffix.lower() == ".txt":
        (text,) = read_texts(file, Documents.FILE)
        return gaps.sequences(text.removesuffix("\n"))
    x: Any = read_data(file, gaps).x
    alone = not gaps.ragged and tuple(x.shape) == gaps.shape
    return x[None] if alone else x


def _cells(rows: Sequence[Sequence[str]], gaps: Space) -> Any:
    from zoo_core.exchange import from_rows

    if len(gaps.shape) > 1:
        raise click.BadParameter(
            f"samples are arrays of shape {list(gaps.shape)}; give --observed-file, a .npy with "
            "NaN (of codes: -1) where nothing is known, or a picture.",
            param_hint="--observed",
        )
    return from_rows(gaps, rows)


def _steps(rows: Sequence[Sequence[str]], gaps: Space) -> Any:
    from zoo_core.exchange import from_rows
    from zoo_core.interfaces.ragged import Ragged

    if gaps.shape:
        raise click.BadParameter(
            f"steps are arrays of shape {list(gaps.shape)}; give --observed-file, a .csv.",
            param_hint="--observed",
        )
    return Ragged.of([from_rows(gaps, [[cell] for cell in row]) for row in rows])


def shared(observed: Any, n: int) -> Any:
    """Let several known parts share n samples in turn; one is known of all. Raises BadParameter."""
    import torch

    count = len(observed)
    if n % count:
        raise click.BadParameter(
            f"{n} samples can't be shared by {count} of --observed; give a multiple.",
            param_hint="--n",
        )
    if count == 1:
        return observed
    return observed[torch.arange(count).repeat_interleave(n // count)]
