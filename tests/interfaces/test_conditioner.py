"""Conditioner: one condition for many samples."""

from __future__ import annotations

from typing import Any

import torch

import zoo_core as zoo
from zoo_core.conditioners.label import Label


def _encoded(conditioner: Label, raw: Any, n: int) -> tuple[zoo.Context, list[int]]:
    """Encode conditions; give how many rows the embedding was asked for each time, too."""
    asked: list[int] = []
    assert conditioner.embedding is not None
    hook = conditioner.embedding.register_forward_hook(
        lambda module, inputs, output: asked.append(len(output))
    )
    context = conditioner.context(raw, n)
    hook.remove()
    return context, asked


def test_one_condition_for_many_samples_is_encoded_once() -> None:
    conditioner = Label.create(classes=3, width=4)
    one, asked = _encoded(conditioner, 2, 5)
    assert asked == [1]
    many, asked = _encoded(conditioner, [2] * 5, 5)
    assert asked == [5]
    assert torch.equal(one.as_vector(), many.as_vector())


def test_its_gradient_is_that_of_all_samples() -> None:
    conditioner = Label.create(classes=3, width=4)
    weight = conditioner.get_parameter("embedding.weight")
    factors = torch.arange(1.0, 6.0)[:, None]
    pairs = [_encoded(conditioner, raw, 5)[0].as_vector() for raw in (2, [2] * 5)]
    once, each = (torch.autograd.grad((factors * v).sum(), weight)[0] for v in pairs)
    assert torch.equal(once, each)
