"""The perplexity of text as transformers documents its computation, to the last weight."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from zoo_core.errors import OptionError, UnsupportedError
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.metric import Metric
from zoo_core.interfaces.ragged import Ragged
from zoo_plugin_evaluation.batches import batches_of
from zoo_plugin_evaluation.likelihood import Likelihood
from zoo_plugin_evaluation.scores import density_model, evaluating
from zoo_plugin_evaluation.strides import STRIDE, text_settings, usual_stride, window_of
from zoo_plugin_evaluation.subject import Subject

NAME = "transformers perplexity"
_START = "start"


@final
@dataclass(frozen=True)
class _Window:
    """Codes of a text that are read together; the first `known` of them are scored elsewhere.

    `weight` is what the window's mean counts: that of its new codes, less one.
    """

    codes: Tensor
    known: int
    weight: int


def transformers_perplexity(subject: Subject) -> list[Metric]:
    """Measure perplexity by the strided computation that transformers documents.

    A text is read in windows that advance by `stride`; exp of a weighted mean of the windows'
    mean NLL (https://huggingface.co/docs/transformers/perplexity). The first token of a text isn't
    scored, and no start code stands in front. A window weighs as many tokens as are new in it,
    less one, though but for the first it scores all of them. Raises UnsupportedError for texts of
    one token, and for a model that can't be told a prefix.
    """
    model = density_model(subject.model)
    _require_text(subject)
    window = window_of(model)
    stride = _stride(subject, window)
    texts = _texts(subject)
    windows = [one for text in texts for one in _windows(text, window, stride)]
    scored = [one for one in windows if one.weight > 0]
    if not scored:
        raise UnsupportedError("A text of two tokens or more has a perplexity", received="shorter")
    with evaluating(model):
        means = torch.cat(list(_means(model, scored, subject)))
    weights = torch.tensor([one.weight for one in scored], dtype=torch.float64)
    value = math.exp(float((means * weights).sum() / weights.sum()))
    return [_metric(subject, value, len(texts), stride)]


def _stride(subject: Subject, window: int | None) -> int:
    """Give the stride that is asked for, or the usual one; one window has none."""
    stride = int(subject.options.log_prob.get(STRIDE, usual_stride(window) if window else 1))
    if stride < 1 or (window is not None and stride > window):
        raise OptionError(f"A stride is at most as long as the window, {window}", received=stride)
    return stride


def _texts(subject: Subject) -> list[Tensor]:
    batches = batches_of(subject.dataset, subject.options.batch_size)
    return [row for batch in batches if isinstance(batch.x, Ragged) for row in batch.x]


def _windows(text: Tensor, window: int | None, stride: int) -> Iterator[_Window]:
    """Cut a text into windows that advance by the stride, the last one shorter."""
    done, length = 0, len(text)
    for begin in range(0, length, stride):
        end = length if window is None else min(begin + window, length)
        yield _Window(text[begin:end], max(1, done - begin), end - done - 1)
        done = end
        if end == length:
            return


def _means(model: DensityModel, windows: Sequence[_Window], subject: Subject) -> Iterator[Tensor]:
    """Give the mean NLL of the codes that each window scores, in float64, batch by batch."""
    size, options = subject.options.batch_size, _options(model, subject)
    for first in range(0, len(windows), size):
        some = windows[first : first + size]
        rows = Ragged.of([one.codes for one in some]).to(model.device)
        known = Ragged.of([torch.arange(len(one.codes)) < one.known for one in some])
        nats = -model.log_prob(rows, observed=known.to(model.device), **options)
        yield nats.double().cpu() / torch.tensor([len(one.codes) - one.known for one in some])


def _options(model: DensityModel, subject: Subject) -> dict[str, Any]:
    """Give the options by which one window is scored: without a start code, where there is one."""
    kept = {key: value for key, value in subject.options.log_prob.items() if key != STRIDE}
    return {**kept, _START: False} if _START in model.LogProbOptions.model_fields else kept


def _require_text(subject: Subject) -> None:
    if subject.model.space.tokenizer is None or subject.likelihood is not Likelihood.MARGINAL:
        raise UnsupportedError(
            f"The {NAME} is that of a model of text that is told no condition",
            received=f"{subject.model.architecture}, a model of {subject.model.space}",
            remedy="Ask for 'perplexity'.",
        )


def _metric(subject: Subject, value: float, texts: int, stride: int) -> Metric:
    density, name = subject.density, subject.dataset.name
    return Metric(
        NAME,
        value,
        n=texts,
        kind=str(density.kind),
        measure=str(density.measure),
        split=str(subject.dataset.split),
        protocol=f"exp of the weighted mean over windows of {name}, as transformers documents it",
        settings={**text_settings(subject.model), **subject.options.log_prob, STRIDE: stride},
    )
