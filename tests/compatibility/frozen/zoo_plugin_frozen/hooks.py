"""Hooks of plugin API 0."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from zoo_core.hooks import Diagnosis, hookimpl

RUNS: list[Any] = []


@hookimpl
def zoo_register(registry: Any) -> None:
    from zoo_plugin_frozen.late import Late

    registry.add(Late)


@hookimpl
def zoo_convert(architecture: str, version: str, config: Any, state: Any) -> Any:
    if architecture != "frozen/laplace" or "log_scale" in state:
        return None
    renamed = dict(state)
    renamed["log_scale"] = renamed.pop("scale").log()
    return config, renamed


@hookimpl
def zoo_datasets() -> Mapping[str, Any]:
    return {"ice": lambda: [[0.0, 1.0], [2.0, 3.0]]}


@hookimpl
def zoo_metrics() -> Mapping[str, Any]:
    return {"coldness": lambda model, request: None}


@hookimpl
def zoo_observe_training(model: Any, request: Any) -> None:
    RUNS.append(model)


@hookimpl
def zoo_diagnose() -> Iterable[Diagnosis]:
    return [Diagnosis("frozen", True, "still cold")]
