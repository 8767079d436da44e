"""Part: a model inside a model, as a field of its configuration."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Union, final, get_args, get_origin

import pydantic

from zoo_core.config import Config, FrozenDict


@final
class Part(Config):
    """A model inside a model: its architecture's name, its configuration, whether it is trained.

    Its configuration leaves out `space`, which the parent gives. A frozen part keeps its weights
    when the parent is trained. A Part is a description without weights: what is built from it is
    untrained, so that freezing it serves a part whose weights are loaded after, or that is given
    as a live model.
    """

    architecture: str
    config: FrozenDict = FrozenDict()
    frozen: bool = False

    def __init__(
        self, architecture: str, config: Mapping[str, Any] | None = None, frozen: bool = False
    ) -> None:
        pydantic.BaseModel.__init__(
            self, architecture=architecture, config=config or {}, frozen=frozen
        )

    @pydantic.model_validator(mode="before")
    @classmethod
    def _refuse_references(cls, values: Any) -> Any:
        """Say what is meant by text: the name of an architecture, or where a model is saved."""
        if isinstance(values, str):
            raise ValueError(
                "a Part is zoo.Part(architecture, fields), or a live model: "
                f"zoo.load({values!r}) of what is saved there"
            )
        return values


@final
class Provides:
    """Marks a Part field with the interfaces that the part must provide."""

    def __init__(self, *interfaces: type) -> None:
        self.interfaces = interfaces


@final
@dataclass(frozen=True)
class PartField:
    """A configuration's field that holds a Part or a tuple of Parts."""

    name: str
    interfaces: tuple[type, ...]


def part_fields(config: type[Config]) -> list[PartField]:
    """List the fields of a configuration that hold Parts, with what each must provide."""
    found = []
    for name, field in config.model_fields.items():
        marks = [mark for mark in field.metadata if isinstance(mark, Provides)]
        holds = _collect(field.annotation, marks)
        if holds:
            found.append(PartField(name, tuple(i for mark in marks for i in mark.interfaces)))
    return found


def _collect(annotation: Any, marks: list[Provides]) -> bool:
    """Walk a type: gather its Provides marks, and say whether it holds a Part."""
    if annotation is Part:
        return True
    origin = get_origin(annotation)
    if origin is Annotated:
        marks.extend(mark for mark in annotation.__metadata__ if isinstance(mark, Provides))
        return _collect(get_args(annotation)[0], marks)
    if origin in (Union, types.UnionType, tuple):
        # Every member is walked, since each may carry marks: no generator that stops early.
        return max([_collect(argument, marks) for argument in get_args(annotation)])
    return False
