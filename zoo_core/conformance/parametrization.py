"""`parametrize_models`: one named pytest test for each model and promise."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from zoo_core.conformance.promises import Promise, promises
from zoo_core.conformance.result import Status
from zoo_core.errors import UnsupportedError


def parametrize_models(*patterns: str) -> Callable[[Promise], None]:
    """Give a pytest test of every promise of the architectures that match a pattern.

    One line is a whole test module:

        test_promise = parametrize_models("mine/*")

    Each test is named `test_promise[mine/gaussian.samples-follow-the-density]`. A promise that
    is known to be broken stands with its reason under `expected_failures` of the architecture in
    the registry file. Raises UnknownNameError for a pattern that matches nothing installed.
    """
    pytest = _pytest()
    found = list(promises(*patterns))
    ids = [f"{promise.case.name}.{promise.name}" for promise in found]

    @pytest.mark.parametrize("promise", found, ids=ids)
    def test_promise(promise: Promise) -> None:
        result = promise.result()
        if result.status is Status.FAILED:
            pytest.fail(f"{promise.case.name} breaks {result}", pytrace=False)
        if result.status is Status.EXPECTED_FAILURE:
            pytest.xfail(result.reason)
        if result.status is Status.SKIPPED:
            pytest.skip(result.reason)

    return test_promise


def _pytest() -> Any:
    try:
        return importlib.import_module("pytest")
    except ImportError:
        raise UnsupportedError(
            "parametrize_models makes tests of pytest, which is not installed",
            remedy="pip install pytest; or run `zoo plugins verify NAME`.",
        ) from None
