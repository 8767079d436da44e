"""What a data set is: rows, labels, the space they lie in, and where they come from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from torch import Tensor

    from zoo_core import Space


@final
class Split(StrEnum):
    """A fixed part of a data set. `all` is every row, in the source's order."""

    TRAIN = "train"
    VALID = "valid"
    TEST = "test"
    ALL = "all"


@final
@dataclass(frozen=True)
class Dataset:
    """One split of a data set.

    `x` holds the rows, [n, *space.shape]; `labels` what each row is told to be, [n] codes or
    None, and `classes` their names. `license` is an SPDX expression, `sha256` that of all rows
    and labels of the data set, whatever the split.
    """

    name: str
    split: Split
    x: Tensor
    labels: Tensor | None
    classes: tuple[str, ...]
    space: Space
    provenance: str
    license: str
    sha256: str

    @property
    def condition(self) -> Tensor | None:
        """The labels, under the name that `fit` and `log_prob` have for them."""
        return self.labels

    def __len__(self) -> int:
        return len(self.x)


def content_hash(*tensors: Tensor) -> str:
    """Give the sha256 over dtype, shape and little-endian bytes of each tensor."""
    digest = hashlib.sha256()
    for tensor in tensors:
        array = tensor.detach().cpu().contiguous().numpy()
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
