"""Boundary: what stands between a model's public methods and what a plugin implements."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from zoo_core.config import Config
from zoo_core.errors import ConditionError, ConfigError, DataError, OptionError, UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.preprocessing import Preprocessing
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.randomness import child_rng, fresh_rng, require_generator, rng
from zoo_core.interfaces.space import Space
from zoo_core.interfaces.synonyms import remedy_for

_BESIDE = ("condition", "lengths", "observed", "rng", "start", "valid", "weight")
"""What public methods take beside options: often what was meant by an unknown one."""


class Boundary(nn.Module, ABC):
    """Checks and conversions that the public methods of every interface share.

    On one side is what people give: data in data space, raw conditions, options, an rng of any
    device. On the other is what a plugin gets: tensors known to be right, in network space.
    """

    architecture: ClassVar[str] = ""
    observes: ClassVar[bool] = False
    """Whether the model can be told a part of the sample (`observed=`)."""
    marginalizes: ClassVar[bool] = False
    """Whether a conditional model may be told no condition, which means its marginal."""
    _given: Codes | Context | None = None

    space: Space
    preprocessing: Preprocessing

    @property
    @final
    def device(self) -> torch.device:
        """Where the model's tensors are."""
        return self._tensor_options()[0]

    @property
    @final
    def dtype(self) -> torch.dtype:
        """The floating type of the model's weights."""
        return self._tensor_options()[1]

    @property
    @final
    def is_given(self) -> bool:
        """Whether this is a view with its condition bound, as `given` makes it."""
        return self._given is not None

    @property
    @final
    def is_conditional(self) -> bool:
        """Whether the model takes a condition."""
        return self._conditioner() is not None

    @final
    def _conditioner(self) -> Any:
        """Give the Conditioner held as the Part `conditioner`, or None."""
        return self._modules.get("conditioner")

    @final
    def _codes_of(self, condition: Any, n: int | None) -> Codes:
        conditioner = self._conditioner()
        if conditioner is None:
            raise ConditionError(
                f"{self._name} takes no condition",
                received=f"a condition of type {type(condition).__name__}",
                remedy=self._instead_of_condition(),
            )
        return conditioner.prepare(condition, n)

    @final
    def _instead_of_condition(self) -> str:
        if self.observes and self.space.ragged:
            return "Leave `condition` out; what samples begin with is observed=zoo.Observed(…)."
        return "Leave `condition` out, or use a conditional model."

    @final
    def _told(self, condition: Any, n: int) -> Codes | Context | None:
        """Prepare the condition of n rows; checks that there is one exactly where one is needed."""
        if self.is_given and condition is not None:
            raise ConditionError("The condition of this view is bound", received="another one")
        condition = self._given if self.is_given else condition
        if condition is None:
            if self.is_conditional and not self.marginalizes:
                raise ConditionError(
                    f"{self._name} needs a condition",
                    remedy=f"Pass condition=…, one or one a row: {self._conditioner().space}.",
                )
            return None
        if isinstance(condition, Codes | Context) and self.is_conditional:
            return condition.expand(n)
        return self._codes_of(condition, n)

    @final
    def _encoded(self, told: Codes | Context | None) -> Context | None:
        """Encode what `_told` prepared, on the model's device."""
        if told is None:
            return None
        conditioner = self._conditioner()
        context = conditioner.encode(told) if isinstance(told, Codes) else told
        if context.shape != conditioner.context_shape:
            raise ConditionError(
                f"A Context for {self._name} has the shape of its Conditioner's",
                received=context.shape,
                remedy=f"Make it by the model's conditioner: {conditioner.context_shape}.",
            )
        return context.to(self.device, self.dtype)

    @final
    def _context_of(self, condition: Any, n: int) -> Context | None:
        """Prepare and encode the condition of n rows."""
        return self._encoded(self._told(condition, n))

    @final
    def _checked(
        self, x: Any, *, anywhere: bool = False, screened: bool = False
    ) -> Tensor | Ragged:
        """Check data of a public method and move them to the weights' dtype.

        Tensors are on the model's device, and what is made of others, such as texts, is put there;
        with `anywhere` they may be, and stay, elsewhere. With `screened` real numbers aren't
        looked at.
        """
        placed = isinstance(x, Tensor | Ragged)
        if self.space.ragged and isinstance(x, str | list | tuple):
            x = self.space.sequences(x)
        if isinstance(x, Ragged) != self.space.ragged:
            raise DataError(
                f"{self._name} is a model of {'sequences' if self.space.ragged else 'arrays'}",
                received=type(x).__name__,
                remedy="Give a list of sequences, or Ragged(values, lengths)."
                if self.space.ragged
                else "Give a tensor.",
            )
        if isinstance(x, Ragged) and not len(x):
            raise DataError("A batch of data has at least one row", received="no sequences")
        values = x.values if isinstance(x, Ragged) else x
        if placed and values.device != self.device and not anywhere:
            raise DataError(
                "Data are on the model's device",
                received=f"data on {values.device}, model on {self.device}",
                remedy=f"Move them: x.to({str(self.device)!r}).",
            )
        values = self.space.tensor(values)
        values = self.space.check(values, empty=isinstance(x, Ragged), screened=screened)
        values = values if anywhere else values.to(self.device)
        values = values if self.space.kind.discrete else values.to(self.dtype)
        return Ragged(values, x.lengths) if isinstance(x, Ragged) else values

    @final
    def _move(self, x: Tensor | Ragged) -> Tensor | Ragged:
        """Move data to the model's device, and floating ones to its dtype."""
        dtype = None if self.space.kind.discrete else self.dtype
        return x.to(device=self.device, dtype=dtype)

    @final
    def _to_network(
        self, x: Tensor | Ragged, generator: torch.Generator, observed: Tensor | None
    ) -> tuple[Tensor | Ragged, Tensor]:
        """Map data to network space; give the log-determinant over the entries not observed."""
        if isinstance(x, Ragged) or not len(self.preprocessing.maps):
            return x, torch.zeros(len(x), device=self.device, dtype=self.dtype)
        z, log_slope = self.preprocessing(x.to(self.dtype), generator)
        if observed is not None:
            log_slope = log_slope.masked_fill(observed, 0.0)
        return z, log_slope.flatten(1).sum(1) if log_slope.ndim > 1 else log_slope

    @final
    def _rng(
        self, generator: torch.Generator | None, *, default_seed: int | None
    ) -> torch.Generator:
        """Give a generator on the model's device: the caller's, a child of it, or a default."""
        if generator is None:
            return (
                fresh_rng(self.device) if default_seed is None else rng(default_seed, self.device)
            )
        same = require_generator(generator).device.type == self.device.type
        return generator if same else child_rng(generator, self.device)

    @final
    def _options(
        self,
        declared: type[Config],
        given: Mapping[str, Any],
        beside: Sequence[str] = _BESIDE,
    ) -> Any:
        """Check options against the declared ones; the method takes arguments `beside` them.

        Raises OptionError, which names what an unknown one may be meant to be.
        """
        try:
            return declared.parse(given)
        except ConfigError as error:
            known = list(declared.model_fields)
            unknown = [name for name in given if name not in known]
            if not unknown:
                rule, received, remedy = error.rule, error.received, error.remedy
                raise OptionError(rule, received=received, remedy=remedy) from None
        usable = [*known, *(name for name in beside if self._takes(name))]
        raise OptionError(
            f"{declared.__qualname__} takes {', '.join(known) or 'nothing'}",
            received=", ".join(unknown),
            remedy=remedy_for(unknown[0], usable),
        )

    @final
    def _takes(self, argument: str) -> bool:
        """Whether this model can be given an argument that not every model takes."""
        allowed = {
            "condition": self.is_conditional and not self.is_given,
            "observed": self.observes,
            "lengths": self.space.ragged,
        }
        return allowed.get(argument, True)

    @final
    def _refuse_given(self, what: str) -> None:
        if self.is_given:
            raise UnsupportedError(
                f"A view with a bound condition can't {what}", remedy="Use the model itself."
            )

    @property
    def _name(self) -> str:
        return self.architecture or type(self).__name__

    @final
    def _tensor_options(self) -> tuple[torch.device, torch.dtype]:
        tensor = _first_floating(self, "_parameters")
        tensor = _first_floating(self, "_buffers") if tensor is None else tensor
        if tensor is None:
            return torch.device("cpu"), torch.get_default_dtype()
        return tensor.device, tensor.dtype


def _first_floating(module: nn.Module, kind: str) -> Tensor | None:
    """Give the first floating tensor of a module; a quarter of the time that `parameters()` takes.

    Every call of a public method asks several times.
    """
    for tensor in vars(module)[kind].values():
        if tensor is not None and tensor.is_floating_point():
            return tensor
    for child in vars(module)["_modules"].values():
        found = None if child is None else _first_floating(child, kind)
        if found is not None:
            return found
    return None


@final
class MovedBatches:
    """A re-iterable of a model's batches as (x, weight), x as network maps take it."""

    def __init__(self, model: Boundary, batches: Iterable[Batch]) -> None:
        self.model, self.batches = model, batches

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor | None]]:
        for batch in self.batches:
            x = self.model._move(batch.x)
            if isinstance(x, Tensor):
                weight = None if batch.weight is None else batch.weight.to(self.model.device)
                yield x.to(self.model.dtype), weight
