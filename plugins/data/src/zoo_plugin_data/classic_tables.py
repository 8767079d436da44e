"""The tables that ship with scikit-learn: iris, wine, breast cancer, diabetes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.interfaces.space import Space
from zoo_plugin_data.content import content_hash
from zoo_plugin_data.splits import shuffled, stratified

_UCI = "UCI Machine Learning Repository, as it ships with scikit-learn"


@final
@dataclass(frozen=True)
class Table:
    """A table of scikit-learn's: what it is called there, its source, licence and hash."""

    name: str
    function: str
    provenance: str
    license: str
    sha256: str


IRIS = Table(
    "iris",
    "load_iris",
    f"Iris (Fisher, 1936), {_UCI}: 150 flowers, 4 measures in centimetres, 3 species.",
    "CC-BY-4.0",
    "9a948703d845f65b973022229e386e304f8bf9c26c3f016cd975844cdee9153d",
)
WINE = Table(
    "wine",
    "load_wine",
    f"Wine (Aeberhard and Forina, 1991), {_UCI}: 178 wines of 3 cultivars, 13 measures.",
    "CC-BY-4.0",
    "51a6b1023388513febb5d103d324065fca4587a58de7c8c5c18d619de814e9b3",
)
BREAST_CANCER = Table(
    "breast-cancer",
    "load_breast_cancer",
    "Breast Cancer Wisconsin (Diagnostic) (Wolberg, Mangasarian, Street and Street, 1995), "
    f"{_UCI}: 569 tumours, 30 features of cell nuclei, malignant or benign.",
    "CC-BY-4.0",
    "9631d52246c7d85f375d1f9809d76587bb07c5be4c52a8044327642fae50e589",
)
DIABETES = Table(
    "diabetes",
    "load_diabetes",
    "Diabetes (Efron, Hastie, Johnstone and Tibshirani, 2004), as it ships with scikit-learn, "
    "unscaled: 442 patients, 10 features; the condition is the disease's progression in a year.",
    "BSD-3-Clause",
    "d9edcdb142820b5532f8ff20b910ea924a5d61ac04a71dcf212825845937219f",
)


def load_table(table: Table, split: Split) -> Dataset:
    """Load a split of a table: x [n, columns], labels [n], or a vector [n, 1] for diabetes.

    Splits are a quarter of the rows for test and a tenth of the rest for validation, seed 0,
    stratified where there are classes. Raises DataError where the installed scikit-learn ships
    other data.
    """
    x, told, columns, classes = read_table(table)
    numbers = (stratified(told) if classes else shuffled(len(x)))[split]
    return Dataset(
        name=table.name,
        split=split,
        data=Batch(x[numbers], told[numbers]),
        space=Space.real(len(columns), columns=columns),
        classes=classes,
        provenance=table.provenance,
        license=table.license,
        sha256=table.sha256,
    )


@cache
def read_table(table: Table) -> tuple[Tensor, Tensor, tuple[str, ...], tuple[str, ...]]:
    """Read all rows: data, conditions, names of columns, names of classes."""
    bunch = _function(table)(**({"scaled": False} if table is DIABETES else {}))
    x = torch.from_numpy(np.asarray(bunch["data"])).float()
    classes = tuple(str(name) for name in bunch.get("target_names", ()))
    target = torch.from_numpy(np.asarray(bunch["target"]))
    told = target.long() if classes else target.float().unsqueeze(1)
    received = content_hash(x, told)
    if received != table.sha256:
        raise DataError(
            f"The rows of {table.name} are the ones that the zoo's figures were measured on",
            received=f"sha256 {received}",
            remedy="Install a released scikit-learn: pip install --force-reinstall scikit-learn.",
        )
    return x, told, tuple(map(str, bunch["feature_names"])), classes


def _function(table: Table) -> Callable[..., Any]:
    from sklearn import datasets

    return vars(datasets)[table.function]
