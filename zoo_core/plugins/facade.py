"""Typed functions that call hooks; the core calls no hook but through them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from zoo_core.errors import PluginMissingError
from zoo_core.hooks.caller import call_each, call_first, failure
from zoo_core.hooks.diagnosis import Diagnosis
from zoo_core.hooks.implementations import Implementation
from zoo_core.hooks.repository import Claim, Repository
from zoo_core.plugins.hook_modules import answering
from zoo_core.plugins.observers import Observers

if TYPE_CHECKING:
    from torch import Tensor

    from zoo_core.interfaces.dataset import DataRequest, Dataset
    from zoo_core.interfaces.fitting import FitReport, FitRequest
    from zoo_core.interfaces.metric import EvaluationRequest, Metric, MetricFunction
    from zoo_core.interfaces.model import Model

_log = logging.getLogger(__name__)
Registry = TypeVar("Registry")


def train(model: Model, request: FitRequest) -> FitReport:
    """Train a model with the installed trainer.

    Raises PluginMissingError where none is installed that can, HookError where it fails.
    """
    from zoo_core.interfaces.fitting import FitReport

    report = _first("zoo_train", {"model": model, "request": request}, FitReport)
    if report is None:
        raise PluginMissingError(
            f"Training {model.architecture} needs a trainer",
            received="none is installed that can train it",
            remedy="Run: pip install zoo-plugin-training",
        )
    return report


def evaluate(model: Model, request: EvaluationRequest) -> tuple[Metric, ...]:
    """Measure figures of a model with the installed evaluation.

    Raises PluginMissingError where none is installed that can, HookError where it fails.
    """
    figures = _first("zoo_evaluate", {"model": model, "request": request}, tuple)
    if figures is None:
        raise PluginMissingError(
            f"Evaluating {model.architecture} needs an evaluation",
            received="none is installed that can evaluate it",
            remedy="Run: pip install zoo-plugin-evaluation",
        )
    return figures


def resolve_reference(reference: str) -> Model | Path | None:
    """Ask plugins for a reference of unknown form."""
    from zoo_core.interfaces.model import Model

    return _first("zoo_resolve", {"reference": reference}, (Model, Path))


def claim(repository: Repository) -> Claim | None:
    """Ask plugins whose format a repository is in."""
    return _first("zoo_claim", {"repository": repository}, Claim)


def write(model: Model, format: str, folder: Path) -> bool:
    """Ask plugins to write a model in a format of theirs; say whether one did."""
    arguments = {"model": model, "format": format, "folder": folder}
    return bool(_first("zoo_write", arguments, bool))


def fetch(name: str, entry: Mapping[str, Any], folder: Path) -> Path | None:
    """Ask plugins to fetch an entry's files into a folder."""
    return _first("zoo_fetch", {"name": name, "entry": entry, "folder": folder}, Path)


def convert(
    architecture: str, version: str, config: Mapping[str, Any], state: Mapping[str, Tensor]
) -> tuple[Mapping[str, Any], Mapping[str, Tensor]] | None:
    """Ask plugins to convert what an older version saved."""
    arguments = {"architecture": architecture, "version": version}
    return _first("zoo_convert", {**arguments, "config": config, "state": state}, tuple)


def observe_training(model: Model, request: FitRequest) -> Observers:
    """Gather the observers of a run that begins."""
    found = _each("zoo_observe_training", {"model": model, "request": request})
    return Observers([(who, observer) for who, observer in found if observer is not None])


def datasets() -> dict[str, Callable[..., Any]]:
    """Gather the data sets of all plugins: a loader by name."""
    return _merged("zoo_datasets", "data set")


def open_data(reference: str, request: DataRequest) -> Dataset:
    """Open a data set by name, or a file or folder by path.

    Raises PluginMissingError where no installed plugin can, DataError for bad data.
    """
    from zoo_core.interfaces.dataset import Dataset

    arguments = {"reference": reference, "request": request}
    dataset = _first("zoo_open_data", arguments, Dataset)
    if dataset is None:
        raise PluginMissingError(
            f"Opening {reference!r} needs a plugin that knows it",
            received="none is installed that does",
            remedy="Run: pip install zoo-plugin-data",
        )
    return dataset


def metrics() -> dict[str, MetricFunction]:
    """Gather the metrics of all plugins: a function by name."""
    return _merged("zoo_metrics", "metric")


def diagnose() -> list[Diagnosis]:
    """Ask every plugin how it is; a plugin that can't answer is a diagnosis of its own."""
    implementations, failures = answering("zoo_diagnose")
    found = [Diagnosis("plugin", False, str(error)) for error in failures]
    for implementation in implementations:
        subject = implementation.source.distribution
        try:
            found += [Diagnosis(*d) for d in implementation.function() or ()]
        except (Exception, SystemExit) as error:  # noqa: BLE001  the error is the diagnosis
            found.append(Diagnosis(subject, False, str(failure(implementation, error))))
    return found


def register_architectures(make: Callable[[str | None], Registry]) -> list[Registry]:
    """Let plugins register what no file lists; each gets a registry made for its namespace.

    What a failing implementation had registered is left out with it.
    """
    kept = []
    for implementation in answering("zoo_register").implementations:
        registry = make(implementation.source.namespace)
        kept += [registry for _ in call_each([implementation], {"registry": registry})]
    return kept


def _first(hook: str, arguments: dict[str, Any], expected: type | tuple[type, ...]) -> Any:
    """Give the first answer; where there is none but one could not be asked, raise its error."""
    implementations, failures = answering(hook)
    found = call_first(implementations, arguments)
    if found is None:
        if failures:
            raise failures[0]
        return None
    implementation, result = found
    if not isinstance(result, expected):
        raise failure(implementation, TypeError(f"it gave a {type(result).__name__}"))
    return result


def _each(hook: str, arguments: dict[str, Any]) -> list[tuple[Implementation, Any]]:
    return list(call_each(answering(hook).implementations, arguments))


def _merged(hook: str, what: str) -> dict[str, Callable[..., Any]]:
    """Merge mappings by name; a name that two plugins give is given to neither."""
    holders: dict[str, list[tuple[str, Callable[..., Any]]]] = {}
    for implementation, result in _each(hook, {}):
        who = implementation.source.distribution
        if result is None:
            continue
        if not isinstance(result, Mapping):
            _log.warning("%s gave a %s, not a mapping", implementation, type(result).__name__)
            continue
        for name, value in result.items():
            holders.setdefault(str(name), []).append((who, value))
    for name, rivals in holders.items():
        if len(rivals) > 1:
            both = " and ".join(who for who, _ in rivals)
            _log.warning("%s both bring a %s %r; neither has it", both, what, name)
    return {name: rivals[0][1] for name, rivals in holders.items() if len(rivals) == 1}
