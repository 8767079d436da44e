"""Which likelihood of a model is measured: of the data, given their conditions, or with them."""

from __future__ import annotations

from enum import StrEnum
from typing import final

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.joint import JointModel
from zoo_core.interfaces.model import Model


@final
class Likelihood(StrEnum):
    """What is scored: p(x), p(x | y) or p(x, y), y being the condition that a row has."""

    MARGINAL = "marginal"
    CONDITIONAL = "conditional"
    JOINT = "joint"

    @property
    def words(self) -> str:
        """What a protocol says of it, after "mean over rows of …"."""
        return _WORDS[self]


_WORDS = {
    Likelihood.MARGINAL: "",
    Likelihood.CONDITIONAL: ", given their conditions",
    Likelihood.JOINT: ", together with their classes",
}


def likelihood_of(model: Model, asked: Likelihood | None) -> Likelihood:
    """Choose the likelihood that is asked for, or the one that the model has without being asked.

    That is the marginal, p(x), where the model gives one, so that models with classes and
    without are measured alike; else p(x | y). Raises UnsupportedError for what it doesn't have.
    """
    has = _likelihoods(model)
    if asked is None:
        return has[0]
    if asked not in has:
        raise UnsupportedError(
            f"{model.architecture} has a likelihood that is {' or '.join(has)}",
            received=str(asked),
            remedy="Leave `likelihood` out, or choose one of these.",
        )
    return asked


def _likelihoods(model: Model) -> tuple[Likelihood, ...]:
    if not model.is_conditional:
        return (Likelihood.MARGINAL,)
    if model.is_given or not model.marginalizes:
        return (Likelihood.CONDITIONAL,)
    joint = (Likelihood.JOINT,) if JointModel in model.provides else ()
    return (Likelihood.MARGINAL, Likelihood.CONDITIONAL, *joint)
