"""The hooks: what a plugin may do beside holding models.

A plugin names its hook module, and which of these it implements, in its registry file. The
module is imported when one of them is called, and never earlier:

    hooks: {module: zoo_plugin_tracker.hooks, implements: [zoo_observe_training]}

An implementation is a function of that module with the hook's name, marked with `@hookimpl`, and
takes those of the arguments that it needs. Wrappers are not called. Implementations are called in
the alphabetical order of namespaces, `tryfirst` and `trylast` ones before and after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zoo_core.hooks.diagnosis import Diagnosis
from zoo_core.hooks.events import Observer
from zoo_core.hooks.markers import hookspec
from zoo_core.hooks.repository import Claim, Repository

if TYPE_CHECKING:
    from torch import Tensor

    from zoo_core.interfaces.dataset import DataRequest, Dataset
    from zoo_core.interfaces.fitting import FitReport, FitRequest
    from zoo_core.interfaces.metric import EvaluationRequest, Metric, MetricFunction
    from zoo_core.interfaces.model import Model


@hookspec
def zoo_register(registry: Any) -> None:
    """Register architectures that a registry file can't list: `registry.add(Class)` for each.

    Called when a name of this plugin's is asked for that no file lists.
    """


@hookspec(firstresult=True)
def zoo_resolve(reference: str) -> Model | Path | None:
    """Resolve a reference that the core does not know, such as one of another scheme.

    Give a model, a folder with a saved model, or None to leave it to others.
    """


@hookspec(firstresult=True)
def zoo_claim(repository: Repository) -> Claim | None:
    """Claim a repository or a folder that is in a format of this plugin's.

    The registry file lists the format under `formats`, with the files by which it is known. The
    repository's small files may be read. Give None to leave it to others; raise a ZooError for one
    that is of this format and can't be loaded, with the reason. Nothing of it is ever executed.
    """


@hookspec(firstresult=True)
def zoo_write(model: Model, format: str, folder: Path) -> bool | None:
    """Write a model into an empty folder in a format of this plugin's, for users without the zoo.

    Give True once it is written, or None to leave it to others; raise a ZooError for a model of
    this plugin's that can't be written so. The core adds the card and the hashes.
    """


@hookspec(firstresult=True)
def zoo_fetch(name: str, entry: Mapping[str, Any], folder: Path) -> Path | None:
    """Fetch the files of a registry entry from a source of this plugin's into a folder.

    `entry` is plain data as in the registry file. Give the folder that then holds the files,
    which the core verifies as always, or None to leave it to others.
    """


@hookspec(firstresult=True)
def zoo_convert(
    architecture: str, version: str, config: Mapping[str, Any], state: Mapping[str, Tensor]
) -> tuple[Mapping[str, Any], Mapping[str, Tensor]] | None:
    """Convert what an older version of this plugin saved: configuration and tensors.

    `version` is that of the distribution which saved it. Give both as the present version wants
    them, or None to leave it to others.
    """


@hookspec(firstresult=True)
def zoo_train(model: Model, request: FitRequest) -> FitReport | None:
    """Train a model on checked data and report; the model then has the best weights.

    Give None for a model that this trainer can't train.
    """


@hookspec(firstresult=True)
def zoo_evaluate(model: Model, request: EvaluationRequest) -> tuple[Metric, ...] | None:
    """Measure the figures of a model that a request asks for, in the order of their names.

    Give None for a model or data that this evaluation can't measure.
    """


@hookspec
def zoo_observe_training(model: Model, request: FitRequest) -> Observer | None:
    """Give an observer of the run that begins: a tracker or a progress bar; or None.

    An observer that raises is reported once and left out from then on.
    """


@hookspec
def zoo_datasets() -> Mapping[str, Callable[..., Any]] | None:
    """Give data sets: a loader by name. A loader reads nothing until it is called."""


@hookspec(firstresult=True)
def zoo_open_data(reference: str, request: DataRequest) -> Dataset | None:
    """Open data: a data set by name, a file or folder by path, or what a plugin's scheme names.

    Give None for a reference that is left to others. Bad data raise a DataError here, before
    anything is trained on them.
    """


@hookspec
def zoo_metrics() -> Mapping[str, MetricFunction] | None:
    """Give metrics: a function by name, `measure(model, request) -> Metric`, or several.

    `request` is an EvaluationRequest. A metric is measured only when its name is asked for; it
    raises UnsupportedError for a model or data that it is not for.
    """


@hookspec
def zoo_diagnose() -> Iterable[Diagnosis] | None:
    """Say how this plugin is: what it needs beside itself, and whether that is there."""
