"""What people type for conditions and options."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from zoo_core.errors import ConditionError

if TYPE_CHECKING:
    from zoo_core.interfaces.model import Model
    from zoo_core.interfaces.space import Space

condition_option = click.option(
    "--condition",
    "conditions",
    multiple=True,
    metavar="VALUE",
    help="A label (3, or its name), a vector (0.5,1.2), text or JSON. Repeat it, or give a comma "
    "list of labels, for several conditions.",
)
option_option = click.option(
    "--option",
    "options",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option that the model declares; repeatable. Where it is a picture, VALUE is its file.",
)

device_option = click.option(
    "--device", metavar="DEVICE", help="Where to compute: cpu, cuda, mps …"
)


def parse_options(texts: Sequence[str]) -> dict[str, Any]:
    """Read KEY=VALUE; a value is JSON, or else text. Raises UsageError."""
    found: dict[str, Any] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.isidentifier() or key in found:
            raise click.BadParameter(
                f"{text!r}; write --option key=value, each key once.", param_hint="--option"
            )
        found[key] = _json_or_text(value)
    return found


def parse_conditions(texts: Sequence[str], model: Model) -> list[Any] | None:
    """Read conditions as the model's Conditioner takes them, one an item; None for none.

    A model of data and class needs none. Raises ConditionError where the model needs one and
    there is none.
    """
    if not model.is_conditional:
        return list(texts) or None  # The model says what is wrong.
    conditioner = model.get_submodule("conditioner")
    space: Space = conditioner.space  # pyright: ignore[reportAssignmentType]
    names = _class_names(conditioner)
    if not texts and model.marginalizes:
        return None
    if not texts:
        remedy = _example(space, names)
        raise ConditionError(f"{model.architecture} needs a condition", remedy=remedy)
    return [condition for text in texts for condition in _conditions(text, space, names)]


def _class_names(conditioner: object) -> tuple[str, ...]:
    """Give what classes are called: a name that looks like a number is a name, not a code."""
    from zoo_core.conditioners.label import Label

    return (conditioner.config.names or ()) if isinstance(conditioner, Label) else ()


def _example(space: Space, names: tuple[str, ...]) -> str:
    """Say what to type."""
    if names:
        return f"Give --condition {names[0]}; there are {', '.join(names[:8])}" + (
            ", …" if len(names) > 8 else "."
        )
    if space.ragged or len(space.shape) > 1:
        return "Give --condition VALUE."
    if space.shape == ():
        most = "" if space.n_levels is None else f"; there are 0 … {space.n_levels - 1}"
        return f"Give --condition 0{most}."
    numbers = ("0" if entry.kind.discrete else "0.5" for entry in space.entry_spaces)
    return f"Give --condition {','.join(numbers)}, {space.size} numbers."


def _conditions(text: str, space: Space, names: tuple[str, ...]) -> list[Any]:
    if text.strip() in names:
        return [text.strip()]
    if text.lstrip().startswith(("[", "{", '"')):
        value = _json(text)
        flat = isinstance(value, list) and not any(isinstance(item, list) for item in value)
        several = isinstance(value, list) and (space.shape == () or not flat)
        return value if several else [value]
    if space.ragged or len(space.shape) > 1:
        return [text]
    typed = [item.strip() for item in text.split(",")]
    items = [item if item in names else _json_or_text(item) for item in typed]
    return items if space.shape == () else [items]


def repeated(conditions: list[Any] | None, n: int) -> list[Any] | None:
    """Repeat several conditions in turn to n; one stays one. Raises UsageError."""
    if conditions is None or len(conditions) == 1:
        return conditions
    if n % len(conditions):
        raise click.BadParameter(
            f"{n} samples can't be shared by {len(conditions)} conditions; give a multiple.",
            param_hint="--n",
        )
    return [condition for condition in conditions for _ in range(n // len(conditions))]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no JSON: {error}.") from None


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
