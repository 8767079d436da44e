"""The penguins of Palmer Station: a table of measures and categories, some of them missing."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

import numpy as np
import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.interfaces.space import Space
from zoo_plugin_data.content import content_hash
from zoo_plugin_data.splits import stratified

SHA256 = "f90030130a015a5c594bc30fe2643510058724d17110e0d3be69dc8bb5cee58b"
CLASSES = ("Adelie", "Chinstrap", "Gentoo")
COLUMNS = {
    "island": Space.categorical(3, names=("Biscoe", "Dream", "Torgersen")),
    "bill_length_mm": Space.real(),
    "bill_depth_mm": Space.real(),
    "flipper_length_mm": Space.real(),
    "body_mass_g": Space.real(),
    "sex": Space.categorical(2, names=("female", "male")),
    "year": Space.ordinal(3, names=("2007", "2008", "2009")),
}
_MISSING = "NA"
_PROVENANCE = (
    "Palmer penguins: Structural size measurements of penguins near Palmer Station, Antarctica "
    "(Gorman, Williams and Fraser, 2014, https://doi.org/10.1371/journal.pone.0090081), in the "
    "selection of Horst, Hill and Gorman (2020, https://doi.org/10.5281/zenodo.3960218): 344 "
    "birds, 7 columns, 3 species; 2 birds were not measured, the sex of 11 is unknown."
)


def load_penguins(split: Split) -> Dataset:
    """Load a split of the penguins: x [n, 7] of a mixed table, NaN where missing; species.

    Splits are those of the other tables: a quarter of the rows for test and a tenth of the rest
    for validation, seed 0, stratified by species.
    """
    x, labels = _read()
    numbers = stratified(labels)[split]
    return Dataset(
        name="penguins",
        split=split,
        data=Batch(x[numbers], labels[numbers]),
        space=Space.mixed(COLUMNS, missing=True),
        classes=CLASSES,
        provenance=_PROVENANCE,
        license="CC0-1.0",
        sha256=SHA256,
    )


@cache
def _read() -> tuple[Tensor, Tensor]:
    """Read all rows and their species. Raises DataError where the file is another."""
    text = files("zoo_plugin_data").joinpath("penguins.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    cells = [[_number(row[name], space) for name, space in COLUMNS.items()] for row in rows]
    x = torch.tensor(cells, dtype=torch.float32)
    labels = torch.tensor([CLASSES.index(row["species"]) for row in rows])
    received = content_hash(x, labels)
    if received != SHA256:
        raise DataError(
            "The penguins are the ones that the zoo's figures were measured on",
            received=f"sha256 {received}",
            remedy="Install a released one: pip install --force-reinstall zoo-plugin-data.",
        )
    return x, labels


def _number(cell: str, space: Space) -> float:
    if cell == _MISSING:
        return np.nan
    return float(cell) if space.names is None else float(space.names.index(cell))
