"""JoinedStack: models of one class, each a stack of one, worked on as one stack of them all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, final

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn
from torch.func import functional_call

from zoo_plugin_classical.stack import ConditionalStack, Stack
from zoo_plugin_classical.stack_model import StackModel


def joins(parts: Sequence[Any]) -> bool:
    """Tell whether parts are stacks of one with the same configuration and no preprocessing."""
    first = parts[0]
    if not isinstance(first, StackModel) or len(first.preprocessing.maps):
        return False
    same = all(type(p) is type(first) and p.config == first.config for p in parts)
    shapes = [t.shape for t in first.stack.parameters()]
    together = [t.shape for t in first._stack(len(parts)).parameters()]
    stacked = [(len(parts) * shape[0], *shape[1:]) for shape in shapes]
    return same and [tuple(shape) for shape in together] == stacked


@final
class JoinedStack(ConditionalStack):
    """The stack that K stacks of one make; parameters stay those of the parts.

    At each call they are put together, which costs little beside the work on rows.
    """

    def __init__(self, parts: Sequence[StackModel]) -> None:
        super().__init__()
        self.k = len(parts)
        # In tuples, modules are not registered: parts belong to the model, the other has no state.
        self.parts = tuple(parts)
        self._whole = (_Methods(parts[0]._stack(self.k)),)

    @property
    def conditional(self) -> bool:
        """Whether any entries can be told."""
        return isinstance(self._whole[0].stack, ConditionalStack)

    @property
    def free_parameters(self) -> int:
        """How many numbers are free to be learnt."""
        return self._whole[0].stack.free_parameters

    def log_prob_each(self, z: Tensor) -> Float[Tensor, "n k"]:
        """Give each part's log-probability."""
        return self._call("log_prob_each", z)

    def sample_each(self, which: Int64[Tensor, " n"], rng: torch.Generator) -> Tensor:
        """Draw a row of each part that is asked for."""
        return self._call("sample_each", which, rng)

    def complete_each(self, z: Tensor) -> Tensor:
        """Give E[x | known entries of z] under each part."""
        return self._call("complete_each", z)

    def sample_rest(self, z: Tensor, which: Tensor, rng: torch.Generator) -> Tensor:
        """Draw the missing entries of each row given its known ones."""
        return self._call("sample_rest", z, which, rng)

    def statistics_each(self, z: Tensor, weight: Float[Tensor, "n k"]) -> Mapping[str, Tensor]:
        """Give the stack's sums."""
        return self._call("statistics_each", z, weight)

    @torch.no_grad()
    def update(self, stats: Mapping[str, Tensor]) -> None:
        """Set the parts' parameters."""
        self._change("update", stats)

    @torch.no_grad()
    def start(self, z: Tensor, weight: Float[Tensor, "n k"]) -> None:
        """Set the parts' parameters to those of the weighted rows."""
        self._change("start", z, weight)

    def log_prior(self) -> Tensor:
        """Give the stack's."""
        return self._call("log_prior")

    def _call(self, method: str, *arguments: Any) -> Any:
        return functional_call(self._whole[0], self._together(), (method, *arguments))

    def _change(self, method: str, *arguments: Any) -> None:
        """Let the method change the parameters, and hand them back to the parts."""
        together = {name: tensor.clone() for name, tensor in self._together().items()}
        functional_call(self._whole[0], together, (method, *arguments))
        for k, part in enumerate(self.parts):
            for name, tensor in part.stack.named_parameters():
                tensor.copy_(together[f"stack.{name}"].chunk(self.k)[k])

    def _together(self) -> dict[str, Tensor]:
        own = [dict(part.stack.named_parameters()) for part in self.parts]
        return {f"stack.{name}": torch.cat([one[name] for one in own]) for name in own[0]}


@final
class _Methods(nn.Module):
    """A module whose call is one of its stack's methods, as torch's functional calls need it."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self.stack = stack

    def forward(self, method: str, *arguments: Any) -> Any:
        """Call the method of this name."""
        return getattr(self.stack, method)(*arguments)
