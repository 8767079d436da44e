"""Tables for the detection of anomalies: models are fitted to the inliers alone."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.interfaces.space import Space
from zoo_plugin_data.classic_tables import BREAST_CANCER, WINE, Table, read_table
from zoo_plugin_data.splits import stratified

INLIERS: Mapping[str, tuple[Table, tuple[int, ...]]] = {
    "breast-cancer-inliers": (BREAST_CANCER, (1,)),
    "wine-inliers": (WINE, (1, 2)),
}
"""The table and which of its classes are inliers: benign tumours; the second and third cultivar."""


def load_inliers(name: str, split: Split) -> Dataset:
    """Load inliers of a table; labels are 0 for an inlier, 1 for an anomaly.

    `train`, `valid` and `test` hold inliers alone, so that a model's figures are about them;
    `all` has every row, the anomalies too: score its anomalies against the test split.
    """
    table, inside = INLIERS[name]
    x, codes, columns, _ = read_table(table)
    inlier = torch.isin(codes, torch.tensor(inside))
    rows = _rows(inlier, codes, split)
    return Dataset(
        name=name,
        split=split,
        data=Batch(x[rows], (~inlier[rows]).long()),
        space=Space.real(len(columns), columns=columns),
        classes=("inlier", "anomaly"),
        provenance=table.provenance,
        license=table.license,
        sha256=table.sha256,
    )


def _rows(inlier: Tensor, codes: Tensor, split: Split) -> Tensor:
    """Give the numbers of a split's rows."""
    if split is Split.ALL:
        return torch.arange(len(inlier))
    inside = inlier.nonzero()[:, 0]
    return inside[stratified(codes[inside])[split]]
