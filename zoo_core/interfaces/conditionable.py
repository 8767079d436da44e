"""Conditionable: a model of any part of a sample given the rest, in closed form."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import DataError, DefinitionError, UnsupportedError
from zoo_core.interfaces.call import Call, Observed, hidden
from zoo_core.interfaces.model import Model


class Conditionable(Model, interface=True):
    """A model whose conditionals p(x_a | x_b) are known; a plugin implements `_conditional_mean`.

    It `observes`: `sample(n, observed=…)` draws the rest given what is known, and
    `log_prob(x, observed=mask)` is log p(rest | known). So the mean given the known entries is a
    regression, and missing values are imputed.

    Provisional: it may change until a second family has used it as it is.
    """

    observes: ClassVar[bool] = True

    @final
    @torch.no_grad()
    def conditional_mean(
        self, observed: Observed, *, condition: Any = None
    ) -> Float[Tensor, "n ..."]:
        """Give E[x | known entries] of each row, `[n, *shape]` in floating numbers.

        `observed.values [n, *shape]` and `observed.mask`, of the same shape or one row's, True
        where known; there the mean is the value itself. Categories, which have no mean, get the
        most probable one. Raises DataError, ConditionError.
        """
        self._require(Conditionable)
        if self.space.ragged:
            raise UnsupportedError("Sequences have no fixed entries that could be known")
        values = self.space.model_copy(update={"missing": True}).tensor(observed.values)
        if values.ndim != 1 + len(self.space.shape):
            raise DataError(
                f"Observed values have the shape [n, {', '.join(map(str, self.space.shape))}]",
                received=f"shape {list(values.shape)}",
                remedy="Add the batch dimension: values[None].",
            )
        n = len(values)
        known = Observed(values, observed.mask).checked(self.space, n, self.device)
        call = Call(
            self._rng(None, default_seed=0),
            context=self._context_of(condition, n),
            observed=known,
        )
        dtype = known.values.dtype if self.space.kind.discrete else self.dtype
        values = hidden(known.values.to(dtype), ~known.mask)
        mean = self._conditional_mean(values, known.mask, call)
        if mean.shape != values.shape or not mean.is_floating_point():
            raise DefinitionError(
                f"{type(self).__name__}._conditional_mean gives a row a row, {list(values.shape)}",
                received=f"{mean.dtype} of shape {list(mean.shape)}",
            )
        return torch.where(known.mask, values.to(mean.dtype), mean)

    @final
    def imputed(self, x: Any, *, condition: Any = None) -> Float[Tensor, "n ..."]:
        """Give rows with each missing value (NaN, or the code −1) replaced by its mean.

        It takes missing values whether the model's space says `missing` or not. Raises
        DataError, ConditionError.
        """
        data = self.space.model_copy(update={"missing": True}).tensor(x)
        known = ~self.space.is_missing(data)
        return self.conditional_mean(Observed(data, known), condition=condition)

    @abstractmethod
    def _conditional_mean(self, values: Tensor, mask: Tensor, call: Call) -> Tensor:
        """Give E[x | values where the mask is True], `[n, *shape]`, floating, in data space.

        Values that aren't known are missing: NaN, or the code −1. What is given where they are
        known doesn't matter.
        """
