"""Promises: what the cases of a plugin claim, each a check that can be made on its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, final

from zoo_core.conformance.cases import Case, cases, subject_of
from zoo_core.conformance.catalogue import model_checks
from zoo_core.conformance.check import Check
from zoo_core.conformance.result import CheckResult, Status
from zoo_core.conformance.running import run_check, unmatched_expectation
from zoo_core.conformance.subject import Subject


@final
class Promise(NamedTuple):
    """A case and a check that it claims; without one, an expected failure that matches none."""

    case: Case
    name: str
    check: Check[Subject] | None

    def result(self) -> CheckResult:
        """Make the check. A case that can't be built fails it."""
        expected = self.case.expected_failures.get(self.name)
        if self.check is None:
            return unmatched_expectation(self.name, expected or "")
        try:
            subject = subject_of(self.case)
        except Exception as error:  # noqa: BLE001  whatever a model raises is the finding
            reason = f"{self.check.summary} Received: {type(error).__name__}: {error}"
            return CheckResult(self.name, Status.FAILED, reason)
        return run_check(self.check, subject, expected=expected, api=self.case.api)


def promises(*patterns: str) -> Iterator[Promise]:
    """List what each case of the matching architectures claims.

    A model that can't be built has one promise, to be built. Raises UnknownNameError for a
    pattern that matches nothing installed.
    """
    for case in cases(*patterns):
        unmatched = dict(case.expected_failures)
        for check in claimed(case):
            unmatched.pop(check.name, None)
            yield Promise(case, check.name, check)
        for name in unmatched:
            yield Promise(case, name, None)


def claimed(case: Case) -> list[Check[Subject]]:
    """List the checks that a case claims."""
    try:
        subject = subject_of(case)
    except Exception:  # noqa: BLE001  a broken model is one failing test, not a broken collection
        return [BUILDS]
    return [check for check in model_checks() if check.claimed(subject)]


def _builds(subject: Subject) -> None:
    """The tiny configuration is built and, where it has a loss or a fit, trained a little."""
    del subject


BUILDS: Check[Subject] = Check("builds-and-trains", _builds, lambda subject: True)
