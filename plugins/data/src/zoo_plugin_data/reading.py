"""Reading data in Python: what `--data` does on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from zoo_core.errors import DataError
from zoo_core.interfaces.dataset import DataRequest, Dataset, Split
from zoo_core.interfaces.documents import Documents
from zoo_core.interfaces.space import Space
from zoo_core.plugins import facade


def read(
    reference: str | Path,
    *,
    split: Split | str = Split.ALL,
    condition: str | Sequence[str] = (),
    columns: str | Sequence[str] = (),
    weight: str | None = None,
    space: Space | None = None,
    mixed: bool = False,
    draws: int | None = None,
    valid_share: float = 0.1,
    test_share: float = 0.1,
    length: int | None = None,
    documents: Documents | str = Documents.FILE,
    alphabet: Sequence[str] = (),
) -> Dataset:
    """Open a data set by name, a file or folder by path, or `hf://datasets/owner/name`.

    A Path is always a path. See `DataRequest` for what the arguments mean. Raises DataError for
    bad data, naming file and row, UnknownNameError for a name that no data set has.
    """
    if split not in [*Split]:
        raise DataError(f"A split is one of {', '.join(Split)}", received=repr(split))
    if documents not in [*Documents]:
        raise DataError(f"documents is one of {', '.join(Documents)}", received=repr(documents))
    request = DataRequest(
        split=Split(split),
        condition=_names(condition),
        columns=_names(columns),
        weight=weight,
        space=space,
        mixed=mixed,
        draws=draws,
        valid_share=valid_share,
        test_share=test_share,
        length=length,
        documents=Documents(documents),
        alphabet=tuple(alphabet),
    )
    name = str(reference.absolute()) if isinstance(reference, Path) else reference
    return facade.open_data(name, request)


def _names(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)
