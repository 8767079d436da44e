from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.datasets import load_iris

import zoo_core as zoo
from models.autoencoder import PrincipalComponents
from models.classes import GaussianClasses

# Estimators are collected by name before any fixture runs.
zoo.register(PrincipalComponents)
zoo.register(GaussianClasses)


@pytest.fixture(scope="session")
def iris() -> tuple[np.ndarray, np.ndarray]:
    return load_iris(return_X_y=True)


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Estimators leave NumPy's global generator alone unless they were told no seed."""
    before = np.random.get_state()
    yield
    np.random.set_state(before)
