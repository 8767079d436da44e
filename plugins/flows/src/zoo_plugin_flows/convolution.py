"""Couplings of an image's channels, whose networks are convolutions."""

from __future__ import annotations

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from zoo_plugin_flows.elementwise import Elementwise
from zoo_plugin_flows.images import ImageBijection


@final
class ConvolutionNetwork(nn.Module):
    """Convolutions of 3 × 3, 1 × 1 and 3 × 3 pixels; without hidden channels, one of 3 × 3.

    context: width of the context, which the first layer adds to every pixel (0: none). dropout:
    share of hidden units set to zero in training. The last layer starts at zero.
    """

    def __init__(
        self, inputs: int, context: int, hidden: int, outputs: int, dropout: float
    ) -> None:
        super().__init__()
        self.hidden = nn.ModuleList()
        if hidden:
            self.hidden.append(nn.Conv2d(inputs, hidden, 3, padding=1))
            self.hidden.append(nn.Conv2d(hidden, hidden, 1))
        self.told = nn.Linear(context, hidden or outputs, bias=False) if context else None
        self.dropout = nn.Dropout(dropout)
        self.last = nn.Conv2d(hidden or inputs, outputs, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(torch.as_tensor(self.last.bias))
        if self.told is not None and not hidden:
            nn.init.zeros_(self.told.weight)

    def forward(
        self, x: Float[Tensor, "n h w inputs"], context: Float[Tensor, "n context"] | None
    ) -> Float[Tensor, "n h w outputs"]:
        """Compute the outputs at every pixel."""
        told = None
        if self.told is not None and context is not None:
            told = self.told(context)[:, :, None, None]
        x = x.permute(0, 3, 1, 2)
        for layer in self.hidden:
            x = layer(x)
            if told is not None:
                x, told = x + told, None
            x = self.dropout(nn.functional.relu(x, inplace=True))
        x = self.last(x)
        return (x if told is None else x + told).permute(0, 2, 3, 1)


@final
class ChannelCoupling(nn.Module):
    """Moves some channels by an elementwise map, told how by other channels and the context.

    Glow, Kingma and Dhariwal 2018 (arXiv:1807.03039), section 3.3.
    """

    def __init__(self, elementwise: Elementwise, moved: int, network: ConvolutionNetwork) -> None:
        super().__init__()
        self.elementwise = elementwise
        self.moved = moved
        self.network = network

    def forward(
        self,
        moved: Float[Tensor, "n h w moved"],
        kept: Float[Tensor, "n h w kept"],
        context: Float[Tensor, "n e"] | None,
    ) -> tuple[Float[Tensor, "n h w moved"], Float[Tensor, " n"]]:
        """Move, and give the log-determinant of each image."""
        moved, log_slope = self.elementwise.forward(moved, self._raw(kept, context))
        return moved, log_slope.sum((1, 2, 3))

    def inverse(
        self,
        moved: Float[Tensor, "n h w moved"],
        kept: Float[Tensor, "n h w kept"],
        context: Float[Tensor, "n e"] | None,
    ) -> tuple[Float[Tensor, "n h w moved"], Float[Tensor, " n"]]:
        """Undo `forward`, and give the inverse's log-determinant of each image."""
        moved, log_slope = self.elementwise.inverse(moved, self._raw(kept, context))
        return moved, log_slope.sum((1, 2, 3))

    def _raw(self, kept: Tensor, context: Tensor | None) -> Tensor:
        outputs = self.network(kept, context)
        return outputs.unflatten(-1, (self.elementwise.width, self.moved)).movedim(-2, 0)


@final
class ImageCoupling(ImageBijection):
    """Moves the second half of the channels, told by the first half."""

    def __init__(self, coupling: ChannelCoupling) -> None:
        super().__init__()
        self.coupling = coupling

    def forward(
        self, x: Float[Tensor, "n h w c"], context: Float[Tensor, "n e"] | None
    ) -> tuple[Float[Tensor, "n h w c"], Float[Tensor, " n"]]:
        """Move the second half."""
        kept, moved = x.tensor_split((x.shape[-1] - self.coupling.moved,), -1)
        moved, log_det = self.coupling(moved, kept, context)
        return torch.cat((kept, moved), -1), log_det

    def inverse(
        self, z: Float[Tensor, "n h w c"], context: Float[Tensor, "n e"] | None
    ) -> tuple[Float[Tensor, "n h w c"], Float[Tensor, " n"]]:
        """Move it back."""
        kept, moved = z.tensor_split((z.shape[-1] - self.coupling.moved,), -1)
        moved, log_det = self.coupling.inverse(moved, kept, context)
        return torch.cat((kept, moved), -1), log_det
