"""Checks of the configuration: with a seed, it is all that a model is built from."""

from __future__ import annotations

import json
from typing import Any

from zoo_core.conformance.behaviour import same
from zoo_core.conformance.check import check
from zoo_core.conformance.claims import every
from zoo_core.conformance.subject import Subject
from zoo_core.errors import ConfigError, ConformanceError


@check(claimed=every)
def the_configuration_survives_json(subject: Subject) -> None:
    """The configuration, written as JSON and read back, equals itself.

    A checkpoint holds the configuration as JSON. A validator that changes a value each time it
    is parsed, or a field that JSON can't express, makes another model of a loaded one.
    """
    config = subject.model.config
    again = type(config).parse(json.loads(json.dumps(config.to_json())))
    if again != config:
        raise ConformanceError(
            "A configuration equals what its JSON gives back",
            received=f"{again!r} for {config!r}",
            remedy="Validators give back what they would accept unchanged.",
        )


@check(claimed=every)
def unknown_fields_are_refused(subject: Subject) -> None:
    """A configuration with a field that isn't there raises ConfigError.

    Otherwise a misspelt field is a silent default. Tried with a name that no class has.
    """
    fields: dict[str, Any] = subject.model.config.to_json()
    try:
        type(subject.model.config).parse({**fields, "no_such_field": 1})
    except ConfigError:
        return
    raise ConformanceError(
        "A configuration refuses unknown fields",
        received="no error for the field no_such_field",
        remedy="Inherit from zoo.Config and leave its `extra` at forbid.",
    )


@check(claimed=every)
def the_seed_fixes_the_initial_weights(subject: Subject) -> None:
    """Two models built from one configuration and seed have the same tensors, to the bit.

    Initialisers draw from torch's generator, which the base class seeds; what draws from NumPy,
    the clock or the address of an object isn't seeded by it.
    """
    first, second = (subject.built(3).state_dict() for _ in range(2))
    different = [name for name in first if not same(first[name], second[name])]
    if different:
        raise ConformanceError(
            "The same configuration and seed give the same tensors",
            received=f"others in {', '.join(different[:3])}",
            remedy="In _build draw by torch alone: nn.init, torch.randn.",
        )


CHECKS = (
    the_configuration_survives_json,
    unknown_fields_are_refused,
    the_seed_fixes_the_initial_weights,
)
