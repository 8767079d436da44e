"""What `fit` asks of a trainer and what it reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, final

import torch

from zoo_core.interfaces.batch import Batch


@final
class StopReason(StrEnum):
    """Why a fit ended."""

    FINISHED = "finished"
    CONVERGED = "converged"
    EARLY = "early"
    INTERRUPTED = "interrupted"


@final
@dataclass(frozen=True, eq=False)
class FitRequest:
    """A checked request to fit a model.

    `data` and `valid` are a Batch in data space with conditions as Codes, or a re-iterable of
    such; `options` are the trainer's, unchecked.
    """

    data: Batch | Iterable[Batch]
    valid: Batch | Iterable[Batch] | None
    rng: torch.Generator
    start: Any = None
    options: Mapping[str, Any] = field(default_factory=dict)


@final
@dataclass(frozen=True)
class FitReport:
    """What a fit did: its steps, seconds, why it stopped, and its figures as they developed.

    Each entry of `history` has a `step` and named figures (`loss`, `valid`), in nats a row unless
    the model says otherwise; `best` is the entry whose weights the model now has.
    """

    steps: int
    seconds: float
    stopped: StopReason
    history: tuple[Mapping[str, float], ...] = ()
    best: Mapping[str, float] | None = None
    restarts: int = 1
    """From how many starts it was fitted; the history is the best one's."""
