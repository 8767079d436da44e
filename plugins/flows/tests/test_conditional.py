"""Flows that are told a label or a vector."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from zoo_core.errors import ConditionError
from zoo_core.interfaces.space import Space
from zoo_plugin_flows.flow import Flow

Make = Callable[..., Flow]
Told = tuple[dict[str, object], list[object]]


def batch(conditions: list[object]) -> object:
    """One condition a row, as people write it."""
    if isinstance(conditions[0], torch.Tensor):
        return torch.stack([torch.as_tensor(c) for c in conditions])
    return conditions


@pytest.mark.parametrize("d", [1, 2, 3])
def test_a_mixed_batch_equals_single_ones(make: Make, told: Told, d: int) -> None:
    fields, conditions = told
    flow = make(Space.real(d), **fields).double()
    x = torch.randn(3, d, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mixed = flow.log_prob(x, condition=batch(conditions))
    single = [flow.log_prob(x[i : i + 1], condition=conditions[i]) for i in range(3)]
    torch.testing.assert_close(mixed, torch.cat(single), atol=1e-12, rtol=1e-12)


@pytest.mark.parametrize("d", [1, 2])
def test_another_condition_gives_another_model(make: Make, told: Told, d: int) -> None:
    fields, (first, second, _) = told
    flow = make(Space.real(d), **fields)
    x = torch.randn(20, d, generator=torch.Generator().manual_seed(0))
    one, two = flow.log_prob(x, condition=first), flow.log_prob(x, condition=second)
    assert not torch.allclose(one, two, atol=1e-2)
    samples = [flow.sample(20, condition=c, rng=torch.Generator().manual_seed(0)) for c in told[1]]
    assert not torch.allclose(samples[0], samples[1], atol=1e-2)


def test_round_trip_under_a_condition(make: Make, told: Told) -> None:
    fields, conditions = told
    flow = make(Space.real(4), scale=0.1, **fields)
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    noise, _ = flow.to_noise(x, condition=batch(conditions))
    torch.testing.assert_close(
        flow.from_noise(noise, condition=batch(conditions)), x, atol=1e-4, rtol=0
    )


def test_a_bound_view_is_the_same(make: Make, told: Told) -> None:
    fields, (first, *_) = told
    flow = make(Space.real(2), **fields)
    x = torch.zeros(3, 2)
    torch.testing.assert_close(flow.given(first).log_prob(x), flow.log_prob(x, condition=first))


def test_a_missing_condition_is_refused(make: Make, told: Told) -> None:
    fields, _ = told
    flow = make(Space.real(2), **fields)
    with pytest.raises(ConditionError):
        flow.log_prob(torch.zeros(1, 2))
    with pytest.raises(ConditionError):
        flow.sample(1)
