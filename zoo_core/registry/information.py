"""All that the registry says of one name, checked as listings are."""

from __future__ import annotations

from zoo_core.registry import memory
from zoo_core.registry.offers import Offers
from zoo_core.registry.records import ArchitectureInfo, FormatInfo, ModelInfo
from zoo_core.registry.unknown import unknown_name


def info(name: str) -> ModelInfo | ArchitectureInfo | FormatInfo:
    """Give all that the registry says of a model (by name or alias), an architecture or a format.

    Raises UnknownNameError with the closest names.
    """
    offers = Offers()
    found = memory.architectures().get(name) or offers.model(name) or offers.architecture(name)
    if found is None:
        found = next((f for f in offers.formats() if f.name == name), None)
    if found is None:
        raise unknown_name(name, "model or architecture")
    return found
