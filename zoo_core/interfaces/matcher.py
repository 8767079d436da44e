"""Matcher: a model that knows how well data and conditions go together."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar, final

from jaxtyping import Float
from torch import Tensor

from zoo_core.errors import ConditionError, DefinitionError, UnsupportedError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.noise import Noise, noised_rows


class Matcher(Model, interface=True):
    """A model of log p(condition | x); a plugin implements `_match(x, noise, call)`.

    Any Matcher can guide a Denoiser, by its gradient (Dhariwal & Nichol 2021, arXiv:2105.05233,
    section 4). Provisional until a second family has used it unchanged.
    """

    noise_aware: ClassVar[bool] = False
    """Whether the model can be asked about noised data (`noise=`)."""

    _compilable: ClassVar[tuple[str, ...]] = ("_match",)

    @final
    def match(self, x: Any, condition: Any, *, noise: Noise | None = None) -> Float[Tensor, " n"]:
        """Give log p(condition | x), in nats, of each row of `x [n, *shape]` as the user has it.

        Up to a number that may depend on x but not on the condition, so that conditions can be
        compared. `condition` is one for all or one a row. With `noise`, x is
        alpha·x0 + sigma·eps in data units. Gradients with respect to x flow through. Raises
        DataError, ConditionError, or UnsupportedError for a model that knows no noise.
        """
        self._require(Matcher)
        if noise is not None and not self.noise_aware:
            raise UnsupportedError(
                f"{self._name} knows clean data alone",
                received="noise=…",
                remedy="Use a model whose class says `noise_aware`, or match predicted data.",
            )
        data: Any = self._checked(x) if noise is None else noised_rows(self, x)
        context = self._context_of(condition, len(data))
        if context is None:
            raise ConditionError(f"{self._name} matches data with a condition", received="none")
        levels = None if noise is None else noise.rows(data)
        matched = self._match(data, levels, Call(self._rng(None, default_seed=0), context=context))
        if matched.shape != (len(data),):
            raise DefinitionError(
                f"{type(self).__name__}._match gives one number a row, [{len(data)}]",
                received=f"shape {list(matched.shape)}",
            )
        return matched

    @abstractmethod
    def _match(self, x: Any, noise: Noise | None, call: Call) -> Tensor:
        """Give log p(call.context | x) `[n]` in nats, up to a number that knows only x.

        x is in data units; `noise`, where it is given, has an alpha and a sigma a row.
        """
