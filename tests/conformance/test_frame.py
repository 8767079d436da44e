"""The frame of the kit: what becomes of a check's outcome, and which checks are made."""

from __future__ import annotations

import math
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import zoo_core as zoo
from conformance.mutants_conduct import AlwaysDropping
from conformance.plain import Plain, Sound, plain
from models.gaussian import Gaussian
from registry.sites import Site
from zoo_core.conformance import CheckResult, Status, check_model
from zoo_core.conformance.cases import cases
from zoo_core.conformance.catalogue import model_checks
from zoo_core.conformance.check import Check, Skip
from zoo_core.conformance.draws import draw
from zoo_core.conformance.evidence import FALSE_ALARM, Evidence
from zoo_core.conformance.preparation import prepared
from zoo_core.conformance.running import run_check, run_checks
from zoo_core.errors import ConformanceError, UnknownNameError

EVERY = "evaluation-repeats-to-the-bit"


def made(run: Any, *, since: int = 0, claimed: bool = True) -> Check[None]:
    def promise(subject: None) -> Any:
        """The promise is kept. And how it is tested."""
        return run() if callable(run) else run

    return Check("promise", promise, lambda subject: claimed, since)


def raising(error: Exception) -> Any:
    def run() -> None:
        raise error

    return run


def outcome(check: Check[None], expected: str | None = None, api: int = 0) -> CheckResult:
    return run_check(check, None, expected=expected, api=api)


def test_each_outcome_has_its_status() -> None:
    assert outcome(made(None)).status is Status.PASSED
    assert outcome(made(raising(Skip("no data")))).reason == "no data"
    failed = outcome(made(raising(ConformanceError("It holds", received="it doesn't"))))
    assert (failed.status, failed.reason) == (Status.FAILED, "It holds. Received: it doesn't.")
    crashed = outcome(made(raising(ZeroDivisionError("by zero"))))
    assert crashed.status is Status.FAILED
    assert (
        crashed.reason
        == "The promise is kept. And how it is tested. Received: ZeroDivisionError: by zero"
    )


def test_an_expected_failure_must_fail() -> None:
    broken = made(raising(ConformanceError("It holds")))
    assert outcome(broken, "known").status is Status.EXPECTED_FAILURE
    assert outcome(broken, "known").reason == "known (It holds.)"
    passing = outcome(made(None), "known")
    assert passing.status is Status.FAILED
    assert "expected to fail: known" in passing.reason
    assert outcome(made(raising(Skip("no data"))), "known").status is Status.SKIPPED


def test_an_expectation_that_matches_no_check_fails() -> None:
    results = list(run_checks([made(None)], None, expected_failures={"premise": "known"}, api=0))
    assert [result.status for result in results] == [Status.PASSED, Status.FAILED]
    assert "no check of this name is made here" in results[1].reason
    unclaimed = made(None, claimed=False)
    results = list(run_checks([unclaimed], None, expected_failures={"promise": "known"}, api=0))
    assert [result.status for result in results] == [Status.FAILED]


def test_a_check_newer_than_the_plugin_only_warns() -> None:
    newer = made(raising(ConformanceError("It holds")), since=2)
    with pytest.warns(UserWarning, match="new in plugin API 2; written for 1"):
        assert outcome(newer, api=1).status is Status.SKIPPED
    assert outcome(newer, api=2).status is Status.FAILED
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert outcome(made(None, since=2), api=1).status is Status.PASSED


@pytest.mark.parametrize(
    ("p_values", "good"),
    [
        ({"a": 0.5}, True),
        ({"a": FALSE_ALARM * 1.01}, True),
        ({"a": FALSE_ALARM * 0.99}, False),
        ({"a": FALSE_ALARM * 0.51, "b": 0.5}, True),
        ({"a": FALSE_ALARM * 0.49, "b": 0.5}, False),
        ({"a": math.nan}, False),
    ],
)
def test_evidence_is_judged_together(p_values: dict[str, float], good: bool) -> None:
    result = outcome(made(Evidence(p_values, received="what was seen")))
    assert result.status is (Status.PASSED if good else Status.FAILED)
    assert result.p_values == p_values
    assert good or "what was seen" in result.reason


def test_check_model_gives_a_result_a_promise() -> None:
    results = check_model(plain(), rng=zoo.rng(0))
    assert {r.status for r in results} <= {Status.PASSED, Status.SKIPPED}, [str(r) for r in results]
    names = [result.name for result in results]
    assert len(set(names)) == len(names) > 20
    assert "a-saved-model-loads-to-the-bit: skipped" in str(
        results[names.index("a-saved-model-loads-to-the-bit")]
    )


def test_check_model_leaves_the_model_and_its_mode() -> None:
    model = Gaussian.create(space=zoo.Space.real(2)).train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    check_model(model, rng=zoo.rng(0))
    assert model.training
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def test_check_model_takes_expected_failures_and_repeats() -> None:
    known = {EVERY: "dropout is always on"}
    results = check_model(AlwaysDropping.create(), rng=zoo.rng(0), expected_failures=known)
    by_name = {result.name: result for result in results}
    assert by_name[EVERY].status is Status.EXPECTED_FAILURE
    again = check_model(plain(), rng=zoo.rng(3))
    other = check_model(plain(), rng=zoo.rng(3))
    assert [r.p_values for r in again] == [r.p_values for r in other]


def test_every_check_is_documented_and_has_a_name_of_its_own() -> None:
    checks = model_checks()
    assert len({check.name for check in checks}) == len(checks)
    for check in checks:
        assert check.summary.endswith("."), check.name
        assert check.doc.strip(), check.name


def test_every_check_has_a_mutant() -> None:
    from conformance.test_mutants import MUTANTS

    caught = {mutant.caught_by for mutant in MUTANTS}
    apart = {"claimed-types-of-weights-work"}  # its mutants stand below, with a claim of types
    assert {check.name for check in model_checks()} - caught - apart == set()
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 30


class Fixed(Plain):
    """Samples in float32, whatever the weights are."""

    def _sample(self, n: int, call: zoo.Call) -> torch.Tensor:
        return super()._sample(n, call).float()


@pytest.mark.parametrize(("model", "status"), [(Fixed, Status.FAILED), (Sound, Status.PASSED)])
def test_types_of_weights_are_tried_where_they_are_claimed(
    model: type[Plain], status: Status
) -> None:
    results = check_model(model.create(), rng=zoo.rng(0), dtypes=(torch.bfloat16,))
    by_name = {result.name: result for result in results}
    assert by_name["claimed-types-of-weights-work"].status is status


def test_cases_have_a_conditional_variant_where_there_is_room() -> None:
    names = [case.name for case in cases("flows/nsf", "flows/normal")]
    assert names == ["flows/nsf", "flows/nsf[label]", "flows/normal"]
    assert {case.name for case in cases("core")} == {"core/label", "core/vector"}
    with pytest.raises(UnknownNameError, match="nothing-like-it"):
        cases("nothing-like-it")


@pytest.mark.parametrize(
    "space", [zoo.Space.real(2), zoo.Space.unit(2), zoo.Space.angle(2), zoo.Space.ordinal(4, 2)]
)
def test_no_drawn_entry_is_like_another(space: zoo.Space) -> None:
    """A model that mixes its entries up would not be seen on rows whose entries are alike."""
    x = draw(space, 2000, zoo.rng(0)).double()
    assert bool(space.check(space.tensor(x)).any())
    first, second = x.T
    assert abs(float(first.mean() - second.mean())) > 0.3 * float(x.std())


def test_weights_that_are_no_numbers_are_told() -> None:
    class Root(Plain):
        def _log_prob(self, z: torch.Tensor, call: zoo.Call) -> torch.Tensor:
            distance = (self.loc - self.loc.detach()).square().sum().sqrt()
            return -(z - self.loc).square().sum(1) - distance

    with pytest.raises(ConformanceError, match="NaN in loc"):
        prepared(Root, {})


def test_preparation_leaves_the_identity() -> None:
    fields = {"space": zoo.Space.real(2)}
    model = prepared(Gaussian, fields)
    fresh = Gaussian.create(**fields)
    assert not torch.allclose(model.loc, fresh.loc)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


MODULE = """
from typing import final
import torch
from torch import Tensor, nn
import zoo_core as zoo

class _Point(zoo.Generator, zoo.DensityModel):
    @final
    class Config(zoo.Config):
        space: zoo.Space
    def _build(self):
        self.loc = nn.Parameter(torch.zeros(self.space.shape))
    def _sample(self, n, call):
        return self.loc + torch.randn(n, *self.space.shape, generator=call.rng, dtype=self.dtype)
    def _log_prob(self, z, call):
        return torch.distributions.Normal(self.loc, 1.0).log_prob(z).flatten(1).sum(1)

@final
class Good(_Point):
    architecture = "mine/good"

@final
class Random(_Point):
    architecture = "mine/random"
    def _sample(self, n, call):
        return self.loc + torch.randn(n, *self.space.shape, dtype=self.dtype)

@final
class Broken(_Point):
    architecture = "mine/broken"
    def _build(self):
        raise RuntimeError("not today")
"""


def entry(name: str, **more: Any) -> dict[str, Any]:
    return {
        "class": f"zoo_plugin_mine.models:{name.title()}",
        "summary": "A model.",
        "provides": ["Generator", "DensityModel"],
        "tiny": {"space": {"kind": "real", "shape": [2]}},
        **more,
    }


def test_one_line_gives_a_named_test_for_each_promise(site: Site, tmp_path: Path) -> None:
    known = {
        "expected_failures": {"global-generators-are-left-alone": "It draws from torch's own."}
    }
    strange = {"expected_failures": {"no-such-check": "A mistake."}}
    registry = {
        "schema": 1,
        "plugin": {
            "distribution": "zoo-plugin-mine",
            "namespace": "mine",
            "summary": "Mine.",
            "api": 0,
        },
        "architectures": {
            "mine/good": entry("good", **strange),
            "mine/random": entry("random", **known),
            "mine/broken": entry("broken"),
            "mine/absent": entry("absent"),
        },
    }
    site.plugin("mine", yaml.safe_dump(registry), models=MODULE)
    module = tmp_path / "test_conformance.py"
    module.write_text(
        "from zoo_core.conformance import parametrize_models\n\n"
        'test_promise = parametrize_models("mine/*")\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", str(module)],
        env=site.environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    lines = done.stdout.splitlines()

    def told(status: str, name: str) -> bool:
        return any(line.startswith(status) and f"[{name}]" in line for line in lines)

    assert done.returncode == 1, done.stdout + done.stderr
    assert told("PASSED", "mine/good.global-generators-are-left-alone")
    assert told("FAILED", "mine/good.no-such-check")
    assert told("XFAIL", "mine/random.global-generators-are-left-alone")
    assert told("FAILED", "mine/broken.builds-and-trains")
    assert told("FAILED", "mine/absent.builds-and-trains")
    failed = [line for line in lines if line.startswith("FAILED") and "mine/good" in line]
    assert len(failed) == 1, failed
    assert "not today" in done.stdout


def test_the_kit_needs_no_pytest() -> None:
    code = (
        "import sys; sys.modules['pytest'] = None\n"
        "import zoo_core.conformance as kit\n"
        "try:\n    kit.parametrize_models('core')\n"
        "except Exception as error:\n    print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("UnsupportedError")
    assert "zoo plugins verify" in done.stdout
