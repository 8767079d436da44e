"""Rule: Gauss–Legendre quadrature of one panel, with a coarser rule on some of its nodes."""

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
    """Give Gauss and Legendre's rule of 7 nodes, exact to degree 13.

    The coarser one leaves the middle out and is exact to degree 5; how far they are apart is a
    cautious estimate of the error.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    kept = np.arange(_NODES) != _NODES // 2
    powers = np.polynomial.legendre.legvander(nodes[kept], _NODES - 2).T
    coarse = np.zeros(_NODES)
    # Legendre polynomials integrate to 2, 0, 0, …
    coarse[kept] = np.linalg.solve(powers, 2.0 * (np.arange(_NODES - 1) == 0))
    return Rule(*(torch.from_numpy(one).double() for one in (nodes, weights, coarse)))
