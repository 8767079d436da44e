"""Checks of conditioners: from raw conditions to codes without weights, to Contexts with them."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.behaviour import close, same
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import both, is_conditioner
from zoo_core.conformance.refusal import require_refusal
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConditionError, ConformanceError
from zoo_core.interfaces.codes import Codes
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space

_ROWS = 5
_ROUNDING = 1e-7


def _trains(subject: Subject) -> bool:
    return any(p.requires_grad for p in subject.model.parameters())


@check(claimed=is_conditioner)
def codes_are_made_without_weights(subject: Subject) -> None:
    """`prepare` gives the same codes, to the bit, after every parameter has changed.

    A data loader holds codes while the conditioner is trained. Codes need no gradient.
    """
    conditioner: Any = subject.copy()
    raw = subject.raw(_ROWS)
    before: Codes = conditioner.prepare(raw)
    with torch.no_grad():
        for parameter in conditioner.parameters():
            parameter.mul_(-1.5).add_(0.25)
    after: Codes = conditioner.prepare(raw)
    kept = before.tensors.keys() == after.tensors.keys() and all(
        same(tensor, after[name]) for name, tensor in before.tensors.items()
    )
    if not kept or any(tensor.requires_grad for tensor in before.tensors.values()):
        raise ConformanceError(
            "Codes are made without weights",
            received="other codes after a change of weights" if not kept else "a gradient",
            remedy="Look nothing up in _prepare that is trained; that is _encode's.",
        )


@check(claimed=is_conditioner)
def contexts_are_finite_and_typed(subject: Subject) -> None:
    """Contexts, the null one too, are finite, in the dtype of the weights, with boolean masks.

    In float32 and in double precision: a null of another dtype would change that of the contexts
    that it is mixed with.
    """
    for model in (subject.model, subject.exact):
        conditioner: Any = model
        context = conditioner.context(subject.raw(_ROWS))
        for what, one in (("a context", context), ("the null context", conditioner.null)):
            _require_typed(one, model.dtype, what)


@check(claimed=is_conditioner)
def conditions_are_encoded_each_by_itself(subject: Subject) -> None:
    """The contexts of a batch are those of its conditions alone, in their order, to rounding.

    Encoded together, one by one from raw conditions, and from rows taken out of the codes.
    Entries of a sequence that the mask leaves out don't count.
    """
    conditioner: Any = subject.exact
    raw: Any = subject.raw(_ROWS)
    codes: Codes = conditioner.prepare(raw)
    order = torch.tensor([3, 0, 4, 1, 2])
    with torch.no_grad():
        together: Context = conditioner.encode(codes)
        alone = Context.cat([conditioner.context(raw[i]) for i in range(_ROWS)])
        taken: Context = conditioner.encode(codes.to("cpu").take(order))
    _require_close(alone, together, "A batch of conditions is encoded as each by itself")
    _require_close(taken, together.take(order), "Rows of codes are encoded as those conditions")


@check(claimed=is_conditioner)
def one_condition_serves_many_samples(subject: Subject) -> None:
    """One raw condition with n gives n rows of its context, and n conditions stay as they are.

    Another number of conditions than n raises ConditionError.
    """
    conditioner: Any = subject.exact
    raw: Any = subject.raw(_ROWS)
    with torch.no_grad():
        many: Context = conditioner.context(raw[0], 3)
        one: Context = conditioner.context(raw[0])
        whole = conditioner.context(raw, _ROWS)
        plain = conditioner.context(raw)
    rule = "One condition, with n, gives n rows of its context"
    if len(many) != 3 or len(one) != 1:
        raise ConformanceError(rule, received=f"{len(many)} and {len(one)} rows for 3 and 1")
    _require_close(many, one.expand(3), rule)
    _require_close(whole, plain, "As many conditions as samples stay as they are")
    _refuse(lambda: conditioner.prepare(raw, _ROWS + 1), f"{_ROWS} conditions for {_ROWS + 1} rows")


@check(claimed=is_conditioner)
def null_is_a_fixed_point_of_dropping(subject: Subject) -> None:
    """Contexts that are all dropped are null to the bit, and those that aren't are as they were.

    `Context.where(dropped, null, context)` with every row dropped, none, and every other one;
    then dropped again. Null is asked anew each time, as in training: it is no random draw.
    """
    conditioner: Any = subject.model
    with torch.no_grad():
        context: Context = conditioner.context(subject.raw(_ROWS))
        every = torch.ones(_ROWS, dtype=torch.bool)
        null: Context = conditioner.null
        gone = Context.where(every, conditioner.null, context)
        again = Context.where(every, conditioner.null, gone)
        kept = Context.where(~every, conditioner.null, context)
        other = torch.arange(_ROWS) % 2 == 0
        mixed = Context.where(other, conditioner.null, context)
    rule = "Null is a fixed point of dropping the condition"
    _require_same(gone, null.expand(_ROWS), rule)
    _require_same(again, null.expand(_ROWS), rule)
    _require_same(kept, context, "Contexts that aren't dropped stay as they are")
    _require_same(mixed.take(other), null.expand(int(other.sum())), rule)
    _require_same(mixed.take(~other), context.take(~other), "Dropping one row changes no other")


@check(claimed=both(is_conditioner, _trains))
def contexts_are_differentiable(subject: Subject) -> None:
    """Some parameter of a conditioner that has any gets a gradient through `encode`.

    Of a random sum over the context's entries; a sum of squares is constant where a layer
    normalises.
    """
    conditioner: Any = copy.deepcopy(subject.exact)
    context = conditioner.context(subject.raw(_ROWS))
    rng = subject.rng("directions")
    parts = [
        (torch.randn(tensor.shape, generator=rng, dtype=tensor.dtype) * tensor).sum()
        for tensor in _floating(context).values()
    ]
    total = torch.stack(parts).sum()
    trained = [p for p in conditioner.parameters() if p.requires_grad]
    gradients: tuple[Tensor | None, ...] = (None,)
    if total.requires_grad:
        gradients = torch.autograd.grad(total, trained, allow_unused=True)
    if not any(g is not None and bool((g != 0).any()) for g in gradients):
        raise ConformanceError(
            "Encoding is differentiable in the conditioner's parameters",
            received="no gradient",
            remedy="Keep _encode free of detach and no_grad, or freeze the parameters.",
        )


@check(claimed=is_conditioner)
def wrong_conditions_are_refused(subject: Subject) -> None:
    """A raw condition outside of the conditioner's space raises ConditionError.

    A code beyond the last, and below zero; NaN; a vector of one entry more. Of missing values
    only where the space doesn't say `missing`.
    """
    conditioner: Any = subject.model
    space, raw = conditioner.space, subject.raw(3, "wrong")
    values = raw.values if isinstance(raw, Ragged) else raw
    if not values.numel():
        raise Skip("a condition has no entries")
    wrong = (-1, space.n_levels) if space.n_levels is not None else (math.nan,)
    for value in wrong:
        if not (space.missing and (value == -1 or math.isnan(value))):
            bad = values.clone()
            bad.view(-1)[-1] = value
            told = Ragged(bad, raw.lengths) if isinstance(raw, Ragged) else bad
            _refuse(lambda told=told: conditioner.prepare(told), f"the value {value}")
    if space.shape and not space.ragged:
        longer = torch.cat([values, values[..., :1]], -1)
        _refuse(lambda: conditioner.prepare(longer), "an entry more")


def _is_of_sequences(subject: Subject) -> bool:
    return subject.model.space.ragged


def _is_one_code(subject: Subject) -> bool:
    """Claim conditions of one code, which nobody may know."""
    space = subject.model.space
    return space.missing and space.n_levels is not None and space.shape == () and not space.ragged


@check(claimed=both(is_conditioner, _is_one_code))
def what_nobody_knows_is_the_null_context(subject: Subject) -> None:
    """A condition −1, where the space says `missing`, has the null context, to the bit.

    Alone, and among others, which it leaves as they are.
    """
    conditioner: Any = subject.model
    raw: Any = subject.raw(_ROWS)
    unknown = torch.arange(_ROWS) % 2 == 0
    with torch.no_grad():
        null: Context = conditioner.null
        alone: Context = conditioner.context(-1)
        mixed: Context = conditioner.context(torch.where(unknown, -1, raw))
        known: Context = conditioner.context(raw).take(~unknown)
    rule = "A condition that nobody knows has the null context"
    _require_same(alone, null, rule)
    _require_same(mixed.take(unknown), null.expand(int(unknown.sum())), rule)
    _require_close(mixed.take(~unknown), known, "Unknown conditions change none beside them")


@check(claimed=both(is_conditioner, _is_of_sequences))
def every_form_of_a_sequence_is_the_same_condition(subject: Subject) -> None:
    """A Ragged, a list of tensors or of lists, and texts where there is a tokenizer mean the same.

    Five conditions of one to four steps in double precision, to rounding; one of them alone as a
    tensor, as a list of one and as a Ragged of one; one text alone too.
    """
    conditioner: Any = subject.exact
    raw: Any = subject.raw(_ROWS, "forms")
    forms: list[tuple[str, Any, Any]] = [
        ("a list of tensors", list(raw), raw),
        ("a list of lists", [row.tolist() for row in raw], raw),
        ("a tensor, of one", raw[1], raw[1:2]),
        ("a list with one tensor", [raw[1]], raw[1:2]),
    ]
    if conditioner.space.tokenizer is not None:
        forms += _texts(conditioner.space, raw)
    for form, told, plain in forms:
        with torch.no_grad():
            seen, wanted = conditioner.context(told), conditioner.context(plain)
        _require_close(seen, wanted, f"{form} means what the Ragged of the same steps means")


def _texts(space: Space, raw: Ragged) -> list[tuple[str, Any, Any]]:
    """Give texts beside the codes that the tokenizer makes of them."""
    texts = [text for text in space.texts(raw) if text]
    if not texts:
        return []
    return [
        ("a list of texts", texts, space.sequences(texts)),
        ("a text", texts[0], space.sequences(texts[:1])),
    ]


def _floating(context: Context) -> Mapping[str, Tensor]:
    named = {name: getattr(context, name) for name in ("vector", "sequence", "image")}
    return {name: tensor for name, tensor in named.items() if tensor is not None}


def _comparable(context: Context) -> Mapping[str, Tensor]:
    """Give a context's tensors; of sequences, the entries that the mask tells are there."""
    found = dict(_floating(context))
    if context.sequence is not None and context.mask is not None:
        found["sequence"] = context.sequence[context.mask]
        found["lengths"] = context.mask.sum(1)
    return found


def _require_same(seen: Context, wanted: Context, rule: str) -> None:
    pairs = _comparable(seen), _comparable(wanted)
    wrong = [name for name, tensor in pairs[1].items() if not same(pairs[0][name], tensor)]
    if wrong:
        raise ConformanceError(
            rule,
            received=f"another {' and '.join(wrong)}",
            remedy="Let _null give one fixed row, in self.dtype, as _encode's rows are.",
        )


def _require_close(seen: Context, wanted: Context, rule: str) -> None:
    pairs = _comparable(seen), _comparable(wanted)
    wrong = [
        name for name, tensor in pairs[1].items() if not close(pairs[0][name], tensor, _ROUNDING)
    ]
    if wrong:
        raise ConformanceError(
            rule,
            received=f"another {' and '.join(wrong)}",
            remedy="Encode each row by itself and in order; reduce over its entries alone.",
        )


def _require_typed(context: Context, dtype: torch.dtype, what: str) -> None:
    for name, tensor in _floating(context).items():
        if tensor.dtype is not dtype or not bool(tensor.isfinite().all()):
            received = f"{tensor.dtype}" if tensor.dtype is not dtype else "NaN or an infinity"
            raise ConformanceError(
                f"The {name} of {what} of a conditioner in {dtype} is finite and in {dtype}",
                received=received,
                remedy="Cast to self.dtype in _encode and _null.",
            )
    if context.mask is not None and context.mask.dtype is not torch.bool:
        raise ConformanceError("A context's mask is boolean", received=f"{context.mask.dtype}")


def _refuse(call: Callable[[], object], what: str) -> None:
    require_refusal(
        ConditionError,
        call,
        what,
        rule="Conditions outside of the space raise ConditionError",
        remedy="Check in _prepare: self.space.check(…), its DataError raised as ConditionError.",
    )


CHECKS = (
    codes_are_made_without_weights,
    contexts_are_finite_and_typed,
    conditions_are_encoded_each_by_itself,
    one_condition_serves_many_samples,
    null_is_a_fixed_point_of_dropping,
    contexts_are_differentiable,
    wrong_conditions_are_refused,
    every_form_of_a_sequence_is_the_same_condition,
    what_nobody_knows_is_the_null_context,
)
