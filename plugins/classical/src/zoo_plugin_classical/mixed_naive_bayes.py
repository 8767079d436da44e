"""MixedNaiveBayes: tables whose columns have a distribution each, by their kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self, final

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.errors import DataError
from zoo_core.interfaces.cells import columns_of
from zoo_core.interfaces.space import Kind, Space
from zoo_plugin_classical.bernoulli_stack import BernoulliStack
from zoo_plugin_classical.categorical_stack import CategoricalStack
from zoo_plugin_classical.counted_poisson import CountedPoisson
from zoo_plugin_classical.mixed_stack import ColumnGroup, MixedStack, part
from zoo_plugin_classical.naive_bayes import NaiveBayes, NaiveBayesConfig
from zoo_plugin_classical.normal_stack import NormalStack, Smoothing
from zoo_plugin_classical.taught_stack import TaughtCounts, TaughtMoments, TaughtStack


@final
class MixedNaiveBayesConfig(NaiveBayesConfig):
    """Fields of naive Bayes of mixed tables, beside those of every naive Bayes model.

    space: a mixed table, of which entries may be missing (NaN). alpha: what is added to the count
    of each code; rates of counts are learnt as if so many rows with a count of one came first.
    var_smoothing: what is added to all variances, as a share of what `smoothing` says.
    """

    alpha: pydantic.NonNegativeFloat = 1.0
    var_smoothing: pydantic.NonNegativeFloat = 1e-9
    smoothing: Smoothing = Smoothing.PER_FEATURE

    @pydantic.model_validator(mode="after")
    def _mixed(self) -> Self:
        if self.space.entries is None or not self.space.size:
            raise ValueError(
                f"mixed naive Bayes is a model of mixed tables, and these data are "
                f"{self.space.kind}: take classical/gaussian-nb or another of one kind"
            )
        if any(entry.kind is Kind.ANGLE for entry in self.space.entries):
            raise ValueError("no column is of angles: give the sine and cosine as real numbers")
        return self


@final
class TaughtMixed(TaughtStack):
    """The sums of all groups of columns."""

    slopes: Tensor

    def __init__(self, k: int, size: int, groups: list[ColumnGroup]) -> None:
        super().__init__(k)
        self.k, self.size = k, size
        self.groups = nn.ModuleList(groups)
        self.register_buffer("slopes", torch.zeros((), dtype=torch.float64))

    @property
    def stack(self) -> MixedStack:  # pyright: ignore[reportIncompatibleVariableOverride]
        """The distributions of the groups as those of whole rows."""
        return MixedStack(self.k, self.size, self._groups())

    @torch.no_grad()
    def include(self, z: Tensor, y: Tensor, weight: Tensor | None) -> None:
        """Add rows whose classes are known."""
        own = torch.ones(len(z), device=z.device) if weight is None else weight
        for group in self._groups():
            group.taught.include(group.rows(z), y, weight)
        self.slopes.add_(own.double() @ self.stack.log_slope(z).double())
        self.rows.add_(y.bincount(own.double(), minlength=self.k))

    @torch.no_grad()
    def replace(self, rows: Tensor, stats: Mapping[str, Tensor]) -> None:
        """Take over the classes' weights and the groups' statistics of the same rows."""
        for i, group in enumerate(self._groups()):
            group.taught.replace(rows, part(stats, i))
        self.slopes.copy_(stats["slopes"])
        self.rows.copy_(rows)

    def learn(self) -> None:
        """Set the parameters of each group to what its sums say."""
        for group in self._groups():
            group.taught.learn()

    def log_likelihood(self) -> Tensor:
        """Give Σ weight · log p(x | y) of the rows, in nats, less their `penalty_each`."""
        own = [group.taught.log_likelihood() for group in self._groups()]
        return torch.stack(own).sum() + self.slopes.double()

    def penalty_each(self, z: Tensor) -> Tensor | None:
        """Give what learning takes off log p(z | y), `[n, K]`."""
        found = z.new_zeros(len(z), self.k)
        for group in self._groups():
            own = group.taught.penalty_each(group.rows(z))
            found = found if own is None else found + own
        return found

    def _groups(self) -> list[ColumnGroup]:
        return [group for group in self.groups if isinstance(group, ColumnGroup)]


@final
class MixedNaiveBayes(NaiveBayes):
    """p(x | y) = Π_j p_yj(x_j), the form of p_yj by the kind of column j.

    Real numbers are normal, numbers between 0 and 1 have normal logits (those nearer than 1e-6 to
    an end count as 1e-6 away), zeros and ones are Bernoulli, ordered and unordered codes
    categorical, counts Poisson.
    """

    architecture: ClassVar[str] = "classical/mixed-nb"
    Config: ClassVar[type[zoo.Config]] = MixedNaiveBayesConfig

    config: MixedNaiveBayesConfig

    @classmethod
    def _fields_for_data(cls, data: Any, condition: Any, fields: dict[str, Any]) -> dict[str, Any]:
        if "space" not in fields and columns_of(data) is None:
            raise DataError(
                "The kinds of a table's columns can't be inferred from its numbers",
                received="no space, and no data frame",
                remedy="Give space=Space.mixed({'age': Space.real(), …}).",
            )
        return super()._fields_for_data(data, condition, fields)

    def _taught(self, k: int) -> TaughtMixed:
        columns: dict[tuple[Kind, int | None], list[int]] = {}
        for i, entry in enumerate(self.space.entries or ()):
            columns.setdefault((entry.kind, entry.levels), []).append(i)
        groups = [
            ColumnGroup(kind, own, self._taught_of(k, kind, levels, len(own)))
            for (kind, levels), own in columns.items()
        ]
        return TaughtMixed(k, self.space.size, groups)

    def _taught_of(self, k: int, kind: Kind, levels: int | None, size: int) -> TaughtStack:
        """Make the distributions of columns of one kind."""
        c, missing = self.config, self.space.missing
        if kind in (Kind.REAL, Kind.UNIT):
            real = Space.real(size, missing=missing)
            stack = NormalStack(k, real, c.var_smoothing, c.smoothing, shared=False)
            return TaughtMoments(stack, missing=missing)
        if kind is Kind.COUNT:
            return TaughtCounts(CountedPoisson(k, size, c.alpha))
        space = Space(kind=kind, shape=(size,), levels=levels, missing=missing)
        if kind is Kind.BINARY:
            return TaughtCounts(BernoulliStack(k, space, c.alpha))
        return TaughtCounts(CategoricalStack(k, space, c.alpha))
