"""Subject: the model under test, and what checks need of it again and again."""

from __future__ import annotations

import copy
import zlib
from functools import cached_property
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.conformance.check import Skip
from zoo_core.conformance.draws import LENGTH, condition_space, draw, draw_told
from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import Model, provided
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.wrapped import Wrapped


@final
class Subject:
    """A model under test, in evaluation mode, with a seed that all draws of its checks follow.

    No check changes `model`: who trains, moves or casts takes `copy()`. `dtypes` are the types
    of weights that its registry entry claims beside float32 and float64.
    """

    def __init__(self, model: Model, *, seed: int, dtypes: tuple[torch.dtype, ...] = ()) -> None:
        self.model = copy.deepcopy(model).eval()
        self.seed = seed
        self.dtypes = dtypes
        self._drawn: dict[tuple[int, str], Tensor | Ragged] = {}

    @property
    def name(self) -> str:
        """The architecture, or the class of a model that has none."""
        return self.model.architecture or type(self.model).__name__

    def rng(self, purpose: str) -> torch.Generator:
        """Make a generator for one purpose; the same seed and purpose give the same draws."""
        seed = zlib.crc32(purpose.encode(), self.seed & 0xFFFFFFFF)
        return torch.Generator().manual_seed(seed)

    def copy(self) -> Model:
        """Give a copy that may be changed, in evaluation mode."""
        return copy.deepcopy(self.model)

    @property
    def is_in_memory_alone(self) -> bool:
        """Whether a wrapped module is in the model, which no configuration builds."""
        return any(isinstance(module, Wrapped) for module in self.model.modules())

    def built(self, seed: int = 0) -> Model:
        """Build an untrained model of the same configuration, with parts of the same kinds.

        Raises Skip where a module is wrapped, which can't be built.
        """
        if self.is_in_memory_alone:
            raise Skip("a wrapped module can't be built from a configuration")
        return type(self.model)(self.model.config, seed=seed)

    @cached_property
    def refuses_training(self) -> bool:
        """Whether the class has a loss, but this configuration refuses it by UnsupportedError."""
        try:
            told = self.conditions(1, "loss")
            codes = None if told is None else self.model._codes_of(told, 1)
            self.copy().loss(Batch(self.foreign_rows(1, "loss"), codes), rng=self.rng("loss"))
        except UnsupportedError:
            return True
        except Exception:  # noqa: BLE001  the checks of the loss find it
            return False
        return False

    def to_fit(self) -> Model:
        """Give a model to fit: an untrained one, or a copy where a module is wrapped."""
        return self.copy() if self.is_in_memory_alone else self.built(seed=1)

    @cached_property
    def exact(self) -> Model:
        """A copy in double precision, for mathematics that rounding must not hide; don't change."""
        return self.copy().double()

    def rows(self, n: int, purpose: str = "rows") -> Tensor | Ragged:
        """Give n rows of the model's space: its own samples where it makes any, else draws.

        They are drawn once, so that a sampler that doesn't repeat fails the checks of sampling
        and no others.
        """
        if (n, purpose) not in self._drawn:
            self._drawn[n, purpose] = self._samples(n, purpose)
        return self._drawn[n, purpose]

    def _samples(self, n: int, purpose: str) -> Tensor | Ragged:
        if provided(self.model, Generator):
            return self.model.sample(
                n,
                condition=self.conditions(n, purpose),
                lengths=LENGTH if self.model.space.ragged else None,
                rng=self.rng(f"samples for {purpose}"),
            )
        return self.foreign_rows(n, purpose)

    def foreign_rows(self, n: int, purpose: str = "rows") -> Tensor | Ragged:
        """Give n rows of the model's space that it didn't make."""
        x = draw(self.model.space, n, self.rng(f"draws for {purpose}"))
        if self.model.space.kind.discrete:
            return x
        return x.to(dtype=self.model.dtype)

    def raw(self, n: int, purpose: str = "rows") -> Tensor | Ragged:
        """Give n raw conditions of a model that is a Conditioner itself."""
        x = draw_told(self.model.space, n, self.rng(f"draws for {purpose}"))
        return x if self.model.space.kind.discrete else x.to(dtype=self.model.dtype)

    def conditions(self, n: int, purpose: str = "rows") -> Any:
        """Give n raw conditions, drawn from the conditioner's space; None where none is taken."""
        space = condition_space(self.model)
        if space is None:
            return None
        return draw_told(space, n, self.rng(f"conditions for {purpose}"))

    def condition(self, which: int = 0) -> Any:
        """Give one raw condition; others of other numbers, as different as the space allows."""
        space = condition_space(self.model)
        if space is None:
            return None
        if space.n_levels is not None and not (space.shape or space.ragged):
            return which % space.n_levels
        return draw_told(space, 8, self.rng("single conditions"))[which]
