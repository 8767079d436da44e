"""Checks of guidance: what leads samples, and what must leave them as they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self, final

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import both, conditional, provides
from zoo_core.conformance.columns import is_all_continuous
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.denoiser import Denoiser
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.guidance import BoundGuidance, ClassifierFree, Denoise, Guidance
from zoo_core.interfaces.model import Model, provided
from zoo_core.interfaces.noise import Noise
from zoo_core.interfaces.prediction import Prediction

_ROWS, _BATCH = 6, 4
_ROUNDING = 1e-6
"""Relative, in double precision, after all steps of a sampler."""
_NEAR = 0.05
_STRONG = 3.0


def _guides(subject: Subject) -> bool:
    """Claim samples that can be led."""
    model = subject.model
    return provided(model, Generator) and model.guides


@check(claimed=both(_guides, conditional))
def neutral_guidance_changes_nothing(subject: Subject) -> None:
    """Classifier-free guidance at scale 1 gives the samples of no guidance, beyond rounding.

    Six samples in two batches, from the same rng, in double precision. A scale that counts from
    0, as w of Ho & Salimans 2022, eq. 6, does (scale = 1 + w), shows.
    """
    seen, plain = _sample(subject, [ClassifierFree(1.0)]), _sample(subject, None)
    if not close(seen, plain, _ROUNDING):
        raise ConformanceError(
            "Classifier-free guidance is neutral at scale 1",
            received=f"samples that differ by {_gap(seen, plain):.2g}",
            remedy="null + scale·(told − null).",
        )


@check(claimed=both(_guides, conditional))
def guidance_changes_the_samples(subject: Subject) -> None:
    """Classifier-free guidance at scale 3 gives other samples than none, from the same rng.

    Six samples. A null that is the condition itself, and guidance that nobody asks, show.
    """
    if close(_sample(subject, [ClassifierFree(_STRONG)]), _sample(subject, None), _ROUNDING):
        raise ConformanceError(
            "Guidance at scale 3 leads the samples elsewhere",
            received="the same samples",
            remedy="Step with self.guided(call); make sure that null isn't the condition.",
        )


@check(claimed=both(_guides, conditional))
def every_sample_has_its_own_scale(subject: Subject) -> None:
    """Scales that are given one a sample lead each as that scale leads all.

    Of six samples in two batches each other one has scale 1, the rest scale 3; compared with
    all at 1 and all at 3, in double precision beyond rounding.
    """
    scales = torch.tensor([1.0, _STRONG]).repeat(_ROWS // 2)
    mixed = _sample(subject, [ClassifierFree(scales)])
    for scale in (1.0, _STRONG):
        rows = (scales == scale).nonzero()[:, 0]
        alone = _sample(subject, [ClassifierFree(scale)])[rows]
        if not close(mixed[rows], alone, _ROUNDING):
            raise ConformanceError(
                "Each sample is led by its own scale",
                received=f"samples of scale {scale:g} that differ by "
                f"{_gap(mixed[rows], alone):.2g} beside others",
                remedy="A bound guidance has one scale a row; take(rows) gives those of a batch.",
            )


@check(claimed=both(_guides, conditional))
def the_condition_as_negative_changes_nothing(subject: Subject) -> None:
    """Led away from its own condition, at any scale, a sample is where it is without guidance.

    For prediction(c) + scale·(prediction(c) − prediction(c)) is prediction(c). Six samples at
    scale 3, each with its condition as the negative, in double precision beyond rounding.
    """
    negative = subject.conditions(_ROWS)
    if negative is None:
        raise Skip("the condition is bound")
    plain = _sample(subject, None)
    seen = _sample(subject, [ClassifierFree(_STRONG, negative=negative)])
    if not close(seen, plain, _ROUNDING):
        raise ConformanceError(
            "The condition as its own negative leads nowhere",
            received=f"samples that differ by {_gap(seen, plain):.2g}",
            remedy="Where a negative is given it takes the place of null, row by row.",
        )


@check(claimed=both(_guides, provides(Denoiser)))
def samples_end_where_guidance_leads(subject: Subject) -> None:
    """Guidance that always predicts the same data brings the samples there; the last one decides.

    Two such guidances in a list, with other data each; of a list the first is nearest the
    network, so the last has the last word. Six samples, within .05. Guidance that is bound but
    not asked shows, and one that is asked in the wrong order.
    """
    if not is_all_continuous(subject.model.space):
        raise Skip("codes are rounded")
    samples = _sample(subject, [_Pinned(0.25), _Pinned(0.75)])
    if not close(samples, torch.full_like(samples, 0.75), _NEAR):
        raise ConformanceError(
            "Samples end where the last guidance of the list leads them, here at 0.75",
            received=f"{samples.flatten()[:3].tolist()}",
            remedy="Step with self.guided(call) down to the clean end of the path.",
        )


@final
@dataclass(frozen=True)
class _Pinned(Guidance, BoundGuidance):
    """Predicts data of one value, whatever the denoiser says."""

    value: float

    def bind(self, model: Model, n: int) -> BoundGuidance:
        del model, n
        return self

    def take(self, rows: slice) -> Self:
        del rows
        return self

    def __call__(
        self, denoise: Denoise, x: Tensor, noise: Noise, contexts: Sequence[Context | None]
    ) -> list[Prediction]:
        x0 = torch.full_like(x, self.value)
        return [Prediction.from_x0(x, x0, noise) for _ in denoise(x, noise, contexts)]


def _sample(subject: Subject, guidance: list[Guidance] | None) -> Tensor:
    """Draw six samples in two batches, from the same rng each time."""
    model: Any = subject.exact
    led = {} if guidance is None else {"guidance": guidance}
    condition = subject.conditions(_ROWS)
    rng = subject.rng("guided samples")
    return model.sample(_ROWS, condition=condition, rng=rng, batch_size=_BATCH, **led)


def _gap(a: Tensor, b: Tensor) -> float:
    return float((a.double() - b.double()).abs().max())


CHECKS = (
    neutral_guidance_changes_nothing,
    guidance_changes_the_samples,
    every_sample_has_its_own_scale,
    the_condition_as_negative_changes_nothing,
    samples_end_where_guidance_leads,
)
