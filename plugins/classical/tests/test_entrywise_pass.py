"""The compiled pass over independent normal entries: the stack's own scores and sums."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import zoo_core as zoo
from zoo_plugin_classical.covariance import Covariance
from zoo_plugin_classical.entrywise_pass import EntrywisePass
from zoo_plugin_classical.expectation_pass import StackPass
from zoo_plugin_classical.gaussian_stack import GaussianStack


@pytest.mark.parametrize("covariance", [Covariance.DIAGONAL, Covariance.SPHERICAL])
@pytest.mark.parametrize(("dtype", "digits"), [(torch.float64, 1e-10), (torch.float32, 2e-4)])
@pytest.mark.parametrize("rows", [0, 1, 64, 1000])
@torch.no_grad()
def test_the_pass_is_the_stack(
    covariance: Covariance, dtype: torch.dtype, digits: float, rows: int
) -> None:
    stack = GaussianStack(5, 3, covariance, 1e-6).to(dtype)
    rng = zoo.rng(0)
    z = torch.randn(rows, 3, generator=rng).to(dtype)
    z[::3, 1], z[7:8] = torch.nan, torch.nan
    share = torch.rand(rows, 5, generator=rng).to(dtype)
    compiled, plain = EntrywisePass(stack), StackPass(stack)
    for work in (compiled, plain):
        work.take(z)
        work.count(share)
    if rows:
        scores: Any = compiled.score()
        torch.testing.assert_close(scores.to(dtype), plain.score(), rtol=digits, atol=digits)
        assert (scores[7:8] == 0).all()
    for name, expected in plain.sums().items():
        torch.testing.assert_close(compiled.sums()[name], expected, rtol=digits, atol=digits)
