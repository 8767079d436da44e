"""The observers of one training run, called together, each isolated."""

from __future__ import annotations

from typing import final

from zoo_core.hooks.caller import report
from zoo_core.hooks.events import Observer, TrainingEvent
from zoo_core.hooks.implementations import Implementation


@final
class Observers:
    """Hands every event to each observer; one that raises is reported once and left out."""

    def __init__(self, observers: list[tuple[Implementation, Observer]]) -> None:
        self._observers = observers

    def __bool__(self) -> bool:
        return bool(self._observers)

    def __call__(self, event: TrainingEvent) -> None:
        """Hand on one event."""
        for pair in list(self._observers):
            implementation, observer = pair
            try:
                observer(event)
            except (Exception, SystemExit) as error:  # noqa: BLE001  isolation is the purpose
                report(implementation, error)
                self._observers.remove(pair)
