"""Fixed, seeded, stratified splits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from zoo_core.interfaces.dataset import Split

TEST_SHARE = 0.25
VALID_SHARE = 0.1


def stratified(labels: Tensor) -> Mapping[Split, Tensor]:
    """Give the row numbers of each split, in ascending order.

    Test: a quarter of the rows, stratified by label, seed 0 (scikit-learn's train_test_split);
    validation: a tenth of what is left, likewise.
    """
    rows = np.arange(len(labels))
    codes = labels.numpy()
    rest, test = _cut(rows, codes, TEST_SHARE)
    train, valid = _cut(rest, codes[rest], VALID_SHARE)
    parts = {Split.TRAIN: train, Split.VALID: valid, Split.TEST: test, Split.ALL: rows}
    return {split: torch.from_numpy(np.sort(numbers)) for split, numbers in parts.items()}


def shuffled(n: int) -> Mapping[Split, Tensor]:
    """Give the row numbers of each split of n rows without classes, of the same sizes."""
    return stratified(torch.zeros(n, dtype=torch.int64))


def _cut(rows: np.ndarray, codes: np.ndarray, share: float) -> tuple[np.ndarray, np.ndarray]:
    from sklearn.model_selection import train_test_split

    kept, held = train_test_split(rows, test_size=share, random_state=0, stratify=codes)
    return np.asarray(kept), np.asarray(held)
