"""Events of a training run, as its observers receive them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import final


@final
class EventKind(StrEnum):
    """What happened."""

    STARTED = "started"
    STEP = "step"
    VALIDATED = "validated"
    SAVED = "saved"
    FINISHED = "finished"
    INTERRUPTED = "interrupted"


@final
@dataclass(frozen=True, slots=True)
class TrainingEvent:
    """One event: the step it happened at, of how many (None: open-ended), and named figures.

    STARTED: `step` is 0, or the step a resumed run goes on from. STEP: `loss`, `learning_rate`
    and `rows_per_second`. VALIDATED: the history's entry; meanwhile the model is in evaluation
    mode and holds the weights that were validated. SAVED: `folder` is the checkpoint's.
    """

    kind: EventKind
    step: int = 0
    steps: int | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    folder: Path | None = None


Observer = Callable[[TrainingEvent], None]
"""Receives every event of one run, in order, in the process that trains."""
