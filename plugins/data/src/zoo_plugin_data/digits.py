"""scikit-learn's handwritten digits."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.interfaces.space import Space
from zoo_plugin_data.content import content_hash
from zoo_plugin_data.splits import stratified

SHA256 = "61f822b108eae576695fe33319dc41c0a39fda1d776af34bd44734e2aae48b2e"
_PROVENANCE = (
    "Optical Recognition of Handwritten Digits (Alpaydin and Kaynak, 1998), the test set of the "
    "UCI Machine Learning Repository, https://doi.org/10.24432/C50P49, as it ships with "
    "scikit-learn: 1797 pictures of 8 × 8 pixels with 17 grey levels."
)


INK = 8
"""The grey level from which on a pixel of the binary digits is black."""


def load_digits(split: Split) -> Dataset:
    """Load a split of the digits: x [n, 8, 8] codes 0 … 16, labels 0 … 9.

    Raises DataError where the installed scikit-learn ships other data.
    """
    x, labels = _read()
    received = content_hash(x.to(torch.uint8), labels.to(torch.uint8))
    if received != SHA256:
        raise DataError(
            "The digits are the ones that the zoo's figures were measured on",
            received=f"sha256 {received}",
            remedy="Install a released scikit-learn: pip install --force-reinstall scikit-learn.",
        )
    rows = stratified(labels)[split]
    return Dataset(
        name="digits",
        split=split,
        data=Batch(x[rows], labels[rows]),
        classes=tuple("0123456789"),
        space=Space.ordinal(17, 8, 8),
        provenance=_PROVENANCE,
        license="CC-BY-4.0",
        sha256=SHA256,
    )


def load_binary_digits(split: Split) -> Dataset:
    """Load a split of the digits in black and white: x [n, 8, 8] of 0 and 1, 1 from level 8 on.

    Raises DataError where the installed scikit-learn ships other data.
    """
    grey = load_digits(split)
    return replace(
        grey,
        name="binary-digits",
        data=Batch((grey.x >= INK).long(), grey.labels),
        space=Space.binary(8, 8),
        provenance=f"{_PROVENANCE} Levels from {INK} on are 1, the others 0.",
    )


def _read() -> tuple[Tensor, Tensor]:
    from sklearn.datasets import load_digits as sklearn_digits

    images, labels = sklearn_digits(return_X_y=True)
    x = torch.from_numpy(images).reshape(-1, 8, 8).to(torch.int64)
    return x, torch.from_numpy(labels).to(torch.int64)
