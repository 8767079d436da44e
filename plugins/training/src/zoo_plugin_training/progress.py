"""What a person sees of a run, on stderr: a bar, plain lines, or nothing."""

from __future__ import annotations

import math
import sys
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, final

from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.model import Model
from zoo_plugin_training.options import Progress

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_REFRESH_SECONDS = 0.2
_BAR, _SHORTEST_BAR = 40, 8
_GAP = "  "


@final
@dataclass(frozen=True)
class Unit:
    """How a loss is shown: times a factor, with the name of the unit."""

    name: str = ""
    factor: float = 1.0

    def text(self, loss: float) -> str:
        """Write a figure without its unit."""
        return f"{loss * self.factor:.4f}"


def unit_of(model: Model) -> Unit:
    """Choose the unit of a model's loss: nats, or bits/dim of discrete data, b = l / (d log 2).

    A loss that is no likelihood has none.
    """
    if not isinstance(model, DensityModel) or type(model)._loss is not DensityModel._loss:
        return Unit()
    if model.space.kind.discrete and not model.space.ragged and model.space.size:
        return Unit("bits/dim", 1 / (model.space.size * math.log(2)))
    return Unit("nats")


@final
class Pace:
    """How far a run is, how fast it goes, and how long it will take."""

    def __init__(self, total: int, first: int = 0) -> None:
        self.total, self.number = total, first
        self._first, self._rows, self._began = first, 0, time.perf_counter()

    def step(self, number: int, rows: int) -> None:
        """Take note of a finished step and its rows."""
        self.number = number
        self._rows += rows

    @property
    def steps(self) -> str:
        """Finished and all steps."""
        return f"{self.number}/{self.total}"

    @property
    def rate(self) -> str:
        """Rows a second, evaluations counted in."""
        seconds = time.perf_counter() - self._began
        return f"{self._rows / max(seconds, 1e-9):,.0f} rows/s"

    @property
    def left(self) -> str:
        """The time that the remaining steps will take at this pace."""
        done = self.number - self._first
        if done <= 0:
            return ""
        seconds = (time.perf_counter() - self._began) / done * (self.total - self.number)
        minutes, seconds = divmod(round(seconds), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


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

    def __init__(self, pace: Pace, unit: Unit) -> None:
        self._pace, self._unit = pace, unit

    def step(self, number: int, rows: int, loss: float) -> None:
        """Count the rows."""
        del loss
        self._pace.step(number, rows)

    def evaluated(self, number: int, loss: float, valid: float | None) -> None:
        """Write a line."""
        del number
        figures = _figures(self._unit.text(loss), _held_out(valid, self._unit), self._unit)
        fields = (f"step {self._pace.steps}", figures, self._pace.rate, f"{self._pace.left} left")
        sys.stderr.write(_GAP.join(fields) + "\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Nothing."""


@final
class Bar(Display):
    """A live line on a terminal, which shows as much as the window has room for."""

    def __init__(self, pace: Pace, unit: Unit, console: Console) -> None:
        from rich.live import Live

        self._pace, self._unit = pace, unit
        self._loss, self._valid, self._shown = "–", "", 0.0
        self._live = Live(self, console=console, auto_refresh=False)
        self._live.start()

    def step(self, number: int, rows: int, loss: float) -> None:
        """Move the bar, a few times a second."""
        self._pace.step(number, rows)
        now = time.perf_counter()
        if now - self._shown >= _REFRESH_SECONDS:
            self._shown, self._loss = now, self._unit.text(loss)
            self._live.refresh()

    def evaluated(self, number: int, loss: float, valid: float | None) -> None:
        """Show the evaluation's figures."""
        del number
        self._loss, self._valid = self._unit.text(loss), _held_out(valid, self._unit)

    def close(self) -> None:
        """Draw the line a last time and leave it there."""
        self._live.refresh()
        self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        text = self._fitted(options.max_width)
        room = min(_BAR, options.max_width - len(text) - len(_GAP))
        if room < _SHORTEST_BAR:
            yield Text(text, no_wrap=True, overflow="ellipsis")
            return
        line = Table.grid(padding=(0, len(_GAP), 0, 0))
        bar = ProgressBar(total=self._pace.total, completed=self._pace.number, width=room)
        line.add_row(bar, Text(text, no_wrap=True))
        yield line

    def _fitted(self, width: int) -> str:
        """Leave fields out until the line fits: the rate, then the held-out figure."""
        pace, left = self._pace, f"{self._pace.left} left"
        both = _figures(self._loss, self._valid, self._unit)
        choices = [
            (pace.steps, both, pace.rate, left),
            (pace.steps, both, left),
            (pace.steps, _figures(self._loss, "", self._unit), left),
            (pace.steps, self._loss),
        ]
        texts = [_GAP.join(field for field in fields if field) for fields in choices]
        return next((text for text in texts if len(text) <= width), texts[-1])


def display(progress: Progress, total: int, unit: Unit | None = None, first: int = 0) -> Display:
    """Choose the display: a bar on a terminal or in a notebook, lines elsewhere.

    `first` is the step from which a run that was interrupted goes on.
    """
    if progress is Progress.NONE:
        return Silence()
    from rich.console import Console

    console, pace, unit = Console(stderr=True), Pace(total, first), unit or Unit()
    live = console.is_terminal or console.is_jupyter
    return Bar(pace, unit, console) if live else Lines(pace, unit)


def _held_out(valid: float | None, unit: Unit) -> str:
    return "" if valid is None else unit.text(valid)


def _figures(loss: str, valid: str, unit: Unit) -> str:
    held_out = f"{_GAP}held-out {valid}" if valid else ""
    return f"loss {loss}{held_out} {unit.name}".rstrip()
