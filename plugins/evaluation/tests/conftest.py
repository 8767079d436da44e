"""Models with likelihoods that are known on paper, and data sets made in place."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any, final

import pytest
import torch
from pydantic import Field
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.config import Config as BaseConfig
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.interfaces.density import DensityKind, DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.joint import JointModel
from zoo_core.interfaces.part import Part
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space

LOG_2_PI = math.log(2 * math.pi)


@final
class Normal(Generator, DensityModel):
    """Standard normal entries about a mean, which a label may shift; an estimate where asked.

    `own` and `shared` are deviations of noise that its log-likelihood has for each row, and for
    all rows of a call together.
    """

    architecture = "measured/normal"

    @final
    class Config(BaseConfig):
        space: Space
        mean: float = 0.0
        own: Annotated[float, Field(ge=0)] = 0.0
        shared: Annotated[float, Field(ge=0)] = 0.0
        conditioner: Part | None = None

    config: Config

    def _build(self) -> None:
        self.anchor = nn.Parameter(torch.zeros(()))

    def _mean(self, call: Call) -> Any:
        vector = None if call.context is None else call.context.vector
        if vector is None:
            return self.config.mean
        labels = vector @ torch.arange(vector.shape[1], dtype=vector.dtype)
        return self.config.mean + labels.reshape(-1, *[1] * len(self.space.shape))

    def _sample(self, n: int, call: Call) -> Tensor:
        return self._mean(call) + torch.randn(n, *self.space.shape, generator=call.rng)

    def _log_prob(self, z: Tensor, call: Call) -> Tensor:
        each = -((z - self._mean(call)) ** 2) / 2 - LOG_2_PI / 2
        noise = self.config.own * torch.randn(len(z), generator=call.rng)
        return (
            each.flatten(1).sum(1)
            + noise
            + self.config.shared * torch.randn((), generator=call.rng)
        )

    def _density(self, options: Any) -> tuple[DensityKind, str]:
        noisy = self.config.own + self.config.shared > 0
        return (DensityKind.ESTIMATE, "noise") if noisy else (DensityKind.EXACT, "")


@final
class Unigram(Generator, DensityModel):
    """Independent codes of fixed probabilities, in arrays or in sequences of any length."""

    architecture = "measured/unigram"

    @final
    class Config(BaseConfig):
        space: Space
        weights: tuple[float, ...]

    config: Config

    def _build(self) -> None:
        self.weights = nn.Parameter(torch.tensor(self.config.weights))

    def _sample(self, n: int, call: Call) -> Tensor:
        size = n * self.space.size
        codes = torch.multinomial(self.weights, size, replacement=True, generator=call.rng)
        return codes.reshape(n, *self.space.shape)

    def _log_prob(self, z: Any, call: Call) -> Tensor:
        log_p = (self.weights / self.weights.sum()).log()
        if isinstance(z, Ragged):
            return Ragged(z.values, z.lengths).segment_sum(log_p[z.values.long()])
        return log_p[z.long()].flatten(1).sum(1)


@final
class Source(Generator):
    """Makes samples of two normal entries, and knows no likelihood."""

    architecture = "measured/source"

    @final
    class Config(BaseConfig):
        space: Space
        shift: float = 0.0

    config: Config

    def _build(self) -> None:
        self.anchor = nn.Parameter(torch.zeros(()))

    def _sample(self, n: int, call: Call) -> Tensor:
        return self.config.shift + torch.randn(n, *self.space.shape, generator=call.rng)


@final
class Sides(Classifier):
    """Two classes of a number, p(1 | x) = σ(x): neither a density nor samples."""

    architecture = "measured/sides"

    @final
    class Config(BaseConfig):
        space: Space
        conditioner: Part

    config: Config

    def _build(self) -> None:
        self.slope = nn.Parameter(torch.ones(()))

    @property
    def classes(self) -> int:
        return 2

    def _log_class_prob(self, z: Tensor, call: Call) -> Tensor:
        return nn.functional.logsigmoid(self.slope * torch.stack([-z[:, 0], z[:, 0]], 1))


@final
class Pair(JointModel, Generator):
    """Two normal classes of a number at −1 and 1, of the probabilities .3 and .7."""

    architecture = "measured/pair"

    @final
    class Config(BaseConfig):
        space: Space
        conditioner: Part

    config: Config

    def _build(self) -> None:
        self.mean = nn.Parameter(torch.tensor([-1.0, 1.0]))
        self.prior = nn.Parameter(torch.tensor([0.3, 0.7]))

    def _class_log_prior(self) -> Tensor:
        return self.prior.log()

    def _log_prob_each(self, z: Tensor, call: Call) -> Tensor:
        return -((z - self.mean) ** 2) / 2 - LOG_2_PI / 2

    def _sample(self, n: int, call: Call) -> Tensor:
        classes = self._classes_of(n, call)
        return (self.mean[classes] + torch.randn(n, generator=call.rng))[:, None]


@pytest.fixture(autouse=True)
def _registered() -> None:
    for model_class in (Normal, Unigram, Source, Sides, Pair):
        zoo.register(model_class)


@pytest.fixture
def normal() -> Callable[..., Normal]:
    """Make a Normal: test modules are imported on their own and can't import the class."""
    return lambda *shape, **fields: Normal.create(space=Space.real(*shape), **fields)


@pytest.fixture
def unigram() -> Callable[..., Unigram]:
    return lambda space, *weights: Unigram.create(space=space, weights=weights)


@pytest.fixture
def source() -> Callable[..., Source]:
    return lambda shift=0.0: Source.create(space=Space.real(2), shift=shift)


def _labels(*names: str) -> Part:
    named = {"names": names} if names else {}
    return Part("core/label", {"classes": 2, "missing": True, **named})


@pytest.fixture
def sides() -> Callable[..., Sides]:
    return lambda *names: Sides.create(space=Space.real(1), conditioner=_labels(*names))


@pytest.fixture
def pair() -> Callable[..., Pair]:
    return lambda *names: Pair.create(space=Space.real(1), conditioner=_labels(*names))


@pytest.fixture
def dataset() -> Callable[..., Dataset]:
    """Make a data set of rows, with a condition and a weight where given."""

    def make(x: Any, space: Space | None = None, condition: Any = None, **fields: Any) -> Dataset:
        data = (
            x
            if not isinstance(x, Tensor | Ragged)
            else Batch(x, condition, fields.pop("weight", None))
        )
        named = {"name": "rows", "split": Split.TEST, **fields}
        return Dataset(data=data, space=space or Space.real(*x.shape[1:]), **named)

    return make


@pytest.fixture
def draw() -> Callable[..., Tensor]:
    """Draw standard normal numbers from a seed."""
    return lambda *shape, seed=0: torch.randn(*shape, generator=zoo.rng(seed), dtype=torch.float64)
