"""Dataset: rows, the space they lie in, and where they come from; and the request for one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, final

from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.documents import Documents
from zoo_core.interfaces.part import Part
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.rows import Rows
from zoo_core.interfaces.space import Space


@final
class Split(StrEnum):
    """A fixed part of a data set. `all` is every row, in the source's order."""

    TRAIN = "train"
    VALID = "valid"
    TEST = "test"
    ALL = "all"


@final
@dataclass(frozen=True, eq=False)
class Dataset:
    """One split of a data set.

    `data` are the rows: a Batch in memory, Rows, or a re-iterable of Batches. Conditions are what
    each row is told to be, int64 codes with their names in `classes`, or a vector a row.
    `alphabet` names the codes of text. `license` is an SPDX expression, `sha256` that of all rows
    and conditions of the data set, whatever the split. `exact` is the model of the zoo that the
    rows were drawn from, where there is one.
    """

    name: str
    split: Split
    data: Batch | Rows | Iterable[Batch]
    space: Space
    classes: tuple[str, ...] = ()
    alphabet: tuple[str, ...] = ()
    provenance: str = ""
    license: str = ""
    sha256: str = ""
    exact: Part | None = None
    characters: Tensor | None = None
    """How many characters of text each row of tokens stands for, `[n]`; None where that is what
    the space makes of it."""
    lossless: bool = True
    """Whether tokens give the text that they were made of again, to the character."""

    @property
    def x(self) -> Tensor:
        """The rows `[n, *space.shape]`. Raises DataError where they are not in memory."""
        x = self._in_memory().x
        if isinstance(x, Ragged):
            raise DataError(
                f"The rows of {self.name} have one shape",
                received="sequences of unequal length",
                remedy="Use data.x, which is Ragged.",
            )
        return x

    @property
    def condition(self) -> Any:
        """What each row is told to be, or None. Raises DataError where rows are not in memory."""
        return self._in_memory().condition

    @property
    def labels(self) -> Any:
        """The conditions, under the name that they have in a table with classes."""
        return self.condition

    def __len__(self) -> int:
        """How many rows there are. Raises DataError for a stream, which isn't counted."""
        if isinstance(self.data, Batch | Rows):
            return len(self.data)
        raise DataError(f"The rows of {self.name} can be counted", received="a stream of batches")

    def _in_memory(self) -> Batch:
        if isinstance(self.data, Batch):
            return self.data
        raise DataError(
            f"The rows of {self.name} are in memory",
            received=type(self.data).__name__,
            remedy="Go through `data`, which gives Batches.",
        )


@final
@dataclass(frozen=True)
class DataRequest:
    """What to open of a data set or a file.

    `condition` names the columns (of a safetensors file: the tensor; of a folder of pictures:
    "folder") that hold each row's condition, `columns` those with the data (none: all others),
    `weight` the one with the rows' weights. `space` says what the rows are where it can't be
    inferred; with `mixed`, the columns of text of a table are categories, named by their texts.
    `draws` asks a toy density for so many fresh rows. Files have no splits of their own: the
    shares say how many of their rows are kept for validation and test. `length` is that of the
    windows that text is cut into, `alphabet` the one of other text that its codes are to agree
    with. Where the space has a tokenizer, text becomes tokens: a row each of its `documents`, or
    each window of `length` tokens.
    """

    split: Split = Split.ALL
    condition: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    weight: str | None = None
    space: Space | None = None
    draws: int | None = None
    valid_share: float = 0.1
    test_share: float = 0.1
    length: int | None = None
    alphabet: tuple[str, ...] = ()
    mixed: bool = False
    documents: Documents = Documents.FILE

    def __post_init__(self) -> None:
        """Raise DataError for shares that leave nothing to train on, or for a number below 1."""
        shares = (self.valid_share, self.test_share)
        if not (min(shares) >= 0 and sum(shares) < 1):
            raise DataError(
                "The shares of validation and test rows are 0 or more, together below 1",
                received=f"{shares[0]} and {shares[1]}",
            )
        for name, number in (("draws", self.draws), ("length", self.length)):
            if number is not None and number < 1:
                raise DataError(f"{name} is 1 or more", received=number)
