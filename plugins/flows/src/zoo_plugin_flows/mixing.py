"""What coupling layers may stand between: normalisations, and maps that mix the features."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import final

from zoo_plugin_flows.actnorm import ActNorm
from zoo_plugin_flows.batch_norm import BatchNorm
from zoo_plugin_flows.bijection import Bijection, Chain
from zoo_plugin_flows.flow import FlowConfig
from zoo_plugin_flows.linear import LULinear
from zoo_plugin_flows.permutation import Permutation

_LAYERS = 2
"""Layers between two mixings: enough for every feature to have been moved by the others."""


@final
class Mixing(StrEnum):
    """How features are mixed: not at all, by a random order, or by a learned linear map."""

    NONE = "none"
    PERMUTATION = "permutation"
    LU = "lu"


@final
class Normalization(StrEnum):
    """How features are normalised: not at all, by the first batch's moments, by running ones."""

    NONE = "none"
    ACTNORM = "actnorm"
    BATCH = "batch"


class MixingConfig(FlowConfig):
    """The fields of a flow whose layers can be mixed.

    mixing, normalization: what stands before every second layer. In training mode batch
    normalisation makes the rows of a batch depend on each other.
    """

    mixing: Mixing = Mixing.NONE
    normalization: Normalization = Normalization.NONE


def interleaved(
    config: MixingConfig, features: int, layers: int, stack: Callable[[int], Bijection]
) -> Bijection:
    """Put what a configuration asks for before every second one of so many layers.

    stack: makes a bijection of this number of layers.
    """
    if config.mixing is Mixing.NONE and config.normalization is Normalization.NONE:
        return stack(layers)
    links: list[Bijection] = []
    for done in range(0, layers, _LAYERS):
        links += _between(config, features)
        links.append(stack(min(_LAYERS, layers - done)))
    return Chain(links)


def _between(config: MixingConfig, features: int) -> list[Bijection]:
    links: list[Bijection] = []
    if config.normalization is Normalization.ACTNORM:
        links.append(ActNorm(features))
    if config.normalization is Normalization.BATCH:
        links.append(BatchNorm(features))
    if config.mixing is Mixing.PERMUTATION:
        links.append(Permutation.shuffle(features))
    if config.mixing is Mixing.LU:
        links.append(LULinear(features))
    return links
