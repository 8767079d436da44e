"""Cases: the models of a plugin that are checked, each by a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, final

import torch

from zoo_core import API_VERSION
from zoo_core.conformance.preparation import prepared
from zoo_core.conformance.subject import Subject
from zoo_core.errors import PluginError, UnknownNameError
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.part import Part, part_fields
from zoo_core.registry import architectures

SEED = 0
_LABEL = Part("core/label", {"classes": 3})


@final
@dataclass(frozen=True)
class Case:
    """One configuration of an architecture: its name, its fields, what its entry says.

    `name` is the architecture's; of the conditional variant, which is made wherever a
    configuration has room for a conditioner, it ends with `[label]`.
    """

    name: str
    architecture: str
    fields: Mapping[str, Any] = field(hash=False)
    dtypes: tuple[str, ...] = ()
    expected_failures: Mapping[str, str] = field(default_factory=dict, hash=False)
    api: int = 0


@cache
def subject_of(case: Case, seed: int = SEED) -> Subject:
    """Build and prepare the model of a case, once a process."""
    model_class = architectures.resolve(case.architecture)
    model = prepared(model_class, dict(case.fields), seed=seed)
    dtypes = tuple(getattr(torch, name) for name in case.dtypes)
    return Subject(model, seed=seed, dtypes=dtypes)


def cases(*patterns: str) -> list[Case]:
    """List the cases of the installed architectures whose names match a pattern, by name.

    A pattern is a shell's (`mine/*`); a namespace alone means all of it. Raises UnknownNameError
    where nothing matches one.
    """
    from zoo_core.plugins import installed
    from zoo_core.registry import list_architectures

    apis = {plugin.namespace: plugin.api for plugin in installed()}
    found: dict[str, Case] = {}
    for pattern in patterns:
        matching = list_architectures(_wildcard(pattern), installed=True)
        if not matching:
            raise UnknownNameError(
                "A pattern matches an installed architecture",
                received=pattern,
                remedy="`zoo plugins` shows what is installed, and what is wrong with it.",
            )
        for one in matching:
            api = apis.get(one.name.partition("/")[0])
            case = Case(
                *(one.name, one.name, one.tiny, one.dtypes, one.expected_failures),
                API_VERSION if api is None else api,
            )
            found |= {variant.name: variant for variant in _variants(case)}
    return list(found.values())


def _wildcard(pattern: str) -> str:
    return pattern if "/" in pattern else f"{pattern}/*"


def _variants(case: Case) -> Iterator[Case]:
    """Give the case itself, and with a label where its configuration has room for one.

    A class that can't be imported has the one case, which then fails.
    """
    yield case
    try:
        config = architectures.resolve(case.architecture).Config
    except PluginError:
        return
    room = {field.name: field.interfaces for field in part_fields(config)}
    if Conditioner in room.get("conditioner", ()) and not case.fields.get("conditioner"):
        told = {**case.fields, "conditioner": _LABEL}
        yield replace(case, name=f"{case.name}[label]", fields=told)
