"""`parametrize_models`: one named pytest test for each model and promise."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, final

from zoo_core.conformance.cases import Case, cases, subject_of
from zoo_core.conformance.catalogue import model_checks
from zoo_core.conformance.check import Check
from zoo_core.conformance.result import CheckResult, Status
from zoo_core.conformance.running import run_check, unmatched_expectation
from zoo_core.conformance.subject import Subject
from zoo_core.errors import UnsupportedError


@final
class Promise(NamedTuple):
    """One test: a case, and a check of it; without a check, an expectation that matches none."""

    case: Case
    name: str
    check: Check[Subject] | None

    def result(self) -> CheckResult:
        """Make the check."""
        expected = self.case.expected_failures.get(self.name)
        if self.check is None:
            return unmatched_expectation(self.name, expected or "")
        return run_check(self.check, subject_of(self.case), expected=expected, api=self.case.api)


def parametrize_models(*patterns: str) -> Callable[[Promise], None]:
    """Give a pytest test of every promise of the architectures that match a pattern.

    One line is a whole test module:

        test_promise = parametrize_models("mine/*")

    Each test is named `test_promise[mine/gaussian.samples-follow-the-density]`. A promise that
    is known to be broken stands with its reason under `expected_failures` of the architecture in
    the registry file. Raises UnknownNameError for a pattern that matches nothing installed.
    """
    pytest = _pytest()
    promises = list(_promises(*patterns))
    ids = [f"{promise.case.name}.{promise.name}" for promise in promises]

    @pytest.mark.parametrize("promise", promises, ids=ids)
    def test_promise(promise: Promise) -> None:
        result = promise.result()
        if result.status is Status.FAILED:
            pytest.fail(f"{promise.case.name} breaks {result}", pytrace=False)
        if result.status is Status.EXPECTED_FAILURE:
            pytest.xfail(result.reason)
        if result.status is Status.SKIPPED:
            pytest.skip(result.reason)

    return test_promise


def _promises(*patterns: str) -> Iterator[Promise]:
    """List what each case claims. A model that can't be built has one promise, to be built."""
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


def _pytest() -> Any:
    try:
        return importlib.import_module("pytest")
    except ImportError:
        raise UnsupportedError(
            "parametrize_models makes tests of pytest, which is not installed",
            remedy="pip install pytest; or run `zoo plugins verify NAME`.",
        ) from None
