"""Mutant: a model that breaks one promise, beside one that keeps it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from zoo_core.interfaces.model import Model


class Mutant(NamedTuple):
    """What is broken, a maker of the broken model and of its sound twin, the check that must tell.

    `caught_by` is a check's name: it must fail on the broken one and pass on the sound one.
    """

    name: str
    broken: Callable[[], Model]
    sound: Callable[[], Model]
    caught_by: str
