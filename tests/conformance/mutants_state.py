"""Models whose configuration and tensors are not the whole of them, each in one way."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any, final

import pydantic
import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from conformance.plain import Plain, mutant


@final
class GrowingConfig(Plain):
    """Its configuration is another one each time that it is parsed."""

    @final
    class Config(zoo.Config):
        width: pydantic.PositiveInt = 2

        @pydantic.field_validator("width")
        @classmethod
        def _wider(cls, width: int) -> int:
            return width + 1


@final
class LaxConfig(Plain):
    @final
    class Config(zoo.Config):
        model_config = pydantic.ConfigDict(extra="ignore")
        width: int = 2


@final
class UnseededWeights(Plain):
    def _build(self) -> None:
        super()._build()
        with torch.no_grad():
            self.loc += torch.tensor([random.random(), 0.0])


@final
class PlainAttribute(Plain):
    """What is drawn when it is built stands in an attribute, and is lost when it is saved."""

    def _build(self) -> None:
        super()._build()
        self.shift = torch.randn(2)

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z - self.shift.to(z.dtype), call)

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, call) + self.shift.to(self.dtype)


@final
class ForgottenBuffer(Plain):
    """What is drawn when it is built is in a buffer that isn't saved."""

    def _build(self) -> None:
        super()._build()
        self.register_buffer("shift", torch.randn(2), persistent=False)


@final
class BufferOfWeights(Plain):
    """What isn't saved was computed of the weights."""

    def _build(self) -> None:
        super()._build()
        shift = torch.zeros(2) if self.loc.is_meta else 2 * self.loc.detach()
        self.register_buffer("shift", shift, persistent=False)


@final
class LeftBehind(Plain):
    """A constant in an attribute stays where it is when the model moves."""

    def _build(self) -> None:
        super()._build()
        self.tables = {"shift": [torch.ones(2)]}


@final
class Computed(Plain):
    """Sound: what isn't saved is computed from the configuration alone, and moves."""

    def _build(self) -> None:
        super()._build()
        steps = torch.arange(self.config.width, dtype=torch.float32)
        self.register_buffer("steps", steps, persistent=False)


@final
class NumberFromWeights(Plain):
    """A number that is computed of the weights when it is built isn't theirs after loading."""

    def _build(self) -> None:
        super()._build()
        self.factor = 1.0 if self.loc.is_meta else float(self.loc.detach().sum())

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return super()._log_prob(z * self.factor, call)


@final
class ExtraState(Plain):
    def get_extra_state(self) -> Any:
        return {"format": object}

    def set_extra_state(self, state: Any) -> None:
        del state


@final
class Resized(Plain):
    """A tensor has another shape than its configuration builds, as after a fit that grows."""

    architecture = "test/resized"


def resized() -> zoo.Model:
    zoo.register(Resized)
    model = Resized.create()
    model.log_scale = nn.Parameter(torch.zeros(1))
    return model


@final
class Registered(Plain):
    architecture = "test/registered"


def registered() -> zoo.Model:
    return zoo.register(Registered).create()


@final
class Closure(Plain):
    """Its scoring holds the parameter itself, so that a copy scores by the original's."""

    def _build(self) -> None:
        super()._build()
        loc = self.loc
        self.centred: Callable[[Tensor], Tensor] = lambda z: z - loc

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        normal = torch.distributions.Normal(torch.zeros_like(self.loc), self.log_scale.exp())
        return normal.log_prob(self.centred(z)).sum(1)


@final
class SharedCopy(Plain):
    def __deepcopy__(self, memo: dict[int, Any]) -> SharedCopy:
        twin = copy.copy(self)
        memo[id(self)] = twin
        return twin


MUTANTS = [
    mutant(
        "a configuration that changes when parsed", GrowingConfig, "the-configuration-survives-json"
    ),
    mutant("a configuration that ignores unknown fields", LaxConfig, "unknown-fields-are-refused"),
    mutant(
        "weights of an unseeded generator", UnseededWeights, "the-seed-fixes-the-initial-weights"
    ),
    mutant("state in a plain attribute", PlainAttribute, "every-tensor-is-registered"),
    mutant(
        "state in a plain attribute, by behaviour",
        PlainAttribute,
        "configuration-and-tensors-are-the-whole-model",
    ),
    *(
        Mutant(name, broken.create, Computed.create, "every-tensor-is-registered")
        for name, broken in (
            ("a random buffer that isn't persistent", ForgottenBuffer),
            ("a buffer of weights that isn't persistent", BufferOfWeights),
            ("a constant that stays behind", LeftBehind),
        )
    ),
    mutant(
        "a number computed of the weights",
        NumberFromWeights,
        "configuration-and-tensors-are-the-whole-model",
    ),
    mutant("an object in the state dict", ExtraState, "the-state-is-tensors-alone"),
    Mutant(
        "a tensor of another shape than built",
        resized,
        registered,
        "a-saved-model-loads-to-the-bit",
    ),
    mutant("a closure over a parameter", Closure, "a-copy-stands-alone"),
    mutant("a copy that shares tensors", SharedCopy, "a-copy-stands-alone"),
]
