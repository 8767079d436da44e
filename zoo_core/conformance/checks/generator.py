"""Checks of samples: rows of the space, a function of the rng, independent of each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import same
from zoo_core.conformance.check import check
from zoo_core.conformance.claims import both, is_generator
from zoo_core.conformance.draws import LENGTH
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.refusal import require_refusal
from zoo_core.conformance.statistics.rank_tests import clusters, matrix, two_samples
from zoo_core.conformance.subject import Subject
from zoo_core.errors import (
    ConformanceError,
    DataError,
    OptionError,
    UnsupportedError,
    ZooError,
)
from zoo_core.interfaces.call import Observed
from zoo_core.interfaces.generator import DEFAULT_BATCH_SIZE
from zoo_core.interfaces.ragged import Ragged

_CHUNKS, _CHUNK = 32, 8


def _is_ragged(subject: Subject) -> bool:
    return subject.model.space.ragged


def drawn(
    subject: Subject,
    n: int,
    rng: torch.Generator,
    *,
    condition: Any = None,
    observed: Observed | None = None,
    batch_size: int = DEFAULT_BATCH_SIZE,
) -> Tensor | Ragged:
    """Draw n samples, by default under the subject's first condition; sequences of LENGTH steps."""
    model: Any = subject.model
    return model.sample(
        n,
        condition=subject.condition() if condition is None else condition,
        observed=observed,
        lengths=LENGTH if model.space.ragged else None,
        rng=rng,
        batch_size=batch_size,
    )


@check(claimed=is_generator)
def samples_are_rows_of_the_space(subject: Subject) -> None:
    """Samples have the space's shape and values, in int64 for codes and else the weights' dtype.

    One row, five and 500 are drawn.
    """
    model = subject.model
    dtype = torch.int64 if model.space.kind.discrete else model.dtype
    for n in (1, 5, 500):
        x = drawn(subject, n, subject.rng("space"))
        values = x.values if isinstance(x, Ragged) else x
        if isinstance(x, Ragged) != model.space.ragged or len(x) != n or values.dtype is not dtype:
            raise ConformanceError(
                f"{n} samples of {model.space} are {n} rows of {dtype}",
                received=f"{len(x)} rows of {values.dtype}, a {type(x).__name__}",
                remedy="Make noise and constants in self.dtype; return n rows.",
            )
        try:
            model.space.check(values, what="samples", empty=True)
        except DataError as error:
            raise ConformanceError(
                f"Samples are in the model's space: {model.space}",
                received=error.received,
                remedy="Map them into the space, or name the space that they are in.",
            ) from None


@check(claimed=is_generator)
def the_same_rng_gives_the_same_samples(subject: Subject) -> None:
    """The same seed of `rng` gives the same samples to the bit, whatever was drawn before.

    Drawn three times, once with torch's global generator at another seed, which is put back.
    """
    first = matrix(drawn(subject, 16, subject.rng("repeat")))
    drawn(subject, 3, subject.rng("between"))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(7)
        second = matrix(drawn(subject, 16, subject.rng("repeat")))
    third = matrix(drawn(subject, 16, subject.rng("repeat")))
    if not same(first, second) or not same(first, third):
        raise ConformanceError(
            "Samples are a function of the rng",
            received="other samples from an rng of the same seed",
            remedy="Draw with generator=call.rng, and keep nothing between calls.",
        )


@check(claimed=is_generator)
def another_rng_gives_other_samples(subject: Subject) -> Evidence:
    """Another seed of `rng` gives other samples.

    64 rows from each of two seeds. Where both are the same row by row, the p-value is one over
    the number of orders that these rows have: independent rows come in each as likely. Where a
    sample of 64 has at least three that aren't the most frequent, a fixed seed is always caught.
    """
    first = matrix(drawn(subject, 64, subject.rng("one")))
    second = matrix(drawn(subject, 64, subject.rng("another")))
    if not same(first, second):
        return Evidence({"equal samples": 1.0})
    counts = torch.unique(first, dim=0, return_counts=True)[1].double()
    log_orders = math.lgamma(65) - float(torch.lgamma(counts + 1).sum())
    return Evidence({"equal samples": math.exp(-log_orders)}, received="the same 64 rows")


@check(claimed=is_generator)
def chunks_joined_are_the_sample(subject: Subject) -> None:
    """`sample_batches` joined is `sample` to the bit, and a chunk doesn't depend on the others.

    Ten rows are drawn four at a time, each under a condition of its own; and eight of them.
    """
    model: Any = subject.model
    codes = subject.conditions(10, "chunks")
    lengths = LENGTH if model.space.ragged else None

    def chunks(n: int) -> list[Tensor]:
        told = None if codes is None else codes[:n]
        rng = subject.rng("chunks")
        made = model.sample_batches(n, condition=told, lengths=lengths, rng=rng, batch_size=4)
        return [matrix(chunk) for chunk in made]

    whole = matrix(drawn(subject, 10, subject.rng("chunks"), condition=codes, batch_size=4))
    parts, fewer = chunks(10), chunks(8)
    if [len(part) for part in parts] != [4, 4, 2] or not same(torch.cat(parts), whole):
        received = "other rows from sample_batches than from sample"
    elif not same(torch.cat(fewer), whole[:8]):
        received = "other rows where fewer chunks follow"
    else:
        return
    raise ConformanceError(
        "A chunk of samples is a function of its own generator",
        received=received,
        remedy="Draw with generator=call.rng, and keep nothing between calls of _sample.",
    )


@check(claimed=is_generator)
def sampled_rows_are_independent(subject: Subject) -> Evidence:
    """The rows of one call are independent draws: no two of them know of each other.

    32 chunks of 8 rows each. Rows of a chunk are compared with rows of other chunks (Kruskal &
    Wallis 1952, of random projections and of their distance from the median, both tails), and
    where rows repeat others in their own chunks only, the p-value is the probability of that
    under exchange. Normal rows with a correlation of .5 within a chunk are caught with
    probability > .99, of .25 with .7; a scale that a chunk shares, antithetic halves and a row
    that stands twice in each chunk with > .98.
    """
    n = _CHUNKS * _CHUNK
    x = matrix(drawn(subject, n, subject.rng("independence"), batch_size=_CHUNK))
    p_values = clusters(x, _CHUNKS, subject.rng("projections"))
    p_values["repeated rows"] = _repetition(x)
    return Evidence(p_values, received=f"{_CHUNKS} chunks of {_CHUNK} rows")


def _repetition(x: Tensor) -> float:
    """Bound the probability that so many rows repeat others, all within their own chunks."""
    kind = torch.unique(x, dim=0, return_inverse=True)[1].reshape(_CHUNKS, _CHUNK)
    within = [len(chunk.unique()) for chunk in kind]
    repeating = sum(number < _CHUNK for number in within)
    if sum(within) != len(kind.unique()):  # a row that stands in two chunks: they are few
        return 1.0
    return ((_CHUNK - 1) / (len(x) + 1 - 2 * repeating)) ** repeating


@check(claimed=is_generator)
def the_law_of_samples_does_not_depend_on_the_batch_size(subject: Subject) -> Evidence:
    """Rows that are drawn few at a time have the law of rows that are drawn together.

    256 rows sixteen at a time against 256 at once, by rank tests of random projections in
    location and in spread. A shift by one standard deviation and a scale that is wrong by a
    factor of 2 are caught with probability > .98, a factor of 1.5 with .8 where a row has one
    entry and > .99 where it has more.
    """
    few = matrix(drawn(subject, 256, subject.rng("few at a time"), batch_size=16))
    many = matrix(drawn(subject, 256, subject.rng("at once")))
    return Evidence(two_samples(few, many, subject.rng("projections")))


@check(claimed=is_generator)
def sampling_keeps_no_graph(subject: Subject) -> None:
    """Samples carry no gradient graph, and may enter one: they aren't tensors of inference mode.

    The chunks of `sample_batches`, drawn with gradients enabled and under `no_grad`.
    """
    model: Any = subject.model
    lengths = LENGTH if model.space.ragged else None
    made = []
    for enabled in (True, False):
        with torch.set_grad_enabled(enabled):
            rng = subject.rng("graph")
            made += model.sample_batches(2, condition=subject.condition(), lengths=lengths, rng=rng)
    for x in made:
        values = x.values if isinstance(x, Ragged) else x
        if values.requires_grad or values.is_inference():
            raise ConformanceError(
                "Samples are plain tensors, without a graph",
                received="a graph" if values.requires_grad else "a tensor of inference mode",
                remedy="Leave no_grad to sample(); use neither enable_grad nor inference_mode.",
            )


@check(claimed=both(is_generator, _is_ragged))
def lengths_are_honoured(subject: Subject) -> None:
    """Sequences are as long as `lengths` says: one number for all, or one a sample, 0 too."""
    model: Any = subject.model
    told = subject.condition()
    for lengths in (2, (3, 0, 5)):
        x = model.sample(3, condition=told, lengths=lengths, rng=subject.rng("lengths"))
        if x.lengths.tolist() != torch.as_tensor(lengths).expand(3).tolist():
            raise ConformanceError(
                "Sequences are as long as `lengths` says",
                received=f"lengths {x.lengths.tolist()} for {lengths}",
                remedy="Draw call.lengths[i] steps of sequence i where call.lengths is given.",
            )


@check(claimed=is_generator)
def what_cannot_be_sampled_is_refused(subject: Subject) -> None:
    """No rows, unknown options, lengths of arrays and what a model can't be told raise errors.

    DataError for n = 0, OptionError for an option, UnsupportedError for `lengths` of a space
    without sequences and for `observed` of a class that doesn't say `observes`.
    """
    model: Any = subject.model
    told, nothing = subject.condition(), torch.zeros(model.space.shape)
    refused: list[tuple[str, type[ZooError], Callable[[], object]]] = [
        ("n=0", DataError, lambda: model.sample(0, condition=told)),
        ("batch_size=0", DataError, lambda: model.sample(1, condition=told, batch_size=0)),
        (
            "no_such_option=1",
            OptionError,
            lambda: model.sample(1, condition=told, no_such_option=1),
        ),
    ]
    if not model.space.ragged:
        refused.append(
            ("lengths", UnsupportedError, lambda: model.sample(1, condition=told, lengths=3))
        )
    if not model.observes:
        known = Observed(nothing, nothing.bool())
        refused.append(
            ("observed", UnsupportedError, lambda: model.sample(1, condition=told, observed=known))
        )
    for what, error, call in refused:
        require_refusal(
            error,
            call,
            what,
            rule=f"sample(…, {what}) raises {error.__name__}",
            remedy="Leave these checks to the public method; declare options as a zoo.Config.",
        )


CHECKS = (
    samples_are_rows_of_the_space,
    the_same_rng_gives_the_same_samples,
    another_rng_gives_other_samples,
    chunks_joined_are_the_sample,
    sampled_rows_are_independent,
    the_law_of_samples_does_not_depend_on_the_batch_size,
    sampling_keeps_no_graph,
    lengths_are_honoured,
    what_cannot_be_sampled_is_refused,
)
