"""Model: what every family's models share, built from a configuration and nothing else."""

from __future__ import annotations

import copy
from abc import ABC
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self, final

import torch
from torch import Tensor, nn

from zoo_core import config as configuration
from zoo_core.errors import (
    ConditionError,
    ConfigError,
    DataError,
    DefinitionError,
    OptionError,
    UnsupportedError,
)
from zoo_core.interfaces import late
from zoo_core.interfaces.assembly import build_parts
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.finality import refuse_overridden_finals
from zoo_core.interfaces.fitting import FitReport, FitRequest
from zoo_core.interfaces.inference import conditioner_for
from zoo_core.interfaces.part import Part
from zoo_core.interfaces.preprocessing import Dequantize, Logit, Preprocessing, Standardize
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.randomness import child_rng, fresh_rng, rng, seeded_initialisers
from zoo_core.interfaces.requests import checked_batches
from zoo_core.interfaces.space import Space


class Model(nn.Module, ABC):
    """A model of the zoo: a frozen configuration plus tensors, and nothing else.

    A plugin's class names its `architecture`, declares a nested `Config`, makes its parameters in
    `_build()` and implements the underscored methods of the interfaces it inherits. `_build` may
    compute anything from the configuration, but never reads a parameter's values or runs the
    model; what cannot be computed again is a persistent buffer.
    """

    architecture: ClassVar[str] = ""
    Config: ClassVar[type[configuration.Config]] = configuration.Config
    observes: ClassVar[bool] = False
    """Whether the model can be told a part of the sample (`observed=`)."""

    _interface: ClassVar[bool] = False
    _given: Codes | Context | None = None

    config: Any
    """The configuration; a class narrows the annotation to its own."""
    space: Space
    preprocessing: Preprocessing

    def __init_subclass__(cls, *, interface: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._interface = interface
        refuse_overridden_finals(cls, Model)

    @final
    def __init__(
        self,
        config: configuration.Config,
        *,
        seed: int = 0,
        parts: Mapping[str, Model] | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(config, type(self).Config):
            raise ConfigError(
                f"{type(self).__name__} is built from a {type(self).Config.__qualname__}",
                received=type(config).__name__,
                remedy=f"Use {type(self).__name__}.create(field=value, …).",
            )
        self.config = config
        self.space = self._space()
        with seeded_initialisers(seed):
            self.preprocessing = Preprocessing(self._preprocessing(), self.space)
            build_parts(self, parts or {}, seed)
            self._build()

    @classmethod
    @final
    def create(cls, *, seed: int = 0, **fields: Any) -> Self:
        """Build an untrained model from its configuration's fields.

        Where a field wants a Part, a live model may be given; it becomes the part itself. Raises
        ConfigError for a wrong field.
        """
        live = {name: value for name, value in fields.items() if isinstance(value, Model)}
        described = {name: model.as_part() for name, model in live.items()}
        return cls(cls.Config.parse({**fields, **described}), seed=seed, parts=live)

    @classmethod
    @final
    def for_data(cls, data: Any, *, condition: Any = None, seed: int = 0, **fields: Any) -> Self:
        """Build an untrained model whose data-dependent fields are inferred from data.

        Fields that are given are kept. Raises DataError where data leave a choice open.
        """
        return cls.create(seed=seed, **cls._fields_for_data(data, condition, fields))

    @property
    @final
    def provides(self) -> frozenset[type[Model]]:
        """The interfaces that this very model provides."""
        return self._provides()

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
    def given(self, condition: Any) -> Self:
        """Give a view of this model with the condition bound: the same class, the same tensors.

        The view can't be saved or be a Part. Raises ConditionError for a wrong condition.
        """
        if self.is_given:
            raise ConditionError(
                "A model is told its condition once",
                received="a condition for a view that has one",
                remedy="Call given() on the model itself.",
            )
        view = copy.copy(self)
        bound = condition if isinstance(condition, Context) else self._codes_of(condition, None)
        self._encoded(bound)
        view._given = bound
        return view

    @final
    def as_part(self, *, frozen: bool = False) -> Part:
        """Describe this model as a Part, without the space, which a parent gives."""
        self._refuse_given("be a Part")
        fields = self.config.to_json()
        fields.pop("space", None)
        return Part(self.architecture, fields, frozen)

    @final
    def loss(
        self, batch: Batch, *, objective: Any = None, rng: torch.Generator | None = None
    ) -> Tensor:
        """Give the training loss of each row `[n]`, differentiable; weights are left to the loop.

        For a density model it is −log_prob in nats. Data are taken as checked (`fit` does it
        once); conditions may be Codes. Raises UnsupportedError for a model that isn't trained so.
        """
        x = self._move(batch.x)
        generator = self._rng(rng, default_seed=None)
        z, log_det = self._to_network(x, generator, None)
        context = self._context_of(batch.condition, len(batch))
        call = Call(generator, context=context, objective=objective, log_det=log_det)
        return self._loss(Batch(z, batch.condition, batch.weight), call)

    @final
    def fit(
        self,
        data: Any,
        *,
        condition: Any = None,
        weight: Any = None,
        valid: Any = None,
        rng: torch.Generator | None = None,
        start: Any = None,
        **options: Any,
    ) -> FitReport:
        """Fit the model to data: in closed form or by EM where it can, else by the trainer.

        `data` is an array, a Ragged, a Batch or a re-iterable of Batches; `condition` and
        `weight` have a row each; `valid` is an array, a pair (x, condition) or a Batch;
        `options` are the trainer's, which refuses unknown ones. Raises DataError before anything
        has changed, PluginMissingError where a trainer is needed and none is installed.
        """
        self._refuse_given("be fitted")
        request = FitRequest(
            data=checked_batches(self, data, condition, weight),
            valid=None if valid is None else checked_batches(self, valid, None, None),
            rng=fresh_rng() if rng is None else rng,
            start=start,
            options=options,
        )
        return self._fit(request)

    @final
    def fit_preprocessing(self, data: Batch | Iterable[Batch], rng: torch.Generator) -> None:
        """Fit the map to network space in weighted passes over the data; a trainer calls it."""
        batches = [data] if isinstance(data, Batch) else data
        seed = int(torch.randint(2**63 - 1, (), generator=rng, device=rng.device))
        if len(self.preprocessing.maps):
            self.preprocessing.fit(
                _Moved(self, batches), lambda: torch.Generator(self.device).manual_seed(seed)
            )

    # What a plugin implements.

    def _build(self) -> None:
        """Make parameters, buffers and modules from `self.config` and `self.space`."""

    def _space(self) -> Space:
        """Say what one sample is; by default the configuration's field `space`."""
        space = dict(self.config).get("space")
        if not isinstance(space, Space):
            raise DefinitionError(
                f"{type(self).__name__}.Config has a field `space`, or the class defines _space()",
                received=space,
            )
        return space

    def _preprocessing(self) -> tuple[Standardize | Dequantize | Logit, ...]:
        """Choose the maps to network space; none by default."""
        return ()

    def _part_space(self, name: str) -> Space:
        """Say which space the part of this name is given; by default the model's own."""
        del name
        return self.space

    def _provides(self) -> frozenset[type[Model]]:
        """List the interfaces; a composite, whose parts decide, narrows them."""
        mro = type(self).__mro__
        return frozenset(c for c in mro if issubclass(c, Model) and c._interface)

    def _loss(self, batch: Batch, call: Call) -> Tensor:
        """Give the loss of each row of a batch in network space."""
        del batch, call
        raise UnsupportedError(
            f"{type(self).__name__} has no training loss",
            remedy="Train another model, or fit() it.",
        )

    def _fit(self, request: FitRequest) -> FitReport:
        """Fit; by default by the installed trainer, in closed form or by EM where a family can."""
        return late.train(self, request)

    @classmethod
    def _fields_for_data(cls, data: Any, condition: Any, fields: dict[str, Any]) -> dict[str, Any]:
        """Infer fields from data: by default `space`, and `conditioner` from conditions."""
        inferred = dict(fields)
        if "space" in cls.Config.model_fields and "space" not in inferred:
            inferred["space"] = Space.of(data)
        if condition is not None and "conditioner" not in inferred:
            inferred["conditioner"] = conditioner_for(condition)
        return inferred

    # What the interfaces share.

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
                remedy="Leave `condition` out, or use a conditional model.",
            )
        return conditioner.prepare(condition, n)

    @final
    def _told(self, condition: Any, n: int) -> Codes | Context | None:
        """Prepare the condition of n rows; checks that there is one exactly where one is needed."""
        if self.is_given and condition is not None:
            raise ConditionError("The condition of this view is bound", received="another one")
        condition = self._given if self.is_given else condition
        if condition is None:
            if self.is_conditional:
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
    def _checked(self, x: Any, *, anywhere: bool = False) -> Tensor | Ragged:
        """Check data of a public method and move them to the weights' dtype.

        With `anywhere` they may be, and stay, on another device than the model's.
        """
        if isinstance(x, Ragged) != self.space.ragged:
            raise DataError(
                f"{self._name} is a model of {'sequences' if self.space.ragged else 'arrays'}",
                received=type(x).__name__,
                remedy="Give Ragged(values, lengths)." if self.space.ragged else "Give a tensor.",
            )
        values = x.values if isinstance(x, Ragged) else x
        if isinstance(values, Tensor) and values.device != self.device and not anywhere:
            raise DataError(
                "Data are on the model's device",
                received=f"data on {values.device}, model on {self.device}",
                remedy=f"Move them: x.to({str(self.device)!r}).",
            )
        values = self.space.check(self.space.tensor(values), empty=isinstance(x, Ragged))
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
        same = generator.device.type == self.device.type
        return generator if same else child_rng(generator, self.device)

    @final
    def _options(self, declared: type[configuration.Config], given: Mapping[str, Any]) -> Any:
        """Check options against the declared ones. Raises OptionError."""
        try:
            return declared.parse(given)
        except ConfigError as error:
            raise OptionError(error.rule, received=error.received, remedy=error.remedy) from None

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
        for tensors in (self.parameters(), self.buffers()):
            for tensor in tensors:
                if tensor.is_floating_point():
                    return tensor.device, tensor.dtype
        return torch.device("cpu"), torch.get_default_dtype()


@final
class _Moved:
    """A re-iterable of a model's batches as (x, weight), x as network maps take it."""

    def __init__(self, model: Model, batches: Iterable[Batch]) -> None:
        self.model, self.batches = model, batches

    def __iter__(self) -> Any:
        for batch in self.batches:
            x = self.model._move(batch.x)
            if isinstance(x, Tensor):
                weight = None if batch.weight is None else batch.weight.to(self.model.device)
                yield x.to(self.model.dtype), weight
