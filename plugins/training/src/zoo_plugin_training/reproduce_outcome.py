"""How each recipe came out, as rows of a table and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, final

from zoo_plugin_training.reproduce import Reproduction
from zoo_plugin_training.reproduce_comparison import Comparison


@final
class Verdict(StrEnum):
    """`written`: its figures were measured and written into the recipe, compared with nothing."""

    PASS = "pass"
    FAIL = "FAIL"
    SKIPPED = "skipped"
    ERROR = "ERROR"
    WRITTEN = "written"


@final
@dataclass(frozen=True)
class Outcome:
    """One recipe's verdict, what was compared, and what there is to say."""

    name: str
    verdict: Verdict
    message: str = ""
    reproduction: Reproduction | None = None

    @property
    def bad(self) -> bool:
        """Whether `zoo reproduce` should say so by its exit code."""
        return self.verdict in (Verdict.FAIL, Verdict.ERROR)

    def rows(self) -> list[tuple[str, ...]]:
        """Give a row a figure; one row where there are none."""
        if self.reproduction is None or not self.reproduction.comparisons:
            return [(self.name, "", "", "", "", f"{self.verdict}: {self.message}")]
        return [_row(self.name, comparison) for comparison in self.reproduction.comparisons]

    def fields(self) -> dict[str, Any]:
        """Give everything as plain data."""
        found: dict[str, Any] = {"name": self.name, "verdict": str(self.verdict)}
        if self.message:
            found["message"] = self.message
        if self.reproduction is not None:
            figures = [_figure(comparison) for comparison in self.reproduction.comparisons]
            found |= {"metrics": figures, "minutes": round(self.reproduction.minutes, 2)}
            found["equal_weights"] = self.reproduction.equal
        return found


def outcome_of(done: Reproduction) -> Outcome:
    """Judge a reproduction; without a figure to compare, only equal weights prove anything."""
    if not done.comparisons and not done.equal:
        message = "the recipe names no figures; write them by --update"
        return Outcome(done.target.name, Verdict.FAIL, message, done)
    verdict = Verdict.PASS if done.passed else Verdict.FAIL
    return Outcome(done.target.name, verdict, summary(done), done)


def summary(done: Reproduction) -> str:
    """Say how long it took, and whether the weights came back to the bit."""
    weights = {True: "; weights equal to the bit", False: "; other weights", None: ""}
    return f"{done.minutes:.1f} minutes{weights[done.equal]}"


def _row(name: str, comparison: Comparison) -> tuple[str, ...]:
    expected = comparison.expected
    figure = expected.name if expected.split == "test" else f"{expected.name} ({expected.split})"
    unit = "" if expected.unit is None else f" {expected.unit}"
    here = "not measured" if comparison.value is None else f"{comparison.value:.6g}"
    verdict = Verdict.PASS if comparison.passed else Verdict.FAIL
    return (
        name,
        figure,
        f"{expected.value:.6g}{unit}",
        here,
        f"{expected.tolerance:.3g}",
        str(verdict),
    )


def _figure(comparison: Comparison) -> dict[str, Any]:
    expected = comparison.expected
    return {
        "name": expected.name,
        "split": expected.split,
        "unit": expected.unit,
        "expected": expected.value,
        "value": comparison.value,
        "tolerance": expected.tolerance,
        "passed": comparison.passed,
    }
