"""What a person sees of a run, in windows of any width and without one."""

from __future__ import annotations

import io
import math
import re
from typing import Any

import pytest
from rich.console import Console

import zoo_core as zoo
from zoo_plugin_training import progress
from zoo_plugin_training.options import Progress
from zoo_plugin_training.progress import Bar, Lines, Pace, Unit, display, unit_of

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def _shown(width: int) -> list[str]:
    written: Any = io.StringIO()
    console = Console(file=written, force_terminal=True, width=width)
    bar = Bar(Pace(3000), Unit("nats"), console)
    bar.step(1200, 64, 1.25)
    bar.evaluated(1200, 1.25, 2.5)
    bar.close()
    drawn = re.split(r"[\r\n]+", ESCAPES.sub("", written.getvalue()))
    return [line for line in drawn if line]


def test_a_wide_window_shows_everything() -> None:
    line = _shown(120)[-1]
    for text in ("━", "1200/3000", "loss 1.2500", "held-out 2.5000 nats", "rows/s", "left"):
        assert text in line


@pytest.mark.parametrize("width", [20, 30, 45, 60, 80, 100, 200])
def test_no_line_is_wider_than_the_window(width: int) -> None:
    lines = _shown(width)
    assert all(len(line) <= width for line in lines)
    assert "1200/3000" in lines[-1] and "1.2500" in lines[-1]


def test_the_time_left_is_in_proportion_and_counts_from_where_a_run_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])
    pace = Pace(1000, first=500)
    assert pace.left == ""
    now[0] = 100.0
    pace.step(600, 6400)
    assert (pace.left, pace.rate) == ("6:40", "64 rows/s")
    now[0] = 5000.0
    assert pace.left == "5:33:20"


class Density(zoo.DensityModel):
    class Config(zoo.Config):
        space: zoo.Space

    def _log_prob(self, z: Any, call: Any) -> Any: ...


@pytest.mark.parametrize(
    ("space", "name", "nats"),
    [
        (zoo.Space.real(4), "nats", 1.5),
        (zoo.Space.ordinal(17, 2, 2), "bits/dim", 1.5 * 4 * math.log(2)),
        (zoo.Space.binary(8), "bits/dim", 1.5 * 8 * math.log(2)),
        (zoo.Space.categorical(9, ragged=True), "nats", 1.5),
    ],
)
def test_discrete_data_are_shown_in_bits_per_dimension(
    space: zoo.Space, name: str, nats: float
) -> None:
    unit = unit_of(Density.create(space=space))
    assert unit.name == name
    assert float(unit.text(nats)) == 1.5


def test_a_loss_that_is_no_likelihood_has_no_unit() -> None:
    class Adversary(zoo.Generator):
        class Config(zoo.Config):
            space: zoo.Space

        def _sample(self, n: int, call: Any) -> Any: ...

        def _loss(self, batch: Any, call: Any) -> Any: ...

    assert unit_of(Adversary.create(space=zoo.Space.real(2))) == Unit()


def test_without_a_terminal_there_is_a_plain_line_an_evaluation(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = display(Progress.AUTO, 100, Unit("nats"))
    assert isinstance(lines, Lines)
    lines.step(50, 3200, 1.0)
    assert capsys.readouterr().err == ""
    lines.evaluated(50, 1.0, 2.0)
    lines.close()
    (line,) = capsys.readouterr().err.splitlines()
    assert re.fullmatch(
        r"step 50/100  loss 1\.0000  held-out 2\.0000 nats  [\d,]+ rows/s  0:00 left", line
    )


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    silence = display(Progress.NONE, 100)
    silence.step(50, 3200, 1.0)
    silence.evaluated(50, 1.0, 2.0)
    silence.close()
    assert capsys.readouterr() == ("", "")
