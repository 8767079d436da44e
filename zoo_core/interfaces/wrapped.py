"""Wrapped: a person's own torch module as a model of the zoo, and `wrap`, which makes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, final

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from zoo_core import config as configuration
from zoo_core.errors import ConfigError, DataError, UnsupportedError
from zoo_core.interfaces.assembly import described_alive
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.context import Context, ContextShape
from zoo_core.interfaces.density import DensityKind, DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.module_function import ModuleFunction
from zoo_core.interfaces.part import Part, Provides
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.randomness import seeded_globally
from zoo_core.interfaces.space import Space

Asked = str | Callable[..., Any]
"""A method's name, a bound method of the module, the module itself, or a function of (module, …)"""

_NONE: Mapping[str, ModuleFunction] = MappingProxyType({})


@final
class Wrapped(Generator, DensityModel):
    """A person's own module as a model: see `wrap`.

    It lives in memory. Its configuration describes it, but nothing can build it again, so it is
    neither saved nor made by name.
    """

    architecture = "core/wrapped"

    @final
    class Config(configuration.Config):
        """The space, the class of the module, what its log_prob is; a conditioner."""

        space: Space
        module: str
        density: DensityKind = DensityKind.EXACT
        how: str = ""
        conditioner: Annotated[Part, Provides(Conditioner)] | None = None

    config: Config
    conditioner: Conditioner | None
    _functions: Mapping[str, ModuleFunction] = _NONE

    def _build(self) -> None:
        module = self._taken("module")
        if module is None:
            raise _in_memory_alone(self.config.module)
        self.module = module
        # Keeps device and dtype of a module that has no floating tensor.
        self.register_buffer("empty", torch.zeros(0))

    @property
    def has_loss(self) -> bool:
        """Whether it can be trained: by its own loss, or by −log_prob."""
        return "loss" in self._functions or DensityModel in self.provides

    def _provides(self) -> frozenset[type[Model]]:
        asked = self._functions.keys()
        found = {DensityModel: {"log_prob", "distribution"}, Generator: {"sample", "distribution"}}
        return frozenset(one for one, by in found.items() if not by.isdisjoint(asked))

    def _density(self, options: Any) -> tuple[DensityKind, str]:
        del options
        return self.config.density, self.config.how

    def _log_prob(self, z: Any, call: Call) -> Tensor:
        if "log_prob" in self._functions:
            return self._figures("log_prob", len(z), call, z)
        log_prob = self._distribution(len(z), call).log_prob(z)
        return self._checked_figures(log_prob, self._functions["distribution"], len(z))

    def _loss(self, batch: Batch, call: Call) -> Tensor:
        if "loss" in self._functions:
            return self._figures("loss", len(batch), call, batch.x)
        if not self.has_loss:
            raise UnsupportedError(
                f"{self._name} has no loss to be trained by",
                remedy="Give zoo.wrap(…, loss=…), a function that gives one number a row.",
            )
        return super()._loss(batch, call)

    def _sample(self, n: int, call: Call) -> Tensor | Ragged:
        if "sample" not in self._functions:
            return self._drawn(n, call)
        function = self._functions["sample"]
        if call.lengths is not None and "lengths" not in function.takes:
            raise UnsupportedError(
                f"{function.name} can't be told how long its sequences are",
                received="lengths=…",
                remedy="Give `sample` an argument `lengths`: a tensor [n], or None.",
            )
        arguments = n, *_told(call)
        made = function(self.module, call, self.device, *arguments, lengths=call.lengths)
        return self._checked_rows(made, function, n)

    def _drawn(self, n: int, call: Call) -> Tensor | Ragged:
        """Draw from the module's distribution."""
        distribution = self._distribution(n, call)
        shape = torch.Size(() if distribution.batch_shape else (n,))
        with seeded_globally(call.rng, self.device):
            made = distribution.sample(shape)
        return self._checked_rows(made, self._functions["distribution"], n)

    def _distribution(self, n: int, call: Call) -> Distribution:
        """Ask for the distribution: one for all rows, or one of n."""
        function = self._functions["distribution"]
        made = function(self.module, call, self.device, *_told(call))
        if not isinstance(made, Distribution):
            raise function.wrong("a torch.distributions.Distribution", type(made).__name__)
        shapes = tuple(made.batch_shape), tuple(made.event_shape)
        if shapes not in (((), self.space.shape), ((n,), self.space.shape)):
            raise function.wrong(
                f"one distribution, or one of {n} rows, of samples {list(self.space.shape)}",
                received=f"batch_shape {list(shapes[0])}, event_shape {list(shapes[1])}",
                remedy="torch.distributions.Independent makes batch dimensions those of a sample.",
            )
        return made

    def _figures(self, role: str, n: int, call: Call, x: Any) -> Tensor:
        function = self._functions[role]
        found = function(self.module, call, self.device, x, *_told(call))
        return self._checked_figures(found, function, n)

    def _checked_figures(self, found: Any, function: ModuleFunction, n: int) -> Tensor:
        if not isinstance(found, Tensor) or not found.is_floating_point():
            received = found.dtype if isinstance(found, Tensor) else type(found).__name__
            raise function.wrong("floating numbers in a Tensor", received)
        if found.shape != (n,):
            received = f"shape {list(found.shape)}"
            raise function.wrong(f"one number a row, [{n}]", received, "Sum over a row's entries.")
        if bool(found.isnan().any()):
            row = int(found.isnan().nonzero()[0])
            raise function.wrong("numbers (of impossible rows −∞)", f"NaN at row {row}")
        return found.to(self.dtype)

    def _checked_rows(self, made: Any, function: ModuleFunction, n: int) -> Tensor | Ragged:
        if not isinstance(made, Ragged if self.space.ragged else Tensor) or len(made) != n:
            kind = "sequences in a Ragged" if self.space.ragged else "rows in a Tensor"
            received = f"{len(made)} rows" if isinstance(made, Tensor | Ragged) else type(made)
            raise function.wrong(f"{n} {kind}", received)
        try:
            values = self.space.tensor(made.values if isinstance(made, Ragged) else made)
            values = self.space.check(values, what="samples", empty=self.space.ragged)
        except DataError as error:
            remedy = "Map them into the space, or name the space that they are in."
            raise function.wrong(f"samples of {self.space}", error.received, remedy) from None
        values = values if self.space.kind.discrete else values.to(self.dtype)
        return Ragged(values, made.lengths) if isinstance(made, Ragged) else values

    @property
    def _name(self) -> str:
        return f"The wrapped {self.config.module}"


def refuse_wrapped(model: nn.Module) -> None:
    """Raise UnsupportedError for a model that can't be saved since a module is wrapped in it."""
    for module in model.modules():
        if isinstance(module, Wrapped):
            raise _in_memory_alone(module.config.module)


def _in_memory_alone(module: str) -> UnsupportedError:
    return UnsupportedError(
        "A wrapped module is in memory alone: its configuration doesn't say how to build it again",
        received=f"a wrapped {module}",
        remedy="To save it, write its class as a zoo.Model with a Config that _build makes the "
        "module from, and zoo.register that.",
    )


def _told(call: Call) -> tuple[Tensor | Context, ...]:
    """Give what a module is told: the vector of a context that has nothing else, or all of it."""
    context = call.context
    if context is None:
        return ()
    vector = context.vector
    alone = vector is not None and context.shape == ContextShape(vector=vector.shape[-1])
    return (vector if alone and vector is not None else context,)


def wrap(
    module: nn.Module,
    *,
    space: Space,
    log_prob: Asked | None = None,
    sample: Asked | None = None,
    loss: Asked | None = None,
    distribution: Asked | None = None,
    conditioner: Part | Conditioner | None = None,
    density: DensityKind = DensityKind.EXACT,
    how: str = "",
) -> Wrapped:
    """Make a torch module of any make a model of the zoo, which shares its tensors.

    Each of the four functions is the name of a method (`"log_prob"`, `"decoder.sample"`), a bound
    method of the module, the module itself, which means calling it, or a function whose first
    argument is the module:

        log_prob(x) -> [n]          in nats; `density` and `how` say what it is
        sample(n) -> [n, *shape]    of sequences a Ragged; one that takes `lengths` is told them
        loss(x) -> [n]              what training lowers; by default −log_prob
        distribution()              a torch.distributions.Distribution, instead of the first two

    With a `conditioner` (a Conditioner, which is shared, or a Part that describes one) each gets
    as a last argument what it is told: the tensor `[n, d]` of a Context that is a vector alone,
    else the Context. One that takes `rng` or `generator` draws from it; else torch's global
    generator is seeded for the while, so that the same rng gives the same samples. Rows come in
    the weights' dtype, on the module's device, in data space.

    Nothing can build the module again, so the model can't be saved. Raises DefinitionError for a
    function that doesn't fit, ConfigError for arguments that don't go together.
    """
    given = {"log_prob": log_prob, "sample": sample, "loss": loss, "distribution": distribution}
    asked = {role: function for role, function in given.items() if function is not None}
    _require_together(module, asked)
    _require_kinds(space, density, how)
    told = () if conditioner is None else ("context",)
    described = _described(conditioner)
    name = type(module).__name__
    config = Wrapped.Config(
        space=space, module=name, density=density, how=how, conditioner=described
    )
    live = {"conditioner": conditioner} if isinstance(conditioner, Model) else {}
    model = Wrapped(config, parts={"module": module, **live})
    model._functions = {
        role: ModuleFunction.of(role, function, module, (*_ARGUMENTS[role], *told))
        for role, function in asked.items()
    }
    model.training = module.training
    return model


_ARGUMENTS = {"log_prob": ("x",), "sample": ("n",), "loss": ("x",), "distribution": ()}


def _require_kinds(space: object, density: object, how: object) -> None:
    """Raise ConfigError where what describes the model is of another class."""
    wanted = {
        "space": (space, Space, "Give one such as Space.real(2)."),
        "density": (
            density,
            DensityKind,
            f"Give DensityKind.{', '.join(DensityKind.__members__)}.",
        ),
        "how": (how, str, "Say in words how the density is computed."),
    }
    for name, (value, kind, remedy) in wanted.items():
        if not isinstance(value, kind):
            rule = f"`{name}` of wrap is a {kind.__name__}"
            raise ConfigError(rule, received=repr(value)[:120], remedy=remedy)


def _described(conditioner: object) -> Part | None:
    """Describe what tells the module: a live model, a Part, or nothing."""
    if isinstance(conditioner, Model):
        return described_alive(conditioner)
    if conditioner is None or isinstance(conditioner, Part):
        return conditioner
    raise ConfigError(
        "`conditioner` of wrap is a Conditioner, or a Part that describes one",
        received=repr(conditioner)[:120],
        remedy="Give a live one: zoo.load(…), or zoo.create(…).",
    )


def _require_together(module: nn.Module, asked: Mapping[str, Asked]) -> None:
    """Raise ConfigError for what can't be wrapped, or not so."""
    if not isinstance(module, nn.Module) or isinstance(module, Model):
        raise ConfigError(
            "wrap takes a torch module that is no model of the zoo",
            received=type(module).__name__,
            remedy="Use the model as it is."
            if isinstance(module, Model)
            else "Hold what isn't one as an attribute of an nn.Module.",
        )
    if not asked.keys() - {"loss"}:
        raise ConfigError(
            "A model of the zoo scores rows or makes them",
            received="neither log_prob, nor sample, nor distribution",
            remedy="Give log_prob='log_prob', or whatever the module's method is called.",
        )
    if "distribution" in asked and asked.keys() & {"log_prob", "sample"}:
        raise ConfigError(
            "A distribution scores and samples",
            received="log_prob or sample beside it",
            remedy="Give one or the other.",
        )
