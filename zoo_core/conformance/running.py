"""Running checks: from checks and a subject to results."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from zoo_core.conformance.check import Check, Skip
from zoo_core.conformance.evidence import Evidence
from zoo_core.conformance.result import CheckResult, Status
from zoo_core.errors import ConformanceError

S = TypeVar("S")


def run_checks(
    checks: Iterable[Check[S]],
    subject: S,
    *,
    expected_failures: Mapping[str, str],
    api: int,
) -> Iterator[CheckResult]:
    """Run the checks that a subject claims, in order; then name expectations that match none."""
    unmatched = dict(expected_failures)
    for one in checks:
        if one.claimed(subject):
            yield run_check(one, subject, expected=unmatched.pop(one.name, None), api=api)
    for name, reason in unmatched.items():
        yield unmatched_expectation(name, reason)


def unmatched_expectation(name: str, reason: str) -> CheckResult:
    """Say that an expected failure names no check that was made."""
    said = f"it is expected to fail ({reason}), but no check of this name is made here"
    return CheckResult(name, Status.FAILED, said)


def run_check(one: Check[S], subject: S, *, expected: str | None, api: int) -> CheckResult:
    """Run one check. `expected` is why it is expected to fail; a pass is then a failure."""
    begun = time.perf_counter()
    evidence, status, reason = _outcome(one, subject)
    status, reason = _as_expected(status, reason, expected)
    if status is Status.FAILED and one.since > api:
        status, reason = Status.SKIPPED, _warned(one, api, reason)
    p_values = evidence.p_values if evidence is not None else {}
    return CheckResult(one.name, status, reason, time.perf_counter() - begun, p_values)


def _outcome(one: Check[S], subject: S) -> tuple[Evidence | None, Status, str]:
    evidence = None
    try:
        evidence = one.run(subject)
        if evidence is not None:
            evidence.judge(one.summary)
    except Skip as skip:
        return evidence, Status.SKIPPED, str(skip)
    except ConformanceError as error:
        return evidence, Status.FAILED, str(error)
    except Exception as error:  # noqa: BLE001  whatever a model raises is the finding
        return evidence, Status.FAILED, f"{one.summary} Received: {_told(error)}"
    return evidence, Status.PASSED, ""


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _as_expected(status: Status, reason: str, expected: str | None) -> tuple[Status, str]:
    if expected is None or status is Status.SKIPPED:
        return status, reason
    if status is Status.FAILED:
        return Status.EXPECTED_FAILURE, f"{expected} ({reason})"
    return Status.FAILED, f"it passes, but is expected to fail: {expected}"


def _warned(one: Check[S], api: int, reason: str) -> str:
    message = (
        f"{one.name} is new in plugin API {one.since}; written for {api}, this plugin would "
        f"fail it: {reason}"
    )
    warnings.warn(message, stacklevel=2)
    return message
