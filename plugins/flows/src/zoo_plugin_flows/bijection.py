"""Bijections: what flows are made of."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Protocol, final

from jaxtyping import Float
from torch import Tensor, nn


class Invertible(Protocol):
    """What has an inverse: a bijection of rows or of images."""

    def inverse(self, z: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map noise to data, and give the log-determinant of each row or image."""
        ...


class Bijection(nn.Module, ABC):
    """An invertible map of flat rows, told a context or not, with its log-determinant.

    `forward` goes from data to noise. The context is None where there is none to be told.
    """

    @abstractmethod
    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map data to noise, and give log |det| of the Jacobian at each row."""

    @abstractmethod
    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Map noise to data, and give log |det| of the inverse's Jacobian at each row."""

    def blocks(self) -> tuple[nn.Module, ...]:
        """List modules that `forward` calls by their own forward alone, one after the other.

        Their weights may be apart while they are not at work; none by default.
        """
        return ()


@final
class Chain(Bijection):
    """Bijections one after the other; their log-determinants add up."""

    def __init__(self, links: Iterable[Bijection]) -> None:
        super().__init__()
        self.links = nn.ModuleList(links)

    def forward(
        self, x: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Go through the links in order."""
        return through(self._links(), x, context)

    def inverse(
        self, z: Float[Tensor, "n d"], context: Float[Tensor, "n c"] | None
    ) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
        """Go through the links' inverses in the opposite order."""
        return back_through(self._links(), z, context)

    def blocks(self) -> tuple[nn.Module, ...]:
        """List those of the links."""
        return tuple(block for link in self._links() for block in link.blocks())

    def _links(self) -> list[Bijection]:
        return [link for link in self.links if isinstance(link, Bijection)]


def through(links: Sequence[nn.Module], x: Tensor, context: Tensor | None) -> tuple[Tensor, Tensor]:
    """Go through bijections of rows or of images in order; add their log-determinants up."""
    log_det = x.new_zeros(len(x))
    for link in links:
        x, change = link(x, context)
        log_det = log_det + change
    return x, log_det


def back_through(
    links: Sequence[Invertible], z: Tensor, context: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Go through their inverses in the opposite order; add the log-determinants up."""
    log_det = z.new_zeros(len(z))
    for link in reversed(links):
        z, change = link.inverse(z, context)
        log_det = log_det + change
    return z, log_det
