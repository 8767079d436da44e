"""Rule: Gauss–Lobatto quadrature of one panel, with a coarser rule on some of its nodes."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

_NODES = 7


class Rule(NamedTuple):
    """Nodes between −1 and 1, their weights, and those of the coarser rule, each `[k]`."""

    nodes: Tensor
    weights: Tensor
    coarse: Tensor


@cache
def rule() -> Rule:
    """Give Lobatto's rule of 7 nodes, exact to degree 11; both ends are nodes.

    With nodes at the ends no edge of a support hides between two panels. The coarser rule leaves
    the middle out and is exact to degree 5; how far the two are apart is a cautious estimate of
    the error.
    """
    inner = np.polynomial.Legendre.basis(_NODES - 1).deriv().roots()
    nodes = np.concatenate([[-1.0], np.sort(inner.real), [1.0]])
    kept = np.arange(_NODES) != _NODES // 2
    weights, coarse = _interpolating(nodes), np.zeros(_NODES)
    coarse[kept] = _interpolating(nodes[kept])
    return Rule(*(torch.from_numpy(one).double() for one in (nodes, weights, coarse)))


def _interpolating(nodes: np.ndarray) -> np.ndarray:
    """Give the weights by which polynomials through the nodes are integrated exactly."""
    powers = np.polynomial.legendre.legvander(nodes, len(nodes) - 1).T
    # Legendre polynomials integrate to 2, 0, 0, …
    return np.linalg.solve(powers, 2.0 * (np.arange(len(nodes)) == 0))
