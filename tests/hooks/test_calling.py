from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
import torch

from registry.sites import HEADER, Site
from zoo_core.errors import DataError, HookError, PluginError, PluginMissingError
from zoo_core.hooks import Diagnosis, EventKind, TrainingEvent, hookimpl, specs
from zoo_core.hooks.implementations import is_first_result
from zoo_core.hooks.names import HOOKS
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason
from zoo_core.plugins import facade, register_hooks, unregister_hooks

MODEL = SimpleNamespace(architecture="mine/model")
REPORT = FitReport(steps=1, seconds=0.0, stopped=StopReason.FINISHED)
REQUEST = FitRequest(data=[], valid=None, rng=torch.Generator())


@pytest.fixture(autouse=True)
def alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the plugins that a test makes: their namespaces begin with p."""
    monkeypatch.setenv("ZOO_PLUGINS", "p,q")


def hooks_plugin(site: Site, name: str, hook: str, body: str) -> None:
    declared = f"  hooks: {{module: zoo_plugin_{name}.hooks, implements: [{hook}]}}\n"
    site.plugin(name, HEADER.format(name) + declared, hooks=body)


def implemented(signature: str, body: str) -> str:
    return f"from zoo_core.hooks import hookimpl\n@hookimpl\ndef {signature}:\n    {body}\n"


@pytest.fixture
def in_memory() -> object:
    registered: list[object] = []

    def register(**functions: object) -> object:
        module = SimpleNamespace(**functions)
        register_hooks(module, f"test {len(registered)}")
        registered.append(module)
        return module

    yield register
    for module in registered:
        unregister_hooks(module)


def test_every_hook_is_specified_and_documented() -> None:
    specified = {name for name in vars(specs) if name.startswith("zoo_")}
    assert specified == set(HOOKS)
    assert all(vars(specs)[name].__doc__ for name in specified)
    first = {name for name in HOOKS if is_first_result(name)}
    answered_once = {
        "resolve",
        "claim",
        "write",
        "fetch",
        "convert",
        "train",
        "evaluate",
        "open_data",
    }
    assert first == {f"zoo_{name}" for name in answered_once}


def test_without_a_trainer_the_error_says_what_to_install() -> None:
    with pytest.raises(PluginMissingError, match="pip install zoo-plugin-training"):
        facade.train(MODEL, REQUEST)
    with pytest.raises(PluginMissingError, match="pip install zoo-plugin-evaluation"):
        facade.evaluate(MODEL, {})
    assert facade.resolve_reference("x://y") is None


def test_the_first_trainer_that_can_is_taken(in_memory) -> None:
    calls = []
    in_memory(zoo_train=hookimpl(lambda model: calls.append(model)))
    in_memory(zoo_train=hookimpl(lambda request, model: REPORT))
    in_memory(zoo_train=hookimpl(lambda: calls.append("later registered, earlier asked")))
    assert facade.train(MODEL, REQUEST) is REPORT
    assert calls == ["later registered, earlier asked"]


def test_tryfirst_and_trylast(in_memory) -> None:
    order = []
    in_memory(zoo_datasets=hookimpl(trylast=True)(lambda: order.append("last")))
    in_memory(zoo_datasets=hookimpl(lambda: order.append("middle")))
    in_memory(zoo_datasets=hookimpl(tryfirst=True)(lambda: order.append("first")))
    in_memory(zoo_datasets=hookimpl(lambda: order.append("newer")))
    facade.datasets()
    assert order == ["first", "newer", "middle", "last"]


def test_a_failing_trainer_is_named(site: Site) -> None:
    hooks_plugin(site, "p", "zoo_train", implemented("zoo_train(model)", "1 / 0"))
    pattern = r"zoo_train of zoo-plugin-p \(zoo_plugin_p.hooks\).*ZeroDivisionError"
    with pytest.raises(HookError, match=pattern) as caught:
        facade.train(MODEL, REQUEST)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_a_trainer_that_cannot_be_imported_is_named(site: Site) -> None:
    hooks_plugin(site, "p", "zoo_train", "import not_there_at_all")
    with pytest.raises(PluginError, match=r"zoo-plugin-p.*not_there_at_all"):
        facade.train(MODEL, REQUEST)


def test_a_second_trainer_stands_in_for_one_that_cannot_be_imported(site: Site) -> None:
    hooks_plugin(site, "p", "zoo_train", "this is no python")
    body = "from zoo_core.interfaces.fitting import FitReport, StopReason\n    "
    body += "return FitReport(7, 0.0, StopReason.FINISHED)"
    hooks_plugin(site, "q", "zoo_train", implemented("zoo_train()", body))
    assert facade.train(MODEL, REQUEST).steps == 7


def test_a_users_mistake_passes_as_it_is(in_memory) -> None:
    def zoo_train() -> None:
        raise DataError("Data are numbers")

    in_memory(zoo_train=hookimpl(zoo_train))
    with pytest.raises(DataError, match="Data are numbers") as caught:
        facade.train(MODEL, REQUEST)
    assert "zoo_train of this process" in caught.value.__notes__[0]


def test_a_wrong_result_is_named(in_memory) -> None:
    in_memory(zoo_train=hookimpl(lambda: {"steps": 1}))
    with pytest.raises(HookError, match="it gave a dict"):
        facade.train(MODEL, REQUEST)


def test_an_interrupt_is_not_caught(in_memory) -> None:
    def zoo_datasets() -> None:
        raise KeyboardInterrupt

    in_memory(zoo_datasets=hookimpl(zoo_datasets))
    with pytest.raises(KeyboardInterrupt):
        facade.datasets()


def test_failing_listings_are_left_out_and_logged(
    site: Site, in_memory, caplog: pytest.LogCaptureFixture
) -> None:
    hooks_plugin(site, "p", "zoo_datasets", implemented("zoo_datasets()", "raise SystemExit(3)"))
    hooks_plugin(site, "q", "zoo_datasets", "import sys\nsys.exit('at import')")
    in_memory(zoo_datasets=hookimpl(lambda: {"mine": list}))
    with caplog.at_level(logging.WARNING):
        assert facade.datasets() == {"mine": list}
    assert "zoo_datasets of zoo-plugin-p (zoo_plugin_p.hooks) failed" in caplog.text
    assert "zoo_plugin_q.hooks of zoo-plugin-q" in caplog.text


def test_a_name_that_two_give_is_neithers(in_memory, caplog: pytest.LogCaptureFixture) -> None:
    in_memory(zoo_metrics=hookimpl(lambda: {"same": min, "one": min}))
    in_memory(zoo_metrics=hookimpl(lambda: {"same": max}))
    in_memory(zoo_metrics=hookimpl(lambda: ["no mapping"]))
    assert facade.metrics() == {"one": min}
    assert "'same'" in caplog.text
    assert "not a mapping" in caplog.text


def test_an_observer_that_fails_is_left_out_from_then_on(in_memory, caplog) -> None:
    seen = []

    def failing(event: TrainingEvent) -> None:
        seen.append("failing")
        raise ValueError("full")

    in_memory(zoo_observe_training=hookimpl(lambda: failing))
    in_memory(zoo_observe_training=hookimpl(lambda model: seen.append))
    in_memory(zoo_observe_training=hookimpl(lambda: None))
    observers = facade.observe_training(MODEL, REQUEST)
    events = [TrainingEvent(EventKind.STEP, step, values={"loss": 1.0}) for step in range(3)]
    for event in events:
        observers(event)
    assert seen.count("failing") == 1
    assert [event for event in seen if event != "failing"] == events
    assert caplog.text.count("full") == 1


def test_diagnoses_and_failing_ones(site: Site, in_memory) -> None:
    in_memory(zoo_diagnose=hookimpl(lambda: [Diagnosis("tracker", True, "reachable")]))
    hooks_plugin(site, "p", "zoo_diagnose", implemented("zoo_diagnose()", "return 1 / 0"))
    hooks_plugin(site, "q", "zoo_diagnose", "nothing = 0")
    found = facade.diagnose()
    assert Diagnosis("tracker", True, "reachable") in found
    bad = " ".join(d.message for d in found if not d.good)
    assert "ZeroDivisionError" in bad
    assert "zoo_plugin_q.hooks of zoo-plugin-q implements zoo_diagnose" in bad


def test_an_undeclared_hook_is_not_called(site: Site) -> None:
    body = implemented("zoo_metrics()", "return {'x': 1}")
    hooks_plugin(site, "p", "zoo_datasets", body + implemented("zoo_datasets()", "return {}"))
    facade.datasets()
    assert facade.metrics() == {}


@pytest.mark.parametrize(
    ("function", "cause"),
    [(hookimpl(lambda modle: None), "modle"), (hookimpl(wrapper=True)(lambda: (yield)), "wrapper")],
)
def test_implementations_that_do_not_fit_are_refused(function: object, cause: str) -> None:
    with pytest.raises(HookError, match=cause):
        register_hooks(SimpleNamespace(zoo_train=function), "bad")
    with pytest.raises(PluginMissingError):
        facade.train(MODEL, REQUEST)


def test_registering_a_name_again_replaces() -> None:
    for value in (1, 2):
        register_hooks(SimpleNamespace(zoo_metrics=hookimpl(lambda v=value: {"m": v})), "cell")
    try:
        assert facade.metrics() == {"m": 2}
    finally:
        unregister_hooks("cell")
    assert facade.metrics() == {}
