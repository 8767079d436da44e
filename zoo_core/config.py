"""Configurations: deeply frozen, strict, and the whole of a model but its tensors."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Self, final

import pydantic
from pydantic_core import PydanticSerializationError, core_schema, to_jsonable_python

from zoo_core.errors import ConfigError


@final
class FrozenDict(Mapping[str, Any]):
    """An immutable, hashable mapping of JSON values: what a Part's configuration is held in."""

    __slots__ = ("_items",)

    def __init__(self, items: Mapping[str, Any] | None = None) -> None:
        self._items = {key: freeze(value) for key, value in (items or {}).items()}

    def __getitem__(self, key: str) -> Any:
        return self._items[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __hash__(self) -> int:
        return hash(frozenset(self._items.items()))

    def __repr__(self) -> str:
        return repr(self._items)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        """Accept any mapping of JSON values; serialise as a plain object."""
        del source, handler
        return core_schema.no_info_plain_validator_function(
            _frozen_mapping,
            serialization=core_schema.plain_serializer_function_ser_schema(thaw),
        )


def _frozen_mapping(value: Any) -> FrozenDict:
    if not isinstance(value, Mapping):
        raise ValueError("a mapping of field names to JSON values is needed")
    try:
        return FrozenDict(to_jsonable_python(thaw(value)))
    except PydanticSerializationError as error:
        raise ValueError(str(error)) from error


def freeze(value: Any) -> Any:
    """Give the immutable form of JSON-like data: tuples for lists, FrozenDict for mappings."""
    if isinstance(value, list | tuple):
        return tuple(freeze(item) for item in value)
    if isinstance(value, Mapping):
        return FrozenDict(value)
    return value


def thaw(value: Any) -> Any:
    """Undo `freeze`: lists for tuples, plain dicts for mappings."""
    if isinstance(value, list | tuple):
        return [thaw(item) for item in value]
    if isinstance(value, Mapping):
        return {key: thaw(item) for key, item in value.items()}
    return value


@final
class Live:
    """Marks a field of options whose value is an object as it is, such as a tensor, and no JSON.

    `parse` hands it through unchecked. Models' configurations have none: they are saved.
    """


class Config(pydantic.BaseModel):
    """The base of every configuration: frozen, strict, no unknown fields, finite numbers.

    Fields are numbers, text, booleans, enums, tuples, other Configs, `Space` and `Part`; a
    list given for a tuple is made one. Two equal configurations build the same model.
    """

    model_config = pydantic.ConfigDict(
        frozen=True, strict=True, extra="forbid", allow_inf_nan=False, validate_default=True
    )

    @pydantic.model_validator(mode="before")
    @classmethod
    def _lists_to_tuples(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            return {key: _tuples(value) for key, value in values.items()}
        return values

    @classmethod
    def parse(cls, fields: Mapping[str, Any]) -> Self:
        """Build from what a person or a JSON file holds: lists, text for enums, mappings.

        Raises ConfigError, naming each wrong field and the closest right name.
        """
        live = {name: value for name, value in fields.items() if cls.is_live(name)}
        plain = {name: value for name, value in fields.items() if name not in live}
        try:
            text = json.dumps(to_jsonable_python(thaw(plain)))
            parsed = cls.model_validate_json(text, strict=True)
            return parsed.model_copy(update=live) if live else parsed
        except pydantic.ValidationError as error:
            raise _config_error(cls, error) from None
        except PydanticSerializationError as error:
            raise ConfigError(
                f"Every field of {cls.__qualname__} must be expressible as JSON",
                received=str(error),
                remedy="Give numbers, text, lists, mappings, Space or Part.",
            ) from None

    @classmethod
    def is_live(cls, name: str) -> bool:
        """Say whether a field is marked Live."""
        field = cls.model_fields.get(name)
        return field is not None and any(isinstance(mark, Live) for mark in field.metadata)

    def to_json(self) -> dict[str, Any]:
        """Give the configuration as plain JSON data; `parse` reads it back to an equal one."""
        return self.model_dump(mode="json")


def _tuples(value: Any) -> Any:
    """Make lists tuples, and leave mappings to the fields that they are for."""
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _config_error(cls: type[Config], error: pydantic.ValidationError) -> ConfigError:
    problems = error.errors(include_url=False)
    # A default that follows from another field is missing only because that one is wrong.
    problems = [p for p in problems if p["type"] != "default_factory_not_called"] or problems
    lines = [f"{'.'.join(map(str, p['loc'])) or 'it'}: {p['msg']}" for p in problems]
    unknown = [str(p["loc"][-1]) for p in problems if p["type"] == "extra_forbidden"]
    near = [m for name in unknown for m in difflib.get_close_matches(name, cls.model_fields, n=1)]
    remedy = f"Did you mean {', '.join(near)}? " if near else ""
    return ConfigError(
        f"{cls.__qualname__} takes {', '.join(cls.model_fields) or 'no fields'}",
        received="; ".join(lines),
        remedy=f"{remedy}Give each field once, with its declared type.",
    )
