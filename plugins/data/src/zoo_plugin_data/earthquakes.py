"""The counts of major earthquakes, year by year."""

from __future__ import annotations

import torch
from torch import Tensor

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space
from zoo_plugin_data.content import content_hash

FIRST_YEAR = 1900
# fmt: off
COUNTS = (
    13, 14,  8, 10, 16, 26, 32, 27, 18, 32, 36, 24, 22, 23, 22, 18, 25, 21, 21, 14,
     8, 11, 14, 23, 18, 17, 19, 20, 22, 19, 13, 26, 13, 14, 22, 24, 21, 22, 26, 21,
    23, 24, 27, 41, 31, 27, 35, 26, 28, 36, 39, 21, 17, 22, 17, 19, 15, 34, 10, 15,
    22, 18, 15, 20, 15, 22, 19, 16, 30, 27, 29, 23, 20, 16, 21, 21, 25, 16, 18, 15,
    18, 14, 10, 15,  8, 15,  6, 11,  8,  7, 18, 16, 13, 12, 13, 20, 15, 16, 12, 18,
    15, 16, 13, 15, 16, 11, 11,
)
# fmt: on
_YEARS = {
    Split.TRAIN: (1900, 1977),
    Split.VALID: (1977, 1987),
    Split.TEST: (1987, 2007),
    Split.ALL: (1900, 2007),
}
_PROVENANCE = (
    "Earthquakes of magnitude 7 and above in the world, a count a year from 1900 to 2006 "
    "(United States Geological Survey), as Zucchini and MacDonald, Hidden Markov Models for Time "
    "Series (2009), table 1.1, and the documentation of hmmlearn list them."
)


def load_earthquakes(split: Split) -> Dataset:
    """Load a stretch of the years as one sequence of counts, `Ragged` with values `[years]`.

    The years up to 1976 are for training, the ten after them for validation, those from 1987 for
    the test; `all` is the series that the literature fits.
    """
    first, last = _YEARS[split]
    return Dataset(
        name="earthquakes",
        split=split,
        data=Batch(Ragged.of([_counts()[first - FIRST_YEAR : last - FIRST_YEAR]])),
        space=Space.count(ragged=True),
        provenance=_PROVENANCE,
        license="BSD-3-Clause",
        sha256=content_hash(_counts()),
    )


def _counts() -> Tensor:
    return torch.tensor(COUNTS)
