"""Trackers: where the figures of a run go beside its folder."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, final

from zoo_core.errors import OptionError
from zoo_core.hooks.events import EventKind, TrainingEvent

_POINTS = 2000
"""So many points a figure of single steps has at most."""


@final
class Tracker(StrEnum):
    """Programs that keep and show figures of runs."""

    TENSORBOARD = "tensorboard"
    TRACKIO = "trackio"

    def require(self) -> None:
        """Raise OptionError with what to install where the tracker is not there."""
        if importlib.util.find_spec(self.value) is None:
            raise OptionError(
                f"track={self.value!r} needs the package {self.value}",
                received="none installed",
                remedy=f"Run: pip install 'zoo-plugin-training[{self.value}]'",
            )


class Log(ABC):
    """A tracker's log of one run."""

    @abstractmethod
    def begin(self, step: int) -> None:
        """Open it at a step; what an interrupted run wrote for later ones no longer counts."""

    @abstractmethod
    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Write named figures of a step."""

    @abstractmethod
    def end(self) -> None:
        """Close it."""


@final
class TensorBoardLog(Log):
    """Event files in a folder, for `tensorboard --logdir`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, step: int) -> None:
        """Open an event file."""
        from torch.utils.tensorboard.writer import SummaryWriter

        purge = None if step == 0 else step + 1
        self._writer = SummaryWriter(str(self._folder), purge_step=purge)

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Write scalars."""
        for name, value in figures.items():
            self._writer.add_scalar(name, value, step)

    def end(self) -> None:
        """Close the event file."""
        self._writer.close()


@final
class TrackioLog(Log):
    """A run of trackio's, kept on this machine, for `trackio show`."""

    def __init__(self, project: str, name: str, config: Mapping[str, Any]) -> None:
        self._project, self._name, self._config = project, name, dict(config)

    def begin(self, step: int) -> None:
        """Open the run, or the one of that name again."""
        import trackio  # pyright: ignore[reportMissingImports]

        resume = "never" if step == 0 else "allow"
        with _aside():
            trackio.init(
                project=self._project,
                name=self._name,
                config=self._config,
                resume=resume,
                embed=False,
            )

    def write(self, step: int, figures: Mapping[str, float]) -> None:
        """Write metrics."""
        import trackio  # pyright: ignore[reportMissingImports]

        trackio.log(dict(figures), step=step)

    def end(self) -> None:
        """Wait for what is on its way."""
        import trackio  # pyright: ignore[reportMissingImports]

        with _aside():
            trackio.finish()


@final
class Tracked:
    """Observes a run and writes its figures into a log.

    Those of single steps stand under train/, those of evaluations under evaluation/.
    """

    def __init__(self, log: Log) -> None:
        self._log = log

    def __call__(self, event: TrainingEvent) -> None:
        """Write what an event says."""
        every = max(1, (event.steps or 0) // _POINTS)
        match event.kind:
            case EventKind.STARTED:
                self._log.begin(event.step)
            case EventKind.STEP if event.step % every == 0:
                self._log.write(event.step, _under("train", event.values))
            case EventKind.VALIDATED:
                self._log.write(event.step, _under("evaluation", event.values))
            case EventKind.FINISHED | EventKind.INTERRUPTED:
                self._log.end()
            case _:
                pass


def log_of(tracker: Tracker, out: Path | None, config: Mapping[str, Any], project: str) -> Log:
    """Choose the log of a run: TensorBoard's is a folder of the run's, or runs/ where it has none.

    trackio's project is the model's architecture, and the run has the name of its folder.
    """
    if tracker is Tracker.TENSORBOARD:
        return TensorBoardLog(Path("runs") if out is None else out / "tensorboard")
    name = f"run-{_stamp()}" if out is None else out.absolute().name
    return TrackioLog(project.replace("/", "-"), name, config)


def _aside() -> contextlib.AbstractContextManager[object]:
    """Let what a tracker prints go to stderr: stdout has the result of a command."""
    return contextlib.redirect_stdout(sys.stderr)


def _stamp() -> str:
    from datetime import UTC, datetime

    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}"


def _under(group: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{group}/{name}": float(value) for name, value in values.items() if name != "step"}
