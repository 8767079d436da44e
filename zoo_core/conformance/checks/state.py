"""Checks of the state: config and tensors are the whole model, so that a copy is the model."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from zoo_core.checkpoints.meta import meta_parameters
from zoo_core.checkpoints.opening import folder_source, open_model
from zoo_core.checkpoints.saving import Wrapping, save_folder
from zoo_core.conformance.behaviour import behaviour, require_same, same
from zoo_core.conformance.check import Skip, check
from zoo_core.conformance.claims import every
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConformanceError, PluginError, UnknownNameError
from zoo_core.registry import architectures

_BUFFER = "Register it: nn.Parameter, or self.register_buffer(name, tensor)."


@check(claimed=every)
def configuration_and_tensors_are_the_whole_model(subject: Subject) -> None:
    """A model built from the configuration alone, given the tensors, behaves the same to the bit.

    The other is built from another seed with its parameters on the meta device, as loading does,
    and its state dict assigned. What `_build` draws and keeps elsewhere, or computes from a
    parameter's values, is lost on the way.
    """
    with meta_parameters():
        other = subject.built(seed=7)
    other.load_state_dict(subject.model.state_dict(), strict=True, assign=True)
    require_same(
        behaviour(other.eval(), subject),
        behaviour(subject.model, subject),
        "A model is its configuration and its tensors",
        remedy="Keep state in parameters and persistent buffers; compute the rest from config.",
    )


@check(claimed=every)
def a_saved_model_loads_to_the_bit(subject: Subject) -> None:
    """A model that is saved and loaded gives the same log_prob and the same samples, to the bit.

    Saved as a folder, loaded through the strict reader. Skipped for a class that isn't
    registered, which nothing could load.
    """
    _require_registered(subject)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        save_folder(subject.copy(), folder, Wrapping())
        loaded = open_model(folder_source(folder))
    require_same(
        behaviour(loaded, subject),
        behaviour(subject.model, subject),
        "Loading gives the model that was saved",
        remedy=_BUFFER,
    )


@check(claimed=every)
def every_tensor_is_registered(subject: Subject) -> None:
    """A tensor is a parameter, a persistent buffer, or one that the configuration gives again.

    Attributes of every module are looked through, lists, tuples and mappings too. A tensor that
    isn't saved must follow when the model moves, as attributes don't; and a model of the same
    configuration, of another seed and with its parameters on the meta device, must have it with
    the same values to the bit: a buffer that isn't persistent, computed in `_build`.
    """
    kept = _unsaved(subject.model)
    moved = _unsaved(subject.copy().to("meta"))
    wrong = [name for name in kept if not all(tensor.is_meta for tensor in moved.get(name, ()))]
    if not wrong and kept and not subject.is_in_memory_alone:
        with meta_parameters():
            again = _unsaved(subject.built(seed=7))
        wrong = [name for name in kept if not _equal(again.get(name, ()), kept[name])]
    if wrong:
        raise ConformanceError(
            "Tensors are parameters, persistent buffers, or follow from the configuration",
            received=f"others: {', '.join(wrong[:3])}",
            remedy=_BUFFER,
        )


@check(claimed=every)
def the_state_is_tensors_alone(subject: Subject) -> None:
    """The state dict holds tensors and nothing else, so that no pickle is needed to save it.

    torch's `get_extra_state` puts any object into a state dict; safetensors can't hold it.
    """
    others = [k for k, v in subject.model.state_dict().items() if not isinstance(v, Tensor)]
    if others:
        raise ConformanceError(
            "A state dict holds tensors alone",
            received=f"an object under {', '.join(others[:3])}",
            remedy="Leave get_extra_state away; put settings into the configuration.",
        )


@check(claimed=every)
def a_copy_stands_alone(subject: Subject) -> None:
    """A deep copy behaves the same to the bit, and changing it leaves the original as it was.

    The copy's tensors are set to a tenth of themselves. A closure or a cache over the original's
    tensors gives itself away: the copy keeps its behaviour, or the original loses its own.
    """
    before = behaviour(subject.model, subject)
    twin = copy.deepcopy(subject.model)
    rule = "A deep copy is a model of its own"
    remedy = "Hold modules and tensors as attributes, not in closures, caches or globals."
    require_same(behaviour(twin, subject), before, rule, remedy=remedy)
    original = {tensor.data_ptr() for tensor in _filled(subject.model)}
    shared = [tensor for tensor in _filled(twin) if tensor.data_ptr() in original]
    changed = _changed(twin, subject)
    require_same(behaviour(subject.model, subject), before, rule, remedy=remedy)
    if shared or (changed is not None and not changed):
        received = "a copy that shares tensors" if shared else "a copy that ignores its own tensors"
        raise ConformanceError(rule, received=received, remedy=remedy)


def _changed(twin: nn.Module, subject: Subject) -> bool | None:
    """Change a copy; say whether a model rebuilt with these tensors behaves as the copy now does.

    A wrapped module can't be rebuilt: there it is whether the copy's behaviour has changed. None
    where there is nothing to change, or the changed tensors are no model.
    """
    numbers = [tensor for tensor in _filled(twin) if tensor.is_floating_point()]
    if not numbers:
        return None
    with torch.no_grad():
        for tensor in numbers:
            tensor.mul_(0.9)
    try:
        return _follows(twin, subject)
    except Exception:  # noqa: BLE001  the changed tensors may be outside of what the model allows
        return None


def _follows(twin: Any, subject: Subject) -> bool:
    """Say whether a changed copy behaves as its own tensors, and no others, have it."""
    if subject.is_in_memory_alone:
        return not _alike(behaviour(twin, subject), behaviour(subject.model, subject))
    other = subject.built(seed=7)
    other.load_state_dict(twin.state_dict())
    return _alike(behaviour(twin, subject), behaviour(other.eval(), subject))


def _alike(seen: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> bool:
    return all(name in seen and same(seen[name], wanted[name]) for name in wanted)


def _filled(module: nn.Module) -> list[Tensor]:
    return [tensor for tensor in module.state_dict().values() if tensor.numel()]


def _unsaved(model: nn.Module) -> dict[str, tuple[Tensor, ...]]:
    """Give the tensors that no state dict has, by the name of what holds them."""
    found: dict[str, tuple[Tensor, ...]] = {}
    for path, module in model.named_modules():
        prefix = f"{path}." if path else ""
        for name in module._non_persistent_buffers_set:
            found[f"{prefix}{name}"] = tuple(_tensors(module._buffers[name]))
        for name, value in vars(module).items():
            if name not in ("_parameters", "_buffers", "_modules"):
                found[f"{prefix}{name}"] = tuple(_tensors(value))
    return {name: tensors for name, tensors in found.items() if tensors}


def _tensors(value: object) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _tensors(one)
    elif isinstance(value, list | tuple | set):
        for one in value:
            yield from _tensors(one)


def _equal(seen: tuple[Tensor, ...], wanted: tuple[Tensor, ...]) -> bool:
    return len(seen) == len(wanted) and all(map(same, seen, wanted))


def _require_registered(subject: Subject) -> None:
    try:
        registered = architectures.resolve(subject.model.architecture)
    except (UnknownNameError, PluginError):
        registered = None
    if subject.is_in_memory_alone:
        raise Skip("a wrapped module can't be saved")
    if registered is not type(subject.model):
        raise Skip(f"{subject.name} isn't registered: zoo.register(Class), or a registry file")


CHECKS = (
    configuration_and_tensors_are_the_whole_model,
    every_tensor_is_registered,
    the_state_is_tensors_alone,
    a_saved_model_loads_to_the_bit,
    a_copy_stands_alone,
)
