"""Checks of modes: `eval()` makes a model a fixed function, `train()` reaches all of it."""

from __future__ import annotations

import copy

from zoo_core.conformance.behaviour import behaviour, require_same, same
from zoo_core.conformance.check import check
from zoo_core.conformance.claims import every
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError


@check(claimed=every)
def evaluation_repeats_to_the_bit(subject: Subject) -> None:
    """In evaluation mode the same question with the same rng has the same answer, to the bit.

    Asked three times. Dropout or batch statistics that stay on in evaluation mode differ.
    """
    first = behaviour(subject.model, subject)
    for _ in range(2):
        require_same(
            behaviour(subject.model, subject),
            first,
            "In evaluation mode a model is a fixed function of its input and rng",
            remedy="Hand self.training to dropout and normalisation, and call.rng to draws.",
        )


@check(claimed=every)
def evaluation_changes_no_tensor(subject: Subject) -> None:
    """In evaluation mode neither scoring nor sampling changes a parameter or a buffer.

    Running averages that go on, and initialisation from the first batch that is scored, show.
    """
    model = subject.copy()
    before = copy.deepcopy(model.state_dict())
    behaviour(model, subject)
    changed = [n for n, tensor in model.state_dict().items() if not same(tensor, before[n])]
    if changed:
        raise ConformanceError(
            "Scoring and sampling in evaluation mode change no tensor",
            received=f"another {', '.join(changed[:3])}",
            remedy="Update buffers only where self.training is true.",
        )


@check(claimed=every)
def train_and_eval_reach_every_module(subject: Subject) -> None:
    """`train()` and `eval()` set the mode of the model and of every module in it."""
    model = subject.copy()
    for mode in (True, False):
        model.train(mode)
        wrong = [name or "itself" for name, m in model.named_modules() if m.training is not mode]
        if wrong:
            raise ConformanceError(
                f"{'train' if mode else 'eval'}() reaches every module",
                received=f"{', '.join(wrong[:3])} left as it was",
                remedy="Don't override train(); hold submodules as attributes.",
            )


CHECKS = (
    evaluation_repeats_to_the_bit,
    evaluation_changes_no_tensor,
    train_and_eval_reach_every_module,
)
