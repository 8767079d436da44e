"""Forward and backward passes: two implementations against sums over paths and one another."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from zoo_plugin_classical import blocked_scan, compiled_passes
from zoo_plugin_classical.forward_backward import Chain, log_prob

Parts = tuple[Tensor, Tensor, Tensor, Tensor]


def parts(states: int, *lengths: int, scale: float = 2.0, seed: int = 0) -> Parts:
    rng = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    initial, transition = normal(states).log_softmax(0), normal(states, states).log_softmax(1)
    return initial, transition, scale * normal(sum(lengths), states), torch.tensor(lengths)


def plain(initial: Tensor, transition: Tensor, emission: Tensor, lengths: Tensor) -> Tensor:
    """log p(x) by the recursion in logarithms, which autograd can follow."""
    found = []
    for rows in emission.split(lengths.tolist()):
        state = initial
        for t, row in enumerate(rows):
            moved = state if t == 0 else (state[:, None] + transition).logsumexp(0)
            state = moved + row
        found.append(state.logsumexp(0) if len(rows) else initial.new_zeros(()))
    return torch.stack(found)


def left_right(scale: float) -> Parts:
    """Data that a chain that can't go back explains by states that seem out of the question."""
    initial = torch.tensor([1.0, 0.0, 0.0]).double().log()
    transition = torch.tensor([[0.5, 0.5, 0.0], [0.0, 0.5, 0.5], [0.0, 0.0, 1.0]]).double().log()
    return initial, transition, *parts(3, 60, 0, 40, scale=scale)[2:]


CASES = {
    "one state": parts(1, 5, 3),
    "unequal lengths": parts(4, 7, 0, 1, 30, 13),
    "many states": parts(37, 20, 40),
    "sharp": parts(3, 50, 50, scale=300.0),
    "left to right": left_right(3.0),
    "left to right, sharp": left_right(400.0),
}


@pytest.mark.parametrize("far", [-100.0, -650.0, -700.0, -5000.0])
def test_the_only_state_within_reach_may_be_far_less_likely_than_others(far: float) -> None:
    initial = torch.tensor([1.0, 0.0]).double().log()
    transition = torch.tensor([[1.0, 0.0], [0.5, 0.5]]).double().log()
    emission = torch.tensor([[far, 0.0], [0.0, far], [far, -1.0]]).double()
    chain = Chain.of(initial, transition, emission, torch.tensor([3]))
    assert chain.log_prob().item() == pytest.approx(2 * far, rel=1e-12)
    expected = torch.tensor([[1.0, 0.0]] * 3).double()
    torch.testing.assert_close(chain.posterior().states, expected)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_the_recursion(case: str) -> None:
    *tensors, lengths = CASES[case]
    weight = torch.linspace(-1, 2, len(lengths)).double()
    own = [t.clone().requires_grad_() for t in tensors]
    found = log_prob(own[0], own[1], own[2], lengths)
    seen = torch.autograd.grad((found * weight).sum(), own)
    # Autograd has no gradient at −∞: what is forbidden is all but impossible for it instead.
    other = [t.clamp_min(-1e6).requires_grad_() for t in tensors]
    expected = plain(other[0], other[1], other[2], lengths)
    wanted = torch.autograd.grad((expected * weight).sum(), other)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-10)
    for a, b in zip(seen, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("case", ["one state", "unequal lengths", "many states", "sharp"])
def test_the_scan_is_the_kernels(case: str) -> None:
    chain = Chain.of(*CASES[case])
    assert chain.safe
    weight = torch.linspace(0, 2, len(chain.lengths)).double()
    parts = (chain.log_initial, chain.log_transition, chain.log_emission, chain.lengths)
    steps = blocked_scan.Steps.of(*parts)
    scanned = blocked_scan.posterior(steps, chain.lengths, weight)
    for a, b in zip(scanned, chain.posterior(weight), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)
    log_filter = blocked_scan.filtered(steps)[0].log()
    torch.testing.assert_close(log_filter.exp(), chain.log_filter().exp(), rtol=1e-10, atol=1e-12)


def test_scaled_passes_are_those_in_logarithms() -> None:
    from zoo_plugin_classical import hidden_markov_kernels as kernels

    chain = Chain.of(*CASES["unequal lengths"])
    offsets = compiled_passes.offsets_of(chain.lengths)
    emission, transition = chain.log_emission.numpy(), chain.log_transition.numpy()
    alpha, found, moves = np.empty_like(emission), np.zeros(5), np.zeros((4, 4))
    kernels.log_forward(
        emission, offsets, 0, 5, chain.log_initial.numpy(), transition, alpha, found
    )
    np.testing.assert_allclose(alpha, chain.log_filter(), atol=1e-10)
    kernels.log_backward(emission, offsets, 0, 5, transition, np.ones(5), alpha, moves)
    posterior = chain.posterior()
    np.testing.assert_allclose(found, posterior.log_prob, atol=1e-10)
    np.testing.assert_allclose(alpha, posterior.states, atol=1e-10)
    np.testing.assert_allclose(moves, posterior.moves, atol=1e-10)


def test_long_sequences_keep_their_digits() -> None:
    initial, transition, emission, lengths = parts(3, 3000)
    state = initial.exp().numpy().astype(np.longdouble)
    rows, moves = emission.numpy().astype(np.longdouble), transition.exp().numpy()
    total = np.longdouble(0)
    for t in range(3000):
        state = (state if t == 0 else state @ moves.astype(np.longdouble)) * np.exp(rows[t])
        total, state = total + np.log(state.sum()), state / state.sum()
    found = Chain.of(initial, transition, emission, lengths).log_prob().item()
    assert found == pytest.approx(float(total), rel=1e-13)


def test_threads_change_nothing() -> None:
    chain = Chain.of(*parts(3, *[50] * 400))
    before = torch.get_num_threads()
    try:
        found = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            found.append(chain.posterior())
    finally:
        torch.set_num_threads(before)
    for one, two in zip(*found, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)
