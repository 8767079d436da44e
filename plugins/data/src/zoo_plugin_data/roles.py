"""Which column is what: data, condition, weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from zoo_core.errors import DataError
from zoo_core.interfaces.dataset import DataRequest
from zoo_plugin_data.closest import did_you_mean


@final
@dataclass(frozen=True)
class Roles:
    """The names of the columns that are read."""

    data: tuple[str, ...]
    condition: tuple[str, ...]
    weight: str | None

    @property
    def all(self) -> tuple[str, ...]:
        """Every column that is read."""
        return (*self.data, *self.condition, *([self.weight] if self.weight else []))


def roles_of(names: Sequence[str], request: DataRequest, file: str) -> Roles:
    """Give each column its role; data are those that nothing else was said of.

    Raises DataError where a name isn't there, stands twice, or no column is left for the data.
    """
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"Each column of {file} has a name of its own", received=repr(twice[0]))
    weight = [] if request.weight is None else [request.weight]
    for name in (*request.condition, *request.columns, *weight):
        if name not in names:
            raise DataError(
                f"{file} has a column {name!r}",
                received="no such column",
                remedy=did_you_mean(name, names),
            )
    told = (*request.condition, *weight)
    data = request.columns or tuple(name for name in names if name not in told)
    both = set(data) & set(told)
    if both or len(set(told)) < len(told) or len(set(data)) < len(data):
        raise DataError("A column has one role", received=", ".join(sorted(both)) or "one twice")
    if not data:
        raise DataError(f"{file} has a column of data", received="conditions and weights alone")
    return Roles(data, request.condition, request.weight)
