"""Checks of JointModel: p(x, y) is p(y) p(x | y), and a class that is unknown is summed out."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance import target_promises as promises
from zoo_core.conformance.behaviour import close, same
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import both, density_is, is_generator, provides
from zoo_core.conformance.draws import LENGTH
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.statistics import fit
from zoo_core.conformance.statistics.rank_tests import matrix, two_samples
from zoo_core.conformance.subject import Subject
from zoo_core.conformance.target import target_of
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.joint import JointModel
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.ragged import Ragged

_ROWS, _PAIRS = 9, 768
_ROUNDING = 1e-7
"""Relative, in double precision."""


def _untold(subject: Subject) -> bool:
    return not subject.model.is_given


def _fits_itself(subject: Subject) -> bool:
    return type(subject.model)._fit is not Model._fit


_joint = both(provides(JointModel), _untold)
_exact = both(_joint, density_is(DensityKind.EXACT))


@check(claimed=_joint)
def class_priors_add_up_to_one(subject: Subject) -> None:
    """The probabilities of the classes, `class_log_prior`, add up to 1, one for each class.

    In the model's own precision to 1e-4, and in double precision beyond rounding.
    """
    for model, tolerance in ((subject.model, 1e-4), (subject.exact, _ROUNDING)):
        joint: Any = model
        with torch.no_grad():
            prior: Tensor = joint.class_log_prior.detach()
        total = prior.double().exp().sum()
        if prior.shape != (joint.classes,) or not close(total, torch.ones_like(total), tolerance):
            raise ConformanceError(
                "The probabilities of the classes add up to 1",
                received=f"shape {list(prior.shape)}, a sum of {float(total):.6g}",
                remedy="Take log_softmax, or divide by the sum.",
            )


@check(claimed=_joint)
def log_joint_is_the_class_and_the_data_given_it(subject: Subject) -> None:
    """log_joint(x)[:, y] is log p(y) + log_prob(x, condition=y), and gives the classes' odds.

    For every class: nine rows that the model didn't make, in double precision beyond rounding.
    Normalised over the classes it is log_class_prob.
    """
    model: Any = subject.exact
    x = subject.foreign_rows(_ROWS, "joint")
    with torch.no_grad():
        told = [model.log_prob(x, condition=y) for y in range(model.classes)]
        wanted = torch.stack(told, 1) + model.class_log_prior
        seen, classified = model.log_joint(x), model.log_class_prob(x)
    for what, one, other in (
        ("log p(x, y)", seen, wanted),
        ("log p(y | x)", classified, wanted.log_softmax(1)),
    ):
        if not close(one, other, _ROUNDING):
            raise ConformanceError(
                f"{what} follows from log p(y) and log p(x | y)",
                received=f"{one[0].tolist()} for {other[0].tolist()}",
                remedy="Score every class by itself, whatever call.context tells.",
            )


@check(claimed=_joint)
def an_unknown_class_is_summed_out(subject: Subject) -> None:
    """log_prob without a condition is log Σ_y p(x, y), and so it is for each row of unknown class.

    Nine rows that the model didn't make, in double precision beyond rounding: none told; told by
    the conditioner's null; every other one told, and −1 for the rest where the conditioner says
    `missing`. A row of unknown class changes none beside it.
    """
    model: Any = subject.exact
    x, y = subject.foreign_rows(_ROWS, "joint"), torch.arange(_ROWS) % model.classes
    conditioner: Any = model.get_submodule("conditioner")
    with torch.no_grad():
        marginal = model.log_joint(x).logsumexp(1)
        asked = {"no condition": None, "the null context": conditioner.null}
        scores = {what: (model.log_prob(x, condition=one), marginal) for what, one in asked.items()}
        if conditioner.space.missing:
            unknown = torch.arange(_ROWS) % 2 == 0
            some = model.log_prob(x, condition=torch.where(unknown, -1, y))
            told = model.log_prob(x, condition=y)
            scores["the label −1 of every other row"] = some, torch.where(unknown, marginal, told)
    for what, (seen, wanted) in scores.items():
        if not close(seen, wanted, _ROUNDING):
            raise ConformanceError(
                "The class of a row is summed out where nobody tells it",
                received=f"{seen[:3].tolist()} for {wanted[:3].tolist()}, by {what}",
                remedy="Score every class by itself, whatever call.context tells.",
            )


@check(claimed=_exact)
def the_marginal_integrates_to_one(subject: Subject) -> Evidence | None:
    """Without a condition the density integrates, or the mass sums, to one.

    As `the-density-integrates-to-one` is tested under one class, so here that of all classes: a
    class whose density is normalised wrongly shows, and class probabilities that are counted
    twice.
    """
    return promises.integrates_to_one(target_of(subject, None), subject.rng("marginal"))


@check(claimed=both(_exact, is_generator))
def samples_without_a_class_follow_the_marginal(subject: Subject) -> Evidence:
    """Samples without a condition follow the density without a condition.

    Tested as `samples-follow-the-density` is, with its power. Classes that are drawn as likely as
    each other show where they aren't.
    """
    return promises.samples_follow(target_of(subject, None), subject.rng("marginal samples"))


@check(claimed=both(_joint, is_generator))
def pairs_are_a_function_of_the_rng(subject: Subject) -> None:
    """`sample_joint` gives n rows of the space with a class each, the same from the same rng."""
    first, second = _pairs(subject, 16, "repeat"), _pairs(subject, 16, "repeat")
    x, y = first
    if len(x) != 16 or y.shape != (16,) or y.dtype is not torch.int64:
        raise ConformanceError(
            "sample_joint(n) gives n rows and n classes, int64",
            received=f"{len(x)} rows, classes {y.dtype} of shape {list(y.shape)}",
        )
    if not same(matrix(x), matrix(second[0])) or not same(y, second[1]):
        raise ConformanceError(
            "Pairs are a function of the rng",
            received="other pairs from an rng of the same seed",
            remedy="Draw with generator=call.rng, and keep nothing between calls.",
        )


@check(claimed=both(_joint, is_generator))
def pairs_follow_the_joint_law(subject: Subject) -> Evidence:
    """Of pairs drawn by `sample_joint`, y follows the prior, and x the samples of its class.

    768 pairs. Classes are counted (χ², rare ones together); the rows of each class, where there
    are sixteen, are held against as many of `sample(condition=y)`, by rank tests of random
    projections in location and spread. Of three classes, rows that are parted from their classes
    are caught with probability > .99 where the classes lie two standard deviations apart.
    """
    model: Any = subject.model
    drawn, y = _pairs(subject, _PAIRS, "pairs")
    x = matrix(drawn)
    p_values = _class_counts(torch.bincount(y, minlength=model.classes), model.class_log_prior)
    for which in range(model.classes):
        n = int((y == which).sum())
        if n >= 16:
            rng, lengths = subject.rng(f"class {which}"), LENGTH if model.space.ragged else None
            alone = matrix(model.sample(n, condition=which, lengths=lengths, rng=rng))
            rng = subject.rng(f"projections {which}")
            found = two_samples(x[y == which], alone, rng)
            p_values |= {f"{name}, class {which}": p for name, p in found.items()}
    return Evidence(p_values, received=f"{_PAIRS} pairs")


@check(claimed=both(_joint, _fits_itself))
def rows_of_unknown_class_teach(subject: Subject) -> None:
    """A fit counts rows whose class is unknown, with all classes: they become more probable.

    An untrained model is fitted to 96 rows, of which one in six tells its class: no tensor is
    NaN, and Σ log p(x, y) + Σ log p(x), of the rows with and without a class, is higher than
    after fits that leave rows without a class out, or take all of them for one class. The loss
    never rises where the report's history has it. In double precision. Skipped where the
    conditioner's space doesn't say `missing`.
    """
    model: Any = subject.built(seed=1).double()
    if not model.get_submodule("conditioner").space.missing:
        raise Skip("no class is unknown: the conditioner's space doesn't say `missing`")
    x, y = _partly_told(subject)
    known = y >= 0
    report = _fit(model, subject, x, y)
    after = _log_likelihood(model, x, y)
    others = {"left out": (x[known], y[known])}
    others |= {f"taken for class {k}": (x, torch.where(known, y, k)) for k in range(model.classes)}
    for what, data in others.items():
        model = subject.built(seed=1).double()
        _fit(model, subject, *data)
        other = _log_likelihood(model, x, y)
        if not after > other:
            raise ConformanceError(
                "Rows whose class is unknown are more probable after a fit that had them",
                received=f"{after:.6g} nats a row, {other:.6g} where they are {what}",
                remedy="Weigh such a row by p(y | x) in each class, again and again.",
            )
    _require_no_rise([entry["loss"] for entry in report.history if "loss" in entry])


def _require_no_rise(losses: list[float]) -> None:
    for step, (before, after) in enumerate(pairwise(losses), 1):
        if not after <= before + _ROUNDING * (1 + abs(before)):
            raise ConformanceError(
                "The loss of a fit with unknown classes never rises",
                received=f"{before:.8g}, then {after:.8g} at step {step}",
                remedy="Take whole steps of EM on the penalised likelihood.",
            )


def _pairs(subject: Subject, n: int, purpose: str) -> tuple[Tensor | Ragged, Tensor]:
    model: Any = subject.model
    lengths = LENGTH if model.space.ragged else None
    return model.sample_joint(n, lengths=lengths, rng=subject.rng(purpose))


def _class_counts(count: Tensor, log_prior: Tensor) -> dict[str, float]:
    """Test counts of classes; those too rare for χ² are counted together."""
    n = int(count.sum())
    expected = n * log_prior.detach().double().exp()
    rare = expected < fit.FEWEST
    seen, wanted = count[~rare].double(), expected[~rare]
    return {
        "classes": fit.chi_square(seen, wanted * seen.sum() / wanted.sum().clamp_min(1e-300)),
        "rare classes": fit.poisson(int(count[rare].sum()), float(expected[rare].sum())),
    }


def _partly_told(subject: Subject) -> tuple[Any, Tensor]:
    """Give rows of which one in six tells its class, each class once at least."""
    model: Any = subject.model
    n = max(96, 6 * model.classes)
    x = subject.foreign_rows(n, "unknown classes")
    y = torch.arange(n) // 6 % model.classes
    return x, torch.where(torch.arange(n) % 6 == 0, y, -1)


def _fit(model: Any, subject: Subject, x: Any, y: Tensor) -> Any:
    report = model.fit(x, condition=y, rng=subject.rng("fit"))
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and bool(tensor.isnan().any()):
            raise ConformanceError(
                "A fit with unknown classes leaves every tensor a number",
                received=f"NaN in {name}",
                remedy="Mind rows, and classes, whose weights are all 0.",
            )
    model.eval()
    return report


def _log_likelihood(model: Any, x: Any, y: Tensor) -> float:
    """Give the mean of log p(x, y), of log p(x) where the class is unknown."""
    with torch.no_grad():
        joint = model.log_joint(x)
    told = joint.gather(1, y.clamp_min(0)[:, None])[:, 0]
    return float(torch.where(y >= 0, told, joint.logsumexp(1)).mean())


CHECKS = (
    class_priors_add_up_to_one,
    log_joint_is_the_class_and_the_data_given_it,
    an_unknown_class_is_summed_out,
    the_marginal_integrates_to_one,
    samples_without_a_class_follow_the_marginal,
    pairs_are_a_function_of_the_rng,
    pairs_follow_the_joint_law,
    rows_of_unknown_class_teach,
)
