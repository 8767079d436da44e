"""Which engine a run has."""

from __future__ import annotations

from collections.abc import Sequence

from zoo_core.errors import OptionError
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.objective import Objective
from zoo_plugin_training.engine import Engine, SingleEngine
from zoo_plugin_training.options import EngineName, FitOptions
from zoo_plugin_training.processes import Processes


def check_engine(options: FitOptions, processes: Processes) -> None:
    """Raise OptionError for an engine of several processes where there is one."""
    if options.engine is not EngineName.AUTO and processes.size == 1:
        raise OptionError(
            f"engine={options.engine.value!r} shares a run among several processes",
            received="one process",
            remedy="Start it by torchrun --nproc-per-node N, or leave `engine` out.",
        )


def engine_of(
    model: Model,
    objectives: Sequence[Objective],
    trained: Sequence[Sequence[str]],
    options: FitOptions,
    processes: Processes,
) -> Engine:
    """Wrap a model for the run's processes; it then has the first process's weights."""
    if processes.size == 1:
        return SingleEngine(model, objectives, trained, options.precision)
    if options.engine is EngineName.FSDP:
        from zoo_plugin_training.engine_fsdp import ShardedEngine

        return ShardedEngine(model, objectives, trained, options.precision, processes)
    from zoo_plugin_training.engine_ddp import ReplicatedEngine

    return ReplicatedEngine(model, objectives, trained, options.precision, processes)
