"""Models whose hidden variables break what they promise, each in one way."""

from __future__ import annotations

from typing import Any, final

import torch
from torch import Tensor

import zoo_core as zoo
from conformance.mutant import Mutant
from models.autoencoder import PrincipalComponents
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.latent import Posterior
from zoo_core.interfaces.preprocessing import Logit, Standardize


class Spoiled(Posterior):
    """Passes on what the right posterior says, for a mutant to change one thing of."""

    def __init__(self, right: Posterior) -> None:
        self.right = right

    @property
    def mean(self) -> Tensor:
        return self.right.mean

    def log_prob(self, h: Tensor) -> Tensor:
        return self.right.log_prob(h)

    def rsample(self, rng: torch.Generator) -> Tensor:
        return self.right.rsample(rng)


@final
class HalfTheMean(Spoiled):
    """The mean of posterior and prior, for the posterior's."""

    @property
    def mean(self) -> Tensor:
        return self.right.mean / 2


@final
class Narrow(Spoiled):
    """Draws with a scale too small by an eighth."""

    def rsample(self, rng: torch.Generator) -> Tensor:
        return self.right.mean + 0.875 * (self.right.rsample(rng) - self.right.mean)


@final
class PriorDraws(Spoiled):
    """Draws with the prior's scale."""

    def rsample(self, rng: torch.Generator) -> Tensor:
        noise = torch.randn(self.mean.shape, generator=rng, dtype=self.mean.dtype)
        return self.mean + noise


@final
class Unnormalised(Spoiled):
    """log q without its normaliser."""

    def log_prob(self, h: Tensor) -> Tensor:
        return self.right.log_prob(h) - self.right.log_prob(self.right.mean)


@final
class MeanOverEntries(Spoiled):
    def log_prob(self, h: Tensor) -> Tensor:
        return self.right.log_prob(h) / h.shape[1]


@final
class OwnGenerator(Spoiled):
    """Draws don't follow the rng."""

    def rsample(self, rng: torch.Generator) -> Tensor:
        return self.right.rsample(torch.Generator().manual_seed(0))


@final
class NoGraph(Spoiled):
    def rsample(self, rng: torch.Generator) -> Tensor:
        return self.right.rsample(rng).detach()


class Components(PrincipalComponents):
    """Those, with another posterior around the right one."""

    spoiled: type[Spoiled] = Spoiled

    def _posterior(self, z: Tensor, call: zoo.Call) -> Posterior:
        return self.spoiled(super()._posterior(z, call))


@final
class BatchCentred(PrincipalComponents):
    """Codes are relative to the batch's mean."""

    def _posterior(self, z: Tensor, call: zoo.Call) -> Posterior:
        return super()._posterior(z - z.mean(0), call)


@final
class BatchDecoded(PrincipalComponents):
    """Decoded rows are centred on the batch."""

    def _decode(self, h: Tensor, call: zoo.Call) -> Tensor:
        return super()._decode(h - h.mean(0), call)


@final
class PutBackTwice(PrincipalComponents):
    """What is decoded is mapped to data space, which the base does too."""

    def _decode(self, h: Tensor, call: zoo.Call) -> Tensor:
        return self.preprocessing.inverse(super()._decode(h, call))


@final
class StandardizedTwice(PrincipalComponents):
    def _posterior(self, z: Tensor, call: zoo.Call) -> Posterior:
        return super()._posterior(self.preprocessing(z, call.rng)[0], call)


@final
class Inside(PrincipalComponents):
    """Data between 0 and 1, mapped to the line and back."""

    def _preprocessing(self) -> tuple[Any, ...]:
        return (Logit(alpha=0.01), Standardize())


@final
class Outside(PrincipalComponents):
    """Data between 0 and 1, decoded without a map into there."""

    def _preprocessing(self) -> tuple[Any, ...]:
        return ()


def fitted(model_class: type[PrincipalComponents], space: zoo.Space | None = None) -> zoo.Model:
    """Give a model of standardised data of another scale."""
    space = zoo.Space.real(3) if space is None else space
    model = model_class.create(space=space)
    x = torch.rand(200, *space.shape, generator=zoo.rng(0))
    x = x if space.kind == "unit" else 4 * x + 1
    model.fit_preprocessing(Batch(x), zoo.rng(0))
    return model


def _mutant(name: str, broken: type[PrincipalComponents], caught_by: str) -> Mutant:
    return Mutant(name, lambda: fitted(broken), lambda: fitted(PrincipalComponents), caught_by)


def _spoiled(name: str, posterior: type[Spoiled], caught_by: str) -> Mutant:
    broken = type("Broken", (Components,), {"spoiled": posterior})
    return _mutant(name, broken, caught_by)


_ONE, _FOLLOW = "the-posterior-integrates-to-one", "posterior-samples-follow-its-density"
_REPEAT = "posterior-draws-repeat-and-carry-gradients"
_OWN, _UNITS = "hidden-variables-are-each-rows-own", "data-in-other-units-are-reconstructed-in-them"

MUTANTS = [
    _spoiled("posterior unnormalised", Unnormalised, _ONE),
    _spoiled("posterior's log_prob averaged over entries", MeanOverEntries, _ONE),
    _spoiled("code that isn't the posterior's mean", HalfTheMean, _FOLLOW),
    _spoiled("posterior drawn too narrow", Narrow, _FOLLOW),
    _spoiled("posterior drawn with the prior's scale", PriorDraws, _FOLLOW),
    _spoiled("posterior's rng ignored", OwnGenerator, _REPEAT),
    _spoiled("posterior's draws detached", NoGraph, _REPEAT),
    _mutant("codes relative to the batch", BatchCentred, _OWN),
    _mutant("decoded rows relative to the batch", BatchDecoded, _OWN),
    _mutant("decoded rows put back twice", PutBackTwice, _UNITS),
    _mutant("data standardised twice", StandardizedTwice, _UNITS),
    Mutant(
        "decoded rows outside of the space",
        lambda: fitted(Outside, zoo.Space.unit(3)),
        lambda: fitted(Inside, zoo.Space.unit(3)),
        "what-is-decoded-is-in-the-space",
    ),
]
