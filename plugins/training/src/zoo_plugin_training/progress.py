"""What a person sees of a run, on stderr: a bar, plain lines, or nothing."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, final

from zoo_plugin_training.options import Progress

if TYPE_CHECKING:
    from rich.console import Console

_REFRESH_SECONDS = 0.2


class Display(ABC):
    """Shows how far a run is."""

    @abstractmethod
    def step(self, number: int, rows: int, loss: float) -> None:
        """Take note of a finished step (from 1), its number of rows and its loss."""

    @abstractmethod
    def evaluated(self, number: int, loss: float, valid: float | None) -> None:
        """Take note of an evaluation: mean loss since the last one, held-out figure."""

    @abstractmethod
    def close(self) -> None:
        """End the display."""


@final
class Silence(Display):
    """Shows nothing."""

    def step(self, number: int, rows: int, loss: float) -> None:
        """Nothing."""

    def evaluated(self, number: int, loss: float, valid: float | None) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


@final
class Lines(Display):
    """A plain line an evaluation."""

    def __init__(self, total: int) -> None:
        self._total, self._rows, self._began = total, 0, time.perf_counter()

    def step(self, number: int, rows: int, loss: float) -> None:
        """Count the rows."""
        del number, loss
        self._rows += rows

    def evaluated(self, number: int, loss: float, valid: float | None) -> None:
        """Write a line."""
        seconds = time.perf_counter() - self._began
        left = seconds / number * (self._total - number)
        held_out = "" if valid is None else f"  held-out {valid:.4f}"
        rate = f"{self._rows / max(seconds, 1e-9):,.0f} rows/s"
        sys.stderr.write(
            f"step {number}/{self._total}  loss {loss:.4f}{held_out}  {rate}  {left:.0f} s left\n"
        )

    def close(self) -> None:
        """Nothing."""


@final
class Bar(Display):
    """A live bar on a terminal."""

    def __init__(self, total: int, console: Console) -> None:
        from rich import progress

        self._bar = progress.Progress(
            progress.BarColumn(bar_width=None),
            progress.MofNCompleteColumn(),
            progress.TextColumn("loss {task.fields[loss]}  held-out {task.fields[valid]}"),
            progress.TextColumn("{task.fields[rate]} rows/s"),
            progress.TimeRemainingColumn(),
            console=console,
            auto_refresh=False,
        )
        self._bar.start()
        self._task = self._bar.add_task("", total=total, loss="–", valid="–", rate="–")
        self._rows, self._began, self._shown = 0, time.perf_counter(), 0.0

    def step(self, number: int, rows: int, loss: float) -> None:
        """Move the bar, a few times a second."""
        self._rows += rows
        now = time.perf_counter()
        if now - self._shown >= _REFRESH_SECONDS:
            self._shown = now
            rate = f"{self._rows / (now - self._began):,.0f}"
            self._bar.update(self._task, completed=number, loss=f"{loss:.3f}", rate=rate)
            self._bar.refresh()

    def evaluated(self, number: int, loss: float, valid: float | None) -> None:
        """Show the evaluation's figures."""
        shown = "–" if valid is None else f"{valid:.4f}"
        self._bar.update(self._task, completed=number, loss=f"{loss:.4f}", valid=shown)

    def close(self) -> None:
        """Draw the bar a last time and leave it there."""
        self._bar.refresh()
        self._bar.stop()


def display(progress: Progress, total: int) -> Display:
    """Choose the display: a bar on a terminal or in a notebook, lines elsewhere."""
    if progress is Progress.NONE:
        return Silence()
    from rich.console import Console

    console = Console(stderr=True)
    return Bar(total, console) if console.is_terminal or console.is_jupyter else Lines(total)
