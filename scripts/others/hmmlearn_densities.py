"""hmmlearn's hidden Markov models, on sequences of three steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from hmmlearn.hmm import GMMHMM, CategoricalHMM, GaussianHMM
from hmmlearn.vhmm import VariationalGaussianHMM
from torch import Tensor

from others.case import Case
from zoo_core.interfaces.space import Space

STEPS = 2


def cases() -> Iterator[Case]:
    """Give each model, fitted to a long sequence, as a density of short ones."""
    rng = np.random.default_rng(0)
    reals = np.cumsum(rng.normal(size=(400, 1)), 0) * 0.2 + rng.normal(size=(400, 1))
    codes = (rng.integers(3, size=(400, 1)) + np.arange(400)[:, None] // 7) % 3
    for model in (
        GaussianHMM(2, n_iter=20, random_state=0),
        GMMHMM(2, n_mix=2, n_iter=20, random_state=0),
        VariationalGaussianHMM(2, n_iter=20, random_state=0),
    ):
        yield _case(model.fit(reals), Space.real(STEPS))
    yield _case(CategoricalHMM(2, n_iter=20, random_state=0).fit(codes), Space.categorical(3, 4))


def _case(model: Any, space: Space) -> Case:
    """Score each row as a sequence; draw each sequence from its beginning."""
    (steps,) = space.shape

    def log_prob(x: Tensor) -> Tensor:
        rows = x.numpy().reshape(len(x), steps, 1)
        return torch.tensor([model.score(row) for row in rows], dtype=torch.float64)

    def sample(n: int) -> Tensor:
        state = np.random.RandomState(np.random.randint(2**31))
        rows = [model.sample(steps, random_state=state)[0][:, 0] for _ in range(n)]
        return torch.as_tensor(np.stack(rows))

    return Case("hmmlearn", type(model).__name__, log_prob, sample, space)
