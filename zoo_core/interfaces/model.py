"""Model: what every family's models share, built from a configuration and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self, TypeGuard, TypeVar, final

import torch
from torch import Tensor, nn

from zoo_core import config as configuration
from zoo_core.errors import (
    ConditionError,
    ConfigError,
    DefinitionError,
    OptionError,
    UnsupportedError,
)
from zoo_core.interfaces import late
from zoo_core.interfaces.assembly import build_parts, described_alive
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.boundary import Boundary, MovedBatches
from zoo_core.interfaces.call import Call, NoOptions
from zoo_core.interfaces.compilation import CompilationOptions, compile_methods
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.finality import refuse_overridden_finals
from zoo_core.interfaces.fitting import FitReport, FitRequest
from zoo_core.interfaces.inference import conditioner_for
from zoo_core.interfaces.objective import Objective, check_objectives
from zoo_core.interfaces.part import Part
from zoo_core.interfaces.preprocessing import Dequantize, Logit, Preprocessing, Standardize
from zoo_core.interfaces.randomness import fresh_rng, require_generator, seeded_initialisers
from zoo_core.interfaces.requests import checked_batches
from zoo_core.interfaces.space import Space

M = TypeVar("M", bound="Model")


def provided(model: object, interface: type[M]) -> TypeGuard[M]:
    """Say whether this very model provides an interface, which its class may and it may not."""
    return isinstance(model, interface) and interface in model.provides


class Model(Boundary):
    """A model of the zoo: a frozen configuration plus tensors, and nothing else.

    A plugin's class names its `architecture`, declares a nested `Config`, makes its parameters in
    `_build()` and implements the underscored methods of the interfaces it inherits. `_build` may
    compute anything from the configuration, but never reads a parameter's values or runs the
    model; what cannot be computed again is a persistent buffer.
    """

    Config: ClassVar[type[configuration.Config]] = configuration.Config
    screens: ClassVar[bool] = False
    """Whether `_fit` itself refuses real numbers of a Batch that aren't finite, before anything has
    changed: then `fit` doesn't read them for that alone, which halves the time of a single pass."""

    _interface: ClassVar[bool] = False
    _compilable: ClassVar[tuple[str, ...]] = ("_loss",)
    """Methods that `compile` compiles; each interface names its own."""

    config: Any
    """The configuration; a class narrows the annotation to its own."""

    def __init_subclass__(cls, *, interface: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._interface = interface
        refuse_overridden_finals(cls, Boundary)

    @final
    def __init__(
        self,
        config: configuration.Config,
        *,
        seed: int = 0,
        parts: Mapping[str, nn.Module] | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(config, type(self).Config):
            raise ConfigError(
                f"{type(self).__name__} is built from a {type(self).Config.__qualname__}",
                received=type(config).__name__,
                remedy=f"Use {type(self).__name__}.create(field=value, …).",
            )
        self.config = config
        self._live = dict(parts or {})
        self.space = self._space()
        with seeded_initialisers(seed):
            self.preprocessing = Preprocessing(self._preprocessing(), self.space)
            build_parts(self, self._live, seed)
            self._build()
        del self._live

    @classmethod
    @final
    def create(cls, *, seed: int = 0, **fields: Any) -> Self:
        """Build an untrained model from its configuration's fields.

        Where a field wants a Part, a live model may be given. It becomes the part itself, weights
        and all, and learns with this model, unless it is frozen: of a model none of whose
        parameters is trained (`given.requires_grad_(False)`) the configuration says that it is
        frozen, so that it is so after loading too. Raises ConfigError for a wrong field.
        """
        live = {name: value for name, value in fields.items() if isinstance(value, Model)}
        described = {name: described_alive(model) for name, model in live.items()}
        return cls(cls.Config.parse({**fields, **described}), seed=seed, parts=live)

    @classmethod
    @final
    def for_data(cls, data: Any, *, condition: Any = None, seed: int = 0, **fields: Any) -> Self:
        """Build an untrained model whose data-dependent fields are inferred from data.

        Fields that are given are kept. Raises DataError where data leave a choice open.
        """
        return cls.create(seed=seed, **cls._fields_for_data(data, condition, fields))

    @final
    def _taken(self, name: str) -> nn.Module | None:
        """In `_build`: give the live module that came as `parts[name]`, or None.

        A module that another library has made and filled is taken as it is, instead of being
        made from the configuration, which describes the same.
        """
        return self._live.get(name)

    @property
    @final
    def provides(self) -> frozenset[type[Model]]:
        """The interfaces that this very model provides."""
        return self._provides()

    @property
    @final
    def objectives(self) -> tuple[Objective, ...]:
        """The losses that training goes by, in the order of a round; most models have one."""
        names = (name for name, _ in self.named_parameters())
        return check_objectives(self._objectives(), names, type(self).__name__)

    @final
    def _require(self, interface: type[Model]) -> None:
        """Raise UnsupportedError where this model doesn't provide an interface."""
        if interface not in self.provides:
            provided = ", ".join(sorted(one.__name__ for one in self.provides))
            raise UnsupportedError(
                f"{self._name} is no {interface.__name__}",
                received=f"a model that provides {provided or 'no interface'}",
                remedy="Ask `model.provides` what a model can do.",
            )

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
        """Describe this model as a Part, without the space, which a parent gives.

        A description has no weights: a part built from it is untrained, and with `frozen` stays
        so. To share this model's weights, give the model itself where a Part is wanted.
        """
        self._refuse_given("be a Part")
        fields = self.config.to_json()
        fields.pop("space", None)
        return Part(self.architecture, fields, frozen)

    @final
    def loss(
        self, batch: Batch, *, objective: str | None = None, rng: torch.Generator | None = None
    ) -> Tensor:
        """Give the training loss of each row `[n]`, differentiable; weights are left to the loop.

        For a density model it is −log_prob in nats. `objective` is the name of one of the
        model's objectives, the first by default. Data are taken as checked (`fit` does it once);
        conditions may be Codes. Raises UnsupportedError for a model that isn't trained so,
        OptionError for an objective that it doesn't have.
        """
        objective = self._objective_of(objective)
        x = self._move(batch.x)
        generator = self._rng(rng, default_seed=None)
        z, log_det = self._to_network(x, generator, None)
        context = self._context_of(batch.condition, len(batch))
        call = Call(
            *(generator, context),
            options=self._loss_options(),
            objective=objective,
            log_det=log_det,
        )
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
            data=checked_batches(self, data, condition, weight, screened=self.screens),
            valid=None if valid is None else checked_batches(self, valid, None, None),
            rng=fresh_rng() if rng is None else require_generator(rng),
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
                MovedBatches(self, batches), lambda: torch.Generator(self.device).manual_seed(seed)
            )

    @final
    def compile(self, **options: Any) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Compile in place what `log_prob`, `sample` and `loss` run, at their first call.

        Options are torch.compile's backend, mode, dynamic and fullgraph. Nothing else changes:
        neither the configuration nor the tensors nor what is saved. Copies, views by `given` and
        loaded models aren't compiled. Random draws from an rng stay outside of what is compiled,
        so that the same rng gives the same draws; the dropout of training draws others. Raises
        OptionError.
        """
        compile_methods(self, self._compiled_names(), CompilationOptions.of(options))

    @final
    def __getstate__(self) -> dict[str, Any]:
        """Leave compiled methods out of copies: they belong to this instance."""
        state: dict[str, Any] = super().__getstate__()
        for name in self._compiled_names():
            state.pop(name, None)
        return state

    @classmethod
    @final
    def _compiled_names(cls) -> list[str]:
        mro = [c for c in cls.__mro__ if issubclass(c, Model)]
        return [name for c in mro for name in vars(c).get("_compilable", ())]

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

    def _objectives(self) -> tuple[Objective, ...]:
        """Name the losses; by default one, of all parameters. `call.objective` is the name."""
        return (Objective("loss"),)

    def _blocks(self) -> tuple[nn.Module, ...]:
        """List modules whose weights may be apart while they are not at work; none by default.

        A trainer that divides weights among processes puts those of one block together at a
        time. Every loss calls each block, and by its `forward` alone; none is inside another.
        """
        return ()

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

    def _loss_options(self) -> Any:
        """Give the options that `_loss` finds in its call; a density's are log_prob's defaults."""
        return NoOptions()

    @final
    def _objective_of(self, name: str | None) -> str:
        names = [objective.name for objective in self._objectives()]
        if name is not None and name not in names:
            raise OptionError(
                f"{type(self).__name__} has the objectives {', '.join(names)}", received=name
            )
        return names[0] if name is None else name
