"""Conditionable: a model of any part of a sample given the rest, in closed form."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import DataError, DefinitionError
from zoo_core.interfaces.call import Call, Observed
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
        where known; there the mean is the value itself. Raises DataError, ConditionError.
        """
        values = self.space.tensor(observed.values).to(self.device, self.dtype)
        if values.ndim != len(self.space.shape) + 1 or not len(values):
            raise DataError(
                f"Observed values have the shape [n, {', '.join(map(str, self.space.shape))}]",
                received=f"shape {list(values.shape)}",
                remedy="Add the batch dimension: values[None].",
            )
        mask = torch.as_tensor(observed.mask, dtype=torch.bool, device=self.device)
        mask = mask.expand(values.shape)
        if not bool(values[mask].isfinite().all()):
            raise DataError("Known values are finite numbers", received="NaN or infinite ones")
        call = Call(
            self._rng(None, default_seed=0),
            context=self._context_of(condition, len(values)),
            observed=Observed(values, mask),
        )
        mean = self._conditional_mean(values, mask, call)
        if mean.shape != values.shape:
            raise DefinitionError(
                f"{type(self).__name__}._conditional_mean gives a row a row, {list(values.shape)}",
                received=f"shape {list(mean.shape)}",
            )
        return torch.where(mask, values, mean)

    @final
    def imputed(self, x: Any, *, condition: Any = None) -> Float[Tensor, "n ..."]:
        """Give rows with each missing value (NaN, or the code −1) replaced by its mean."""
        data = self.space.tensor(x)
        known = ~self.space.is_missing(data)
        return self.conditional_mean(Observed(data, known), condition=condition)

    @abstractmethod
    def _conditional_mean(self, values: Tensor, mask: Tensor, call: Call) -> Tensor:
        """Give E[x | values where the mask is True] in data space, `[n, *shape]`.

        Values that aren't known are anything, NaN too.
        """
