"""Figures of text and other sequences of categories: a token, a step or a character each."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.metric import Metric
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Kind
from zoo_plugin_evaluation.batches import batches_of
from zoo_plugin_evaluation.figure import Figure
from zoo_plugin_evaluation.likelihood_metrics import likelihood_metric, mean_of, protocol_of
from zoo_plugin_evaluation.scores import Scores
from zoo_plugin_evaluation.subject import Subject


def nll_per_token(subject: Subject) -> list[Metric]:
    """Measure −log q(x) in nats of a step of a sequence, all steps counting alike."""
    scores = _sequence(subject)
    protocol = protocol_of(subject).replace("over rows", "over steps")
    figure = mean_of(scores, scores.entries)
    return [likelihood_metric("NLL/token", figure, subject, "nats", protocol)]


def perplexity(subject: Subject) -> list[Metric]:
    """Measure exp of the NLL of one step of a sequence of categories, all steps counting alike."""
    scores = _sequence(subject)
    each = mean_of(scores, scores.entries)
    value = math.exp(each.value)
    error = None if each.standard_error is None else value * each.standard_error
    protocol = protocol_of(subject).replace("mean over rows", "exp of the mean over steps")
    return [likelihood_metric("perplexity", Figure(value, error, each.n), subject, None, protocol)]


def bits_per_character(subject: Subject) -> list[Metric]:
    """Measure −log₂ q(x) of text, divided by the number of its characters.

    Raises UnsupportedError where the tokens don't give the text again: what they leave out, such
    as unknown words, costs nothing then, and the figure would be of another text.
    """
    scores = _sequence(subject)
    if not is_text(subject):
        raise UnsupportedError(
            "bits/character is a figure of text, whose data set has an alphabet",
            received=f"{subject.dataset.name} without one",
            remedy="Ask for 'perplexity' or 'bits/dim'.",
        )
    if not keeps_text(subject):
        raise UnsupportedError(
            "bits/character is a figure of all of a text, which its tokens give again",
            received=f"{subject.model.space.tokenizer.name}, whose tokens of "  # pyright: ignore[reportOptionalMemberAccess]
            f"{subject.dataset.name} are those of another text",
            remedy="Ask for 'NLL/token' or 'perplexity', which are of the tokens.",
        )
    letters = _characters(subject) * math.log(2)
    figure = mean_of(scores, letters)
    protocol = protocol_of(subject).replace("over rows", "over characters")
    return [likelihood_metric("bits/character", figure, subject, "bits", protocol)]


def is_sequence(subject: Subject) -> bool:
    """Whether samples are sequences of categories: ragged, or of one length."""
    space = subject.model.space
    return space.kind is Kind.CATEGORICAL and (space.ragged or len(space.shape) == 1)


def is_text(subject: Subject) -> bool:
    """Whether the sequences are text: by the model's tokenizer, or the data's alphabet."""
    return subject.model.space.tokenizer is not None or bool(subject.dataset.alphabet)


def keeps_text(subject: Subject) -> bool:
    """Whether nothing of a text is lost in its tokens, as unknown words and capitals may be."""
    return subject.model.space.tokenizer is None or subject.dataset.lossless


def _sequence(subject: Subject) -> Scores:
    if not is_sequence(subject):
        raise UnsupportedError(
            "Perplexity and bits/character are figures of sequences of categories",
            received=str(subject.model.space),
            remedy="Ask for 'NLL' or 'bits/dim'.",
        )
    return subject.scores


def _characters(subject: Subject) -> Tensor:
    """Count the characters of each row; a code may stand for several.

    Of whole documents they are those of the text itself, else those of what the codes stand for.
    """
    dataset, space = subject.dataset, subject.model.space
    batches = batches_of(dataset, subject.options.batch_size)
    if space.tokenizer is None:
        lengths = torch.tensor([len(text) for text in dataset.alphabet], dtype=torch.float64)
        return torch.cat([_summed(batch, lengths) for batch in batches])
    if dataset.characters is not None:
        return dataset.characters.double()
    texts = [
        text for batch in batches if isinstance(batch.x, Ragged) for text in space.texts(batch.x)
    ]
    return torch.tensor([len(text) for text in texts], dtype=torch.float64)


def _summed(batch: Batch, lengths: Tensor) -> Tensor:
    if isinstance(batch.x, Ragged):
        return Ragged(batch.x.values, batch.x.lengths).segment_sum(lengths[batch.x.values])
    return lengths[batch.x].sum(1)
