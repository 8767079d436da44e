"""Checks of Latent: posteriors that are distributions, codes in data units, rows by themselves."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close, same
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import both, provides
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.statistics.quadrature import LARGEST, quadrature
from zoo_core.conformance.statistics.rank_tests import swapped
from zoo_core.conformance.subject import Subject
from zoo_core.conformance.target import Target
from zoo_core.errors import ConformanceError, DataError, UnsupportedError
from zoo_core.interfaces.latent import Latent, Posterior
from zoo_core.interfaces.preprocessing import StandardizeMap
from zoo_core.interfaces.space import Space

_ROWS, _DRAWS = 8, 4096
_ROUNDING = 1e-7
"""Relative, in double precision."""
_TOLERANCE = 1e-3

_has_latent = provides(Latent)


def _standardizes(subject: Subject) -> bool:
    """Claim to standardise its data before all else."""
    maps = list(subject.model.preprocessing.maps)
    return bool(maps) and isinstance(maps[0], StandardizeMap)


@check(claimed=_has_latent)
def the_posterior_integrates_to_one(subject: Subject) -> None:
    """The density of the hidden variables given a row integrates to 1.

    By quadrature over one or two hidden variables, given a row that the model didn't make, in
    double precision to 1e-3.
    """
    model: Any = subject.exact
    size = model.posterior(subject.foreign_rows(1), condition=subject.condition()).mean.numel()
    if not 0 < size <= LARGEST:
        raise Skip(f"{size} hidden variables are too many for quadrature")
    x = subject.foreign_rows(1, "posterior")
    found = quadrature(_target(subject, x), subject.rng("quadrature"), budget=20_000)
    total = found.integrate([lambda _, log_prob: log_prob.exp()])[0]
    if not abs(total.value - 1) <= _TOLERANCE + total.error:
        raise ConformanceError(
            "The posterior integrates to 1",
            received=f"{total.value:.6g}",
            remedy="Give log q(h | x) with its normaliser, summed over the entries of h.",
        )


@check(claimed=_has_latent)
def posterior_samples_follow_its_density(subject: Subject) -> Evidence:
    """Draws of the posterior follow its density, and have its mean.

    For draws h of a density q, E[f(h) ∂ log q(h) + ∂f(h)] is 0 for every smooth f that is
    bounded (Stein 1981, lemma 1), for any number of hidden variables. One draw given each of
    4096 rows, with f = 1, with the tanh of h about its mean, and with a cosine; and h less the
    mean is 0 on average. A scale wrong by 10%, and a mean off by .15 standard deviations, are
    caught with probability > .99.
    """
    posterior = _posterior(subject, subject.foreign_rows(_DRAWS, "posterior"))
    rng = subject.rng("draws of the posterior")
    with torch.no_grad():
        mean = posterior.mean
        spread = torch.stack([(posterior.rsample(rng) - mean).abs() for _ in range(8)]).mean(0)
        h = posterior.rsample(rng)
    if bool((spread == 0).any()):
        raise Skip("hidden variables are functions of the data, without a density")
    # In units of each one's own spread, which other draws than h have told.
    score, z = spread * _score(posterior, h), (h - mean) / spread
    terms = {
        "mean": z,
        "location": score,
        "scale": score * z.tanh() + 1 - z.tanh().square(),
        "shape": score * (2 * z).cos() - 2 * (2 * z).sin(),
    }
    return Evidence(
        {name: swapped(term.detach().flatten(1).sum(1)) for name, term in terms.items()}
    )


@check(claimed=_has_latent)
def posterior_draws_repeat_and_carry_gradients(subject: Subject) -> None:
    """The same rng gives the same draws to the bit, another one others, and gradients flow back.

    Of a model with trained parameters, a draw is differentiable in them. Eight rows. A
    deterministic encoder, whose draws are its mean, needs no rng.
    """
    posterior = _posterior(subject, subject.foreign_rows(_ROWS, "posterior"))
    h = posterior.rsample(subject.rng("repeat"))
    again = posterior.rsample(subject.rng("repeat"))
    other = posterior.rsample(subject.rng("another"))
    random = not same(h.detach(), posterior.mean.detach())
    if not same(h.detach(), again.detach()) or (random and same(h.detach(), other.detach())):
        received = "draws that don't follow the rng"
    elif not h.requires_grad and any(p.requires_grad for p in subject.exact.parameters()):
        received = "draws without a graph"
    else:
        return
    raise ConformanceError(
        "Draws of the posterior are a differentiable function of the model and the rng",
        received=received,
        remedy="Draw noise with generator=rng, and give mean + scale · noise.",
    )


@check(claimed=_has_latent)
def hidden_variables_are_each_rows_own(subject: Subject) -> None:
    """A row is encoded and decoded the same alone and among others, beyond rounding.

    Eight rows that the model didn't make, together and one by one, in double precision.
    """
    x = subject.foreign_rows(_ROWS, "codes")
    one_by_one = [x[torch.tensor([i])] for i in range(_ROWS)]
    h = _encode(subject, x)
    alone = torch.cat([_encode(subject, row) for row in one_by_one])
    if not close(alone, h, _ROUNDING):
        _not_its_own("encoded", alone, h)
    decoded = _decode(subject, h)
    alone = torch.cat([_decode(subject, h[[i]]) for i in range(_ROWS)])
    if not close(alone, decoded, _ROUNDING):
        _not_its_own("decoded", alone, decoded)


@check(claimed=_has_latent)
def what_is_decoded_is_in_the_space(subject: Subject) -> None:
    """Decoded rows are rows of the model's space: its values, and int64 for codes.

    Reconstructions of 64 rows, and what stands for hidden variables as large as 3.
    """
    model: Any = subject.model
    x = subject.foreign_rows(64, "codes")
    told: Any = {"condition": subject.condition()}
    with torch.no_grad():
        h = model.encode(x, **told)
        noise = torch.randn(h.shape, generator=subject.rng("hidden")).to(h.dtype)
        for rows in (model.reconstruct(x, **told), model.decode(3 * noise, **told)):
            if model.space.kind.discrete is rows.is_floating_point():
                raise ConformanceError("Codes are int64, other data floating", received=rows.dtype)
            try:
                model.space.check(rows, what="decoded rows")
            except DataError as error:
                raise ConformanceError(
                    f"What is decoded is in the model's space: {model.space}",
                    received=error.received,
                    remedy="Map it into the space, as the mean or mode of p(x | h).",
                ) from None


@check(claimed=both(_has_latent, _standardizes))
def data_in_other_units_are_reconstructed_in_them(subject: Subject) -> None:
    """Twice the data plus 1, standardised accordingly, are reconstructed as twice as much plus 1.

    `_posterior` and `_decode` know network space alone, and the base maps data there and back.
    So a copy of the model whose standardisation has twice the scale, and the mean's image as its
    mean, does to 2x + 1 what the model does to x. Eight rows, in double precision beyond
    rounding. Data standardised twice, or not put back, show.
    """
    model: Any = subject.exact
    moved = copy.deepcopy(model)
    first: Any = moved.preprocessing.maps[0]
    first.set_moments(2 * first.loc + 1, (2 * first.scale).square())
    x: Any = subject.foreign_rows(_ROWS, "codes")
    told: Any = {"condition": subject.condition()}
    with torch.no_grad():
        plain, other = model.reconstruct(x, **told), moved.reconstruct(2 * x.double() + 1, **told)
    if not close(other, 2 * plain + 1, _ROUNDING):
        raise ConformanceError(
            "What is decoded is in the units of the data",
            received=f"{other.flatten()[:3].tolist()} for {(2 * plain + 1).flatten()[:3].tolist()}",
            remedy="Give network space from _decode; the base maps it to data space.",
        )


def _posterior(subject: Subject, x: Any) -> Posterior:
    model: Any = subject.exact
    return model.posterior(x, condition=subject.condition())


def _encode(subject: Subject, x: Any) -> Tensor:
    with torch.no_grad():
        return _posterior(subject, x).mean


def _decode(subject: Subject, h: Tensor) -> Tensor:
    model: Any = subject.exact
    with torch.no_grad():
        return model.decode(h, condition=subject.condition())


def _target(subject: Subject, x: Any) -> Target:
    """Give the density of the hidden variables of one row."""
    shape = tuple(_encode(subject, x).shape[1:])

    def posterior(n: int) -> Posterior:
        return _posterior(subject, x[torch.zeros(n, dtype=torch.int64)])

    def differentiable(h: Tensor) -> Tensor:
        return _log_prob(posterior(len(h)), h)

    def log_prob(h: Tensor) -> Tensor:
        with torch.no_grad():
            return differentiable(h)

    def sample(n: int, rng: torch.Generator) -> Tensor:
        with torch.no_grad():
            return posterior(n).rsample(rng)

    return Target(log_prob, differentiable, sample, Space.real(*shape))


def _log_prob(posterior: Posterior, h: Tensor) -> Tensor:
    try:
        return posterior.log_prob(h)
    except UnsupportedError as error:
        raise Skip(f"the posterior has no density: {error.rule}") from None


def _score(posterior: Posterior, h: Tensor) -> Tensor:
    h = h.detach().requires_grad_()
    (slope,) = torch.autograd.grad(_log_prob(posterior, h).sum(), h)
    return slope


def _not_its_own(what: str, alone: Tensor, together: Tensor) -> None:
    raise ConformanceError(
        f"A row is {what} by itself",
        received=f"{alone.flatten()[:3].tolist()} alone, {together.flatten()[:3].tolist()} "
        "among others",
        remedy="Use no statistics of the batch in evaluation mode.",
    )


CHECKS = (
    the_posterior_integrates_to_one,
    posterior_samples_follow_its_density,
    posterior_draws_repeat_and_carry_gradients,
    hidden_variables_are_each_rows_own,
    what_is_decoded_is_in_the_space,
    data_in_other_units_are_reconstructed_in_them,
)
