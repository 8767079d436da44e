"""Checks of Classifier: probabilities of classes, each row's own, and what Bayes' rule says."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import both, conditional, density_is, provides
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.density import DensityKind
from zoo_core.interfaces.matcher import Matcher
from zoo_core.interfaces.model import provided
from zoo_core.interfaces.ragged import Ragged

_ROWS = 8
_ROUNDING = 1e-7
"""Relative, in double precision."""
_SINGLE = 1e-4
"""In the model's own precision, which may be single."""

_classifies = provides(Classifier)


def told_its_class(subject: Subject) -> bool:
    """Claim a condition that is a class: one code, of as many levels as there are classes."""
    model = subject.model
    if not provided(model, Classifier) or not model.is_conditional or model.is_given:
        return False
    conditioner: Any = model.get_submodule("conditioner")
    return conditioner.space.shape == () and conditioner.space.n_levels == model.classes


@check(claimed=_classifies)
def class_probabilities_add_up_to_one(subject: Subject) -> None:
    """The probabilities of all classes add up to 1 for each row, as numbers between 0 and 1.

    Sixteen rows that the model didn't make: in double precision beyond rounding, and in its own
    to 1e-4. `predict` names a class whose probability is the highest.
    """
    x = subject.foreign_rows(2 * _ROWS, "classes")
    for model, tolerance in ((subject.exact, _ROUNDING), (subject.model, _SINGLE)):
        log_probs = _log_class_prob(model, x)
        total = log_probs.logsumexp(1)
        if not close(total, torch.zeros_like(total), tolerance):
            raise ConformanceError(
                "The probabilities of the classes add up to 1",
                received=f"a sum of {float(total[total.abs().nan_to_num(9).argmax()].exp()):.6g}",
                remedy="Take log_softmax over the classes, dimension 1.",
            )


@check(claimed=_classifies)
def a_row_is_classified_by_itself(subject: Subject) -> None:
    """Class probabilities of a row are the same alone and among others, beyond rounding.

    Eight rows that the model didn't make, together and one by one, in double precision; and they
    aren't the same for every row. A softmax over the rows shows.
    """
    x = subject.foreign_rows(_ROWS, "classes")
    together = _log_class_prob(subject.exact, x)
    rows = [x[torch.tensor([i])] for i in range(_ROWS)]
    alone = torch.cat([_log_class_prob(subject.exact, row) for row in rows])
    constant = close(together, together[:1].expand_as(together), _ROUNDING)
    if constant or not close(alone, together, _ROUNDING):
        raise ConformanceError(
            "Class probabilities of a row are its own",
            received="the same for all rows" if constant else "others for a row alone",
            remedy="Normalise over the classes; depend on x.",
        )


@check(claimed=both(_classifies, told_its_class, density_is(DensityKind.EXACT)))
def classes_follow_from_bayes_rule(subject: Subject) -> None:
    """By Bayes' rule log p(y | x) changes with class and data as log p(x | y) does.

    Claimed by models whose condition is the class. log p(y | x) − log p(x | y) is log p(y) less
    a number that only knows x; so its difference between two classes is the same for all x.
    Eight rows, in double precision beyond rounding. Classes in another order show.
    """
    model: Any = subject.exact
    x = subject.foreign_rows(_ROWS, "classes")
    with torch.no_grad():
        told = [model.log_prob(x, condition=y) for y in range(model.classes)]
    odds = _log_class_prob(model, x) - torch.stack(told, 1)
    prior = odds - odds[:, :1]
    if not close(prior, prior[:1].expand_as(prior), _ROUNDING):
        raise ConformanceError(
            "log p(y | x) − log p(x | y), between two classes, is the same for all x",
            received=f"{prior[0].tolist()} and {prior[1].tolist()} for two rows",
            remedy="Column y is the class that condition=y tells.",
        )


@check(claimed=both(_classifies, conditional, provides(Matcher)))
def a_match_is_the_probability_of_the_class(subject: Subject) -> None:
    """match(x, y) is log p(y | x), up to a number that only knows x.

    Claimed by models whose condition is the class. Eight rows and every class, in double
    precision beyond rounding.
    """
    if not told_its_class(subject):
        raise Skip("the condition isn't the class")
    model: Any = subject.exact
    x = subject.foreign_rows(_ROWS, "classes")
    with torch.no_grad():
        matches = torch.stack([model.match(x, y) for y in range(model.classes)], 1)
    left = matches - _log_class_prob(model, x)
    if not close(left, left[:, :1].expand_as(left), _ROUNDING):
        raise ConformanceError(
            "match(x, y) − log p(y | x) is the same for every class",
            received=f"{left[0].tolist()} for one row",
            remedy="Match by _log_class_prob, and take the condition's column.",
        )


def _log_class_prob(model: Any, x: Tensor | Ragged) -> Tensor:
    with torch.no_grad():
        return model.log_class_prob(x)


CHECKS = (
    class_probabilities_add_up_to_one,
    a_row_is_classified_by_itself,
    classes_follow_from_bayes_rule,
    a_match_is_the_probability_of_the_class,
)
