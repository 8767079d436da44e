"""Forward-backward: what data tell about the hidden states of a Markov chain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo_plugin_classical import blocked_scan, compiled_passes

SAFE = 1e-40
"""Where each move has at least this probability, no state's probability can vanish for good.

At each step every state is within reach by far more than the smallest float64, so that what is
rounded to 0 carries no path that counts.
"""


class Posterior(NamedTuple):
    """What data tell: log p(x) a sequence, weight · p(z_t | x) a step, the expected moves."""

    log_prob: Float[Tensor, " n"]
    states: Float[Tensor, "t s"]
    moves: Float[Tensor, "s s"]


@final
@dataclass(frozen=True, eq=False)
class Chain:
    """Sequences end to end, of `lengths [n]`, as a Markov chain sees them; all in float64.

    `log_initial [S]`, `log_transition [S, S]` and `log_emission [T, S]`, log p(x_t | z_t), are in
    nats; with `spend` the last may be overwritten, so that memory is saved. On the CPU compiled
    kernels run, in threads over sequences; elsewhere a blocked scan in plain torch does, unless
    moves are forbidden or nearly so: then the kernels do its work.
    """

    log_initial: Float[Tensor, " s"]
    log_transition: Float[Tensor, "s s"]
    log_emission: Float[Tensor, "t s"]
    lengths: Int64[Tensor, " n"]
    spend: bool = False

    @classmethod
    def of(
        cls,
        log_initial: Tensor,
        log_transition: Tensor,
        log_emission: Tensor,
        lengths: Tensor,
        *,
        spend: bool = False,
    ) -> Chain:
        """Take tensors of any floating type, without their gradients."""
        initial, transition, emission = (
            part.detach().to(torch.float64) for part in (log_initial, log_transition, log_emission)
        )
        return cls(initial, transition, emission, lengths, spend)

    @property
    def device(self) -> torch.device:
        """Where the sequences are."""
        return self.log_emission.device

    def cpu(self) -> Chain:
        """Move to the CPU, where the kernels are."""
        parts = (self.log_initial.cpu(), self.log_transition.cpu(), self.log_emission.cpu())
        return Chain(*parts, self.lengths.cpu(), self.spend)

    @property
    def safe(self) -> bool:
        """Whether every move is so probable that scaled arithmetic is exact."""
        return bool((self.log_transition.exp() >= SAFE).all())

    def log_prob(self) -> Float[Tensor, " n"]:
        """Give log p(x) of each sequence."""
        if self._scans:
            return blocked_scan.log_prob(self._steps(), self.lengths)
        return compiled_passes.log_prob(self.cpu(), self.safe).to(self.device)

    def log_filter(self) -> Float[Tensor, "t s"]:
        """Give log p(z_t | x_1 … x_t) of each step; −∞ from where on data are impossible."""
        if self._scans:
            return blocked_scan.filtered(self._steps())[0].log()
        return compiled_passes.log_filter(self.cpu(), self.safe).to(self.device)

    def posterior(self, weight: Float[Tensor, " n"] | None = None) -> Posterior:
        """Give the posterior of states and moves, each sequence counted `weight` times."""
        if weight is None:
            weight = self.log_emission.new_ones(len(self.lengths))
        weight = weight.detach().to(self.device, torch.float64)
        if self._scans:
            return Posterior(*blocked_scan.posterior(self._steps(), self.lengths, weight))
        found = compiled_passes.posterior(self.cpu(), weight.cpu(), self.safe)
        return Posterior(*(part.to(self.device) for part in found))

    @property
    def _scans(self) -> bool:
        return self.device.type != "cpu" and self.safe and len(self.log_emission) > 0

    def _steps(self) -> blocked_scan.Steps:
        return blocked_scan.Steps.of(
            self.log_initial, self.log_transition, self.log_emission, self.lengths
        )


@final
class _LogProb(torch.autograd.Function):
    """log p(x) of each sequence; its gradient is the posterior (Fisher's identity)."""

    @staticmethod
    def forward(ctx: Any, *parts: Tensor) -> Tensor:
        ctx.save_for_backward(*parts)
        return Chain.of(*parts).log_prob().to(parts[0].dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any, *grad_outputs: Tensor
    ) -> tuple[Tensor | None, ...]:
        parts = ctx.saved_tensors
        found = Chain.of(*parts).posterior(grad_outputs[0])
        first = first_steps(parts[3])
        grads = (found.states[first].sum(0), found.moves, found.states)
        return (*(g.to(p.dtype) for g, p in zip(grads, parts[:3], strict=True)), None)


def log_prob(
    log_initial: Float[Tensor, " s"],
    log_transition: Float[Tensor, "s s"],
    log_emission: Float[Tensor, "t s"],
    lengths: Int64[Tensor, " n"],
) -> Float[Tensor, " n"]:
    """Give log p(x) of each sequence, in nats; gradients flow through, once.

    ∂ log p(x) / ∂ log p(x_t | z_t = j) = p(z_t = j | x), and so on: the gradients are the expected
    counts that Baum–Welch takes (Fisher's identity: Cappé, Moulines & Rydén 2005, eq. 10.12).
    """
    return _LogProb.apply(log_initial, log_transition, log_emission, lengths)  # pyright: ignore[reportReturnType]


def first_steps(lengths: Int64[Tensor, " n"]) -> Int64[Tensor, " m"]:
    """Give where the sequences that have steps begin."""
    return (lengths.cumsum(0) - lengths)[lengths > 0]
