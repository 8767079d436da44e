"""Conditional models that break what a condition promises, each in one way."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor, nn

import zoo_core as zoo
from conformance.mutant import Mutant
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.space import Space


class Told(zoo.Generator, zoo.DensityModel):
    """N(m(c), 1) of two independent entries, m a table of the label: what a mutant changes."""

    @final
    class Config(zoo.Config):
        conditioner: zoo.Part = zoo.Part("core/label", {"classes": 3})

    config: Config

    def _space(self) -> Space:
        return Space.real(2)

    def _build(self) -> None:
        self.table = nn.Parameter(torch.tensor([[-3.0, 0.0], [0.0, 3.0], [3.0, 1.0]]))

    def mean(self, call: zoo.Call, n: int) -> Tensor:
        del n
        assert call.context is not None
        return call.context.as_vector() @ self.table

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        noise = torch.randn(n, 2, generator=call.rng, dtype=self.dtype)
        return self.mean(call, n) + noise

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return torch.distributions.Normal(self.mean(call, len(z)), 1.0).log_prob(z).sum(1)


@final
class SoundTold(Told):
    pass


@final
class Deaf(Told):
    """The condition is ignored."""

    def mean(self, call: zoo.Call, n: int) -> Tensor:
        return self.table[0].expand(n, -1)


@final
class TwoAreOne(Told):
    """The last two conditions mean the same."""

    def mean(self, call: zoo.Call, n: int) -> Tensor:
        means = super().mean(call, n)
        return torch.where(means == self.table[2], self.table[1], means)


@final
class DeafSamples(Told):
    """The density goes by the condition, the samples don't."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return self.table[0] + torch.randn(n, 2, generator=call.rng, dtype=self.dtype)


@final
class FirstForAll(Told):
    """The condition of the first row is that of all."""

    def mean(self, call: zoo.Call, n: int) -> Tensor:
        return super().mean(call, n)[:1].expand(n, -1)


@final
class Averaged(Told):
    """Each row is told the mean of the batch's conditions."""

    def mean(self, call: zoo.Call, n: int) -> Tensor:
        return super().mean(call, n).mean(0).expand(n, -1)


@final
class Shuffled(Told):
    """Samples stand in another order than their conditions."""

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return super()._sample(n, call).roll(1, 0)


@final
class GivenIgnored(Told):
    """A view by `given` is taken for one that is told nothing."""

    def mean(self, call: zoo.Call, n: int) -> Tensor:
        return self.table.mean(0).expand(n, -1) if self.is_given else super().mean(call, n)


@final
class FreshView(Told):
    """A view by `given` has tensors of its own."""

    def __copy__(self) -> FreshView:
        view = FreshView(self.config, seed=1).to(self.dtype).eval()
        with torch.no_grad():
            view.table.add_(1.0)
        return view


@final
class RawOnly(Told):
    """A condition that was encoded outside counts for nothing: contexts are cut from their root."""

    def mean(self, call: zoo.Call, n: int) -> Tensor:
        given = self._given
        return super().mean(call, n) * (0.0 if isinstance(given, zoo.Context) else 1.0)


class Untold(zoo.DensityModel):
    """N(loc, 1) of two independent entries, of which nothing can be told."""

    def _space(self) -> Space:
        return Space.real(2)

    def _build(self) -> None:
        self.loc = nn.Parameter(torch.randn(2))

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return torch.distributions.Normal(self.loc, 1.0).log_prob(z).sum(1)


@final
class SoundUntold(Untold):
    pass


@final
class Lenient(Untold):
    """Its log_prob is replaced by one that takes a condition and leaves it."""

    def _build(self) -> None:
        super()._build()
        lenient: Any = self
        lenient.log_prob = self.score

    def score(self, x: Tensor, *, condition: Any = None) -> Tensor:
        del condition
        return type(self).log_prob(self, x)


@final
class OneRowLabel(zoo.Conditioner):
    """A label whose codes are one row, however many conditions there were."""

    architecture = "test/one-row-label"

    @final
    class Config(zoo.Config):
        classes: int = 3

    config: Config

    def _space(self) -> Space:
        return Space.categorical(self.config.classes)

    def _build(self) -> None:
        self.register_buffer("zero", torch.zeros(1, self.config.classes))

    @property
    def context_shape(self) -> Any:
        return zoo.ContextShape(vector=self.config.classes)

    def _prepare(self, raw: Any) -> Codes:
        labels = self.space.tensor(raw).reshape(-1)
        return Codes({"label": labels[:1]})

    def _encode(self, codes: Codes) -> zoo.Context:
        one_hot = nn.functional.one_hot(codes["label"], self.config.classes)
        return zoo.Context(vector=one_hot.to(self.dtype))

    def _null(self) -> zoo.Context:
        return zoo.Context(vector=self.get_buffer("zero"))


def one_row() -> Model:
    zoo.register(OneRowLabel)
    return SoundTold.create(conditioner=OneRowLabel.create())


def _mutant(name: str, broken: type[Model], caught_by: str) -> Mutant:
    return Mutant(name, broken.create, SoundTold.create, caught_by)


_CHANGES = "another-condition-changes-the-output"
_SCORED = "each-row-is-scored-under-its-own-condition"
_SAMPLED = "each-row-is-sampled-under-its-own-condition"
_FORMS = "every-form-of-a-condition-means-the-same"

MUTANTS = [
    _mutant("a condition ignored", Deaf, _CHANGES),
    _mutant("two conditions taken for one", TwoAreOne, _CHANGES),
    _mutant("a condition ignored in sampling", DeafSamples, _CHANGES),
    _mutant("the first row's condition for all, scored", FirstForAll, _SCORED),
    _mutant("the first row's condition for all, sampled", FirstForAll, _SAMPLED),
    _mutant("conditions averaged over the batch, scored", Averaged, _SCORED),
    _mutant("conditions averaged over the batch, sampled", Averaged, _SAMPLED),
    _mutant("samples in another order than their conditions", Shuffled, _SAMPLED),
    _mutant("given() ignored", GivenIgnored, _FORMS),
    _mutant("given() with tensors of its own", FreshView, _FORMS),
    _mutant("a Context ignored", RawOnly, _FORMS),
    Mutant(
        "any number of conditions",
        one_row,
        SoundTold.create,
        "wrong-numbers-of-conditions-are-refused",
    ),
    Mutant(
        "a condition that a model can't take",
        Lenient.create,
        SoundUntold.create,
        "conditions-of-an-unconditional-model-are-refused",
    ),
]
