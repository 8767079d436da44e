"""AdamW over named tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import final

import torch
from torch import Tensor
from torch.optim.adamw import adamw

_MEAN, _SQUARE, _STEP = "mean.", "square.", "step."


@final
class Optimizer:
    """AdamW (Loshchilov and Hutter 2019, algorithm 2) of one objective's parameters.

    By torch's functional form: what is trained are this process's parts of parameters, and the
    state is named tensors, as a checkpoint has them. A parameter without a gradient rests.
    """

    def __init__(self, parameters: Mapping[str, Tensor], weight_decay: float) -> None:
        self._parameters = dict(parameters)
        self._weight_decay = weight_decay
        self._means = {name: torch.zeros_like(p) for name, p in parameters.items()}
        self._squares = {name: torch.zeros_like(p) for name, p in parameters.items()}
        self._steps = {
            name: torch.zeros((), dtype=torch.float32, device=p.device)
            for name, p in parameters.items()
        }

    @property
    def names(self) -> Sequence[str]:
        """The parameters' names."""
        return list(self._parameters)

    @torch.no_grad()
    def step(self, gradients: Sequence[Tensor | None], rate: float) -> None:
        """Move the parameters, whose gradients come in the order of `names`."""
        moved = [n for n, g in zip(self._parameters, gradients, strict=True) if g is not None]
        if not moved:
            return
        device = self._parameters[moved[0]].device
        adamw(
            [self._parameters[name] for name in moved],
            [gradient for gradient in gradients if gradient is not None],
            [self._means[name] for name in moved],
            [self._squares[name] for name in moved],
            [],
            [self._steps[name] for name in moved],
            fused=device.type in ("cpu", "cuda"),
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=rate,
            weight_decay=self._weight_decay,
            eps=1e-8,
            maximize=False,
        )

    def state(self, whole: Callable[[str, Tensor], Tensor]) -> dict[str, Tensor]:
        """Give the state as named tensors, each put together by `whole(name, local)`."""
        found: dict[str, Tensor] = {}
        for name in self._parameters:
            found[_MEAN + name] = whole(name, self._means[name])
            found[_SQUARE + name] = whole(name, self._squares[name])
            found[_STEP + name] = self._steps[name]
        return found

    @torch.no_grad()
    def restore(self, state: Mapping[str, Tensor], part: Callable[[str, Tensor], Tensor]) -> None:
        """Take a state over, of each tensor the part that `part(name, whole)` gives."""
        for name in self._parameters:
            self._means[name].copy_(part(name, state[_MEAN + name]))
            self._squares[name].copy_(part(name, state[_SQUARE + name]))
            self._steps[name].copy_(state[_STEP + name])
