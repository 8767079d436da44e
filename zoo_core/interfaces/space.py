"""Space: what one sample is, and whether data are such samples."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self, final

import numpy as np
import pydantic
import torch
from torch import Tensor

from zoo_core.config import Config
from zoo_core.errors import DataError
from zoo_core.interfaces import cells, limits, pixels
from zoo_core.interfaces.kind import Kind as Kind
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.tokenizer import Tokenizer

_BOUNDS = {Kind.UNIT: (0.0, 1.0), Kind.ANGLE: (-math.pi, math.pi)}

_WHOLE_CODES = "Round them, or mark missing codes by -1 in a space with missing=True."
_WHOLE_COUNTS = (
    "Mark missing counts by -1 in a space with missing=True; for fractions, such as tf-idf, use a "
    "model of real numbers."
)


@final
class Space(Config):
    """What one sample is: its kind, shape, number of levels, and whether values may be missing.

    `shape` is the shape of one sample without the batch; with `ragged`, of one step of a
    sequence. Discrete kinds hold int64 codes `0 … levels-1`; a missing value is −1 there, and NaN
    where samples are floating. Counts are int64 numbers 0, 1, … without a largest one. `columns`
    names the entries of a flat sample.

    A mixed table has an entry space a column, `entries`: its samples are floating and hold the
    codes of discrete columns as whole numbers, a missing value as NaN.
    """

    kind: Kind
    shape: tuple[pydantic.NonNegativeInt, ...] = ()
    levels: pydantic.PositiveInt | None = None
    missing: bool = False
    ragged: bool = False
    columns: tuple[str, ...] | None = None
    names: tuple[str, ...] | None = None
    """What the levels of an ordinal or categorical space are called."""
    entries: tuple[Space, ...] | None = None
    """The space of each column of a mixed table."""
    rate: pydantic.PositiveFloat | None = None
    """Of a waveform `[channels, time]`: samples a second; of frames `[time, c, h, w]`: frames."""
    tokenizer: Annotated[
        pydantic.InstanceOf[Tokenizer] | None, pydantic.Field(exclude=True, repr=False)
    ] = None
    """How text becomes codes, of sequences of codes that are text. It isn't saved with a space: a
    model of text makes it from its own configuration."""

    @pydantic.model_validator(mode="after")
    def _consistent(self) -> Self:
        counted = self.kind in (Kind.ORDINAL, Kind.CATEGORICAL)
        if counted != (self.levels is not None):
            raise ValueError("levels is given for ordinal and categorical spaces, and only there")
        if self.columns is not None and self.shape != (len(self.columns),):
            raise ValueError("columns names each entry of a flat sample, once")
        if self.names is not None and len(set(self.names)) != self.levels:
            raise ValueError("names gives each level a name of its own")
        if self.tokenizer is not None and not (self.ragged and self.levels and not self.shape):
            raise ValueError("tokenizer is given for sequences of codes, one code a step")
        if self.rate is not None and (self.ragged or len(self.shape) not in (2, 4)):
            raise ValueError("rate is given for waveforms [channels, time] and frames [t, c, h, w]")
        self._check_entries()
        return self

    def _check_entries(self) -> None:
        if (self.kind is Kind.MIXED) != (self.entries is not None):
            raise ValueError("entries is given for mixed tables, and only there")
        if self.entries is None:
            return
        if self.ragged or self.shape != (len(self.entries),):
            raise ValueError("entries has a space for each column of a flat sample")
        if any(e.shape or e.ragged or e.missing or e.entries is not None for e in self.entries):
            raise ValueError(
                "an entry's space is that of one number; whether values may be missing "
                "is said of the whole table"
            )

    @classmethod
    def real(cls, *shape: int, **fields: Any) -> Self:
        """Give the space of real arrays; NaN and infinities are refused unless `missing`."""
        return cls(kind=Kind.REAL, shape=shape, **fields)

    @classmethod
    def unit(cls, *shape: int, **fields: Any) -> Self:
        """Give the space of arrays of numbers between 0 and 1."""
        return cls(kind=Kind.UNIT, shape=shape, **fields)

    @classmethod
    def angle(cls, *shape: int, **fields: Any) -> Self:
        """Give the space of arrays of angles between −π and π."""
        return cls(kind=Kind.ANGLE, shape=shape, **fields)

    @classmethod
    def binary(cls, *shape: int, **fields: Any) -> Self:
        """Give the space of arrays of zeros and ones."""
        return cls(kind=Kind.BINARY, shape=shape, **fields)

    @classmethod
    def ordinal(cls, levels: int, *shape: int, **fields: Any) -> Self:
        """Give the space of arrays of ordered codes 0 … levels−1, as grey levels are."""
        return cls(kind=Kind.ORDINAL, levels=levels, shape=shape, **fields)

    @classmethod
    def categorical(cls, levels: int, *shape: int, **fields: Any) -> Self:
        """Give the space of arrays of unordered codes 0 … levels−1."""
        return cls(kind=Kind.CATEGORICAL, levels=levels, shape=shape, **fields)

    @classmethod
    def count(cls, *shape: int, **fields: Any) -> Self:
        """Give the space of arrays of counts 0, 1, 2, …, as words of a text are counted."""
        return cls(kind=Kind.COUNT, shape=shape, **fields)

    @classmethod
    def mixed(cls, columns: Mapping[str, Space], **fields: Any) -> Self:
        """Give the space of rows of a table whose columns are of different kinds.

        `columns` gives the space of one number to each name: {"age": Space.real(), …}.
        """
        names, entries = tuple(columns), tuple(columns.values())
        shape = (len(entries),)
        return cls(kind=Kind.MIXED, shape=shape, columns=names, entries=entries, **fields)

    @classmethod
    def of(cls, values: Any) -> Self:
        """Infer the space of an array `[n, …]`: floating is real, boolean is binary.

        The columns of a data frame give it their names. Those of several kinds are a mixed
        table; there text and categories are categorical (ordered categories: ordinal), with the
        names of their levels. Raises DataError for whole numbers, which may be levels,
        categories or counts.
        """
        frame = cells.columns_of(values)
        if frame is not None:
            return cls._of_columns(frame)
        x = _as_tensor(values)
        if x.ndim == 0:
            raise DataError("Data have a row for each sample", received="a single number")
        if x.is_floating_point():
            return cls.real(*x.shape[1:], missing=bool(torch.isnan(x).any()))
        if x.dtype is torch.bool:
            return cls.binary(*x.shape[1:])
        raise DataError(
            "What whole numbers mean can't be inferred",
            received=f"{x.dtype} with values from {x.min()} to {x.max()}",
            remedy="Give space=Space.ordinal(levels, *shape), or categorical, count, binary, real.",
        )

    @classmethod
    def _of_columns(cls, frame: Mapping[str, Any]) -> Self:
        found = {name: cells.described(column, name) for name, column in frame.items()}
        entries = [
            cls(kind=Kind(one.kind), levels=len(one.names) if one.names else None, names=one.names)
            for one in found.values()
        ]
        missing = any(one.missing for one in found.values())
        kinds = {entry.kind for entry in entries}
        if kinds <= {Kind.REAL} or kinds == {Kind.BINARY}:
            kind = Kind.BINARY if kinds == {Kind.BINARY} else Kind.REAL
            return cls(kind=kind, shape=(len(found),), columns=tuple(found), missing=missing)
        return cls.mixed(dict(zip(found, entries, strict=True)), missing=missing)

    def __str__(self) -> str:
        """Say what one sample is, in words."""
        missing = ", missing values allowed" if self.missing else ""
        if self.rate is not None:
            what = "waveform" if len(self.shape) == 2 else "frames"
            return f"{what} {list(self.shape)}, {self.rate:g} a second{missing}"
        if self.tokenizer is not None:
            return f"text ({self.tokenizer.name}){missing}"
        what = f"{self.kind} with {self.levels} levels" if self.levels else str(self.kind)
        if self.entries is not None:
            kinds = [entry.kind for entry in self.entries]
            counts = {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
            what = f"mixed ({', '.join(f'{n} {kind}' for kind, n in counts.items())})"
        steps = f" of steps {list(self.shape)}" if self.shape else ""
        return f"{what}, {f'sequences{steps}' if self.ragged else list(self.shape)}{missing}"

    @property
    def size(self) -> int:
        """How many numbers one sample (of a ragged space: one step) has."""
        return math.prod(self.shape)

    @property
    def n_levels(self) -> int | None:
        """How many codes there are; None where samples are floating, and of counts."""
        return 2 if self.kind is Kind.BINARY else self.levels

    @property
    def entry_spaces(self) -> tuple[Space, ...]:
        """The space of each number of a flattened sample; `missing` is the whole sample's."""
        if self.entries is not None:
            return self.entries
        return (Space(kind=self.kind, levels=self.levels, names=self.names),) * self.size

    def tensor(self, values: Any) -> Tensor:
        """Turn arrays, lists, tensors, data frames or PIL images into a tensor of this kind.

        Values aren't checked. Discrete kinds become int64; whole numbers held as floats are
        accepted, and NaN where values may be missing. Columns of a data frame are found by their
        names, and levels with names are called by them; one image is a batch of one. Raises
        DataError where that loses something.
        """
        x = self._of_cells(values)
        if x.is_complex():
            raise DataError("Data are real numbers or codes", received=f"numbers of {x.dtype}")
        if not self.kind.discrete:
            return x if x.is_floating_point() else x.to(torch.get_default_dtype())
        if not x.is_floating_point():
            return x.to(torch.int64)
        codes = limits.as_codes(x, missing=self.missing)
        if codes is None:
            raise DataError(
                f"A {self.kind} space holds whole numbers",
                received="numbers with a fraction, NaN or infinite ones",
                remedy=_WHOLE_COUNTS if self.kind is Kind.COUNT else _WHOLE_CODES,
            )
        return codes

    def sequences(self, values: Any) -> Ragged:
        """Turn what people hold into the sequences of a ragged space, unchecked.

        Lists of sequences are put end to end; one text, or a list of texts, becomes codes where
        there is a tokenizer. Raises DataError.
        """
        if isinstance(values, Ragged):
            return values
        texts = [values] if isinstance(values, str) else values
        if not isinstance(texts, list | tuple):
            raise DataError(
                "Sequences are a Ragged, or a list of sequences" + self._or_texts(),
                received=type(values).__name__,
                remedy="Give Ragged(values, lengths), or a list with a sequence a row.",
            )
        if not any(isinstance(text, str) for text in texts):
            return Ragged.of(texts)
        if self.tokenizer is None or not all(isinstance(text, str) for text in texts):
            raise DataError(
                "Texts are all strings, for a model of text",
                received="text for a model of codes without a tokenizer"
                if self.tokenizer is None
                else "strings and other things in one list",
                remedy="Give codes.",
            )
        codes = self.tokenizer.encode(texts)
        flat = torch.tensor([code for text in codes for code in text], dtype=torch.int64)
        return Ragged(flat, torch.tensor([len(text) for text in codes], dtype=torch.int64))

    def texts(self, sequences: Ragged) -> list[str]:
        """Give the text of each sequence of codes. Raises DataError without a tokenizer."""
        if self.tokenizer is None:
            raise DataError(
                "A space of text has a tokenizer",
                received=str(self),
                remedy="Look at the codes themselves.",
            )
        return self.tokenizer.decode([row.tolist() for row in sequences])

    def _or_texts(self) -> str:
        return "" if self.tokenizer is None else ", or a text or a list of them"

    def _of_cells(self, values: Any) -> Tensor:
        pictures = pixels.pictures_of(values)
        if pictures is not None:
            return pixels.samples(pictures, self.kind, self.shape, self.n_levels)
        frame = cells.columns_of(values)
        if frame is None or len(self.shape) != 1:
            return _as_tensor(values)
        names = tuple(frame) if self.columns is None else self.columns
        if set(names) != set(frame) or len(names) != self.size:
            expected = "" if self.columns is None else f", {', '.join(self.columns)}"
            raise DataError(
                f"The data frame has {self.size} columns{expected}",
                received=", ".join(frame),
                remedy="Rename or drop columns.",
            )
        entries = zip(names, self.entry_spaces, strict=True)
        columns = [cells.numbers(frame[name], entry.names, name) for name, entry in entries]
        found = torch.from_numpy(np.stack(columns, 1))
        return found if self.kind.discrete else found.to(torch.get_default_dtype())

    def check(
        self, x: Tensor, *, what: str = "data", empty: bool = False, screened: bool = False
    ) -> Tensor:
        """Check a batch `[n, *shape]` (of a ragged space: the steps) and give it back.

        With `screened` the caller looks whether real numbers are finite. Raises DataError for a
        wrong shape, an empty batch (unless `empty`), or a value outside the space.
        """
        if x.ndim != len(self.shape) + 1 or tuple(x.shape[1:]) != self.shape:
            raise DataError(
                f"The shape of {what} must be [n, {', '.join(map(str, self.shape))}]",
                received=f"shape {list(x.shape)}",
                remedy="Add the batch dimension: x[None]."
                if tuple(x.shape) == self.shape
                else "Reshape it, or build the model for this shape.",
            )
        if x.shape[0] == 0 and not empty:
            raise DataError(f"A batch of {what} has at least one row", received="an empty batch")
        if (screened and self.kind is Kind.REAL) or self._surely_holds(x):
            return x
        if self.entries is None:
            absent = self.is_missing(x) if self.missing else None
            self._refuse_values(x, absent, what, None)
        else:
            self._check_columns(x, self.entries, what)
        return x

    def _surely_holds(self, x: Tensor) -> bool:
        """Say in one pass whether all values are allowed; False where that isn't sure."""
        if self.entries is None:
            low, high = self._bounds()
            low = -1 if self.missing and self.kind.discrete else low
            return limits.surely_within(x, low, high, missing=self.missing)
        low, high = zip(*(entry._bounds() for entry in self.entries), strict=True)
        whole = [entry.kind.discrete for entry in self.entries]
        return limits.columns_surely_within(x, low, high, whole, missing=self.missing)

    def _check_columns(self, x: Tensor, entries: tuple[Space, ...], what: str) -> None:
        """Check the columns of a mixed table, those of the same space at once."""
        alike: dict[Space, list[int]] = {}
        for place, entry in enumerate(entries):
            alike.setdefault(entry, []).append(place)
        for entry, places in alike.items():
            columns = x[:, places]
            absent = torch.isnan(columns) if self.missing else None
            names = [self.columns[place] for place in places] if self.columns else places
            entry._refuse_values(columns, absent, what, names)

    def _refuse_values(
        self, x: Tensor, absent: Tensor | None, what: str, columns: Sequence[str | int] | None
    ) -> None:
        """Raise DataError for the first number outside, but for those marked as absent."""
        low, high = self._bounds()
        # NaN compares as false, so bounds refuse it too.
        inside = (x >= low) & (x <= high)
        if x.is_floating_point():
            inside &= (x == x.round()) & (x != math.inf) if self.kind.discrete else x.isfinite()
        wrong = ~inside if absent is None else ~(inside | absent)
        if not x.numel() or not bool(wrong.any()):
            return
        where = wrong.nonzero()[0].tolist()
        place = f"position {where[1:]}" if columns is None else f"column {columns[where[1]]!r}"
        raise DataError(
            self._rule(what, missing=absent is not None),
            received=f"{x[tuple(where)].item()} at row {where[0]}, {place}",
            remedy="Mend or drop such rows"
            + (", or use a model whose space allows missing values." if absent is None else "."),
        )

    def _bounds(self) -> tuple[float, float]:
        if self.kind.discrete:
            return 0, math.inf if self.n_levels is None else self.n_levels - 1
        return _BOUNDS.get(self.kind, (-math.inf, math.inf))

    def _rule(self, what: str, *, missing: bool) -> str:
        low, high = self._bounds()
        if self.kind is Kind.COUNT:
            rule = f"Counts of {what} are whole numbers 0, 1, 2, …"
        elif self.kind.discrete:
            rule = f"Codes of {what} lie between {low} and {high}"
        else:
            rule = f"Values of {what} are finite and lie between {low:g} and {high:g}"
        return rule + (", or are missing" if missing else "")

    def is_missing(self, x: Tensor) -> Tensor:
        """Mark the missing entries of a tensor in this space."""
        return x == -1 if self.kind.discrete else torch.isnan(x)


def _as_tensor(values: Any) -> Tensor:
    if isinstance(values, Tensor):
        return values
    try:
        array = np.asarray(values)
        if array.dtype == object or array.dtype.kind in "USM":
            raise TypeError(f"entries of type {array.dtype}")
        return torch.as_tensor(np.ascontiguousarray(array).reshape(array.shape))
    except (TypeError, ValueError) as error:
        raise DataError(
            "Data are a tensor, or an array or list of numbers with rows of equal length",
            received=f"{type(values).__name__} ({error})",
            remedy="For sequences of unequal length give Ragged(values, lengths).",
        ) from None
