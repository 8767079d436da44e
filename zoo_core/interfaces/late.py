"""The one seam by which a model reaches what lies above it: the registry and the trainers.

Building a Part resolves an architecture's name, and `fit` finds a trainer; both are looked up
when they are needed, so that the interfaces import neither.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from zoo_core.interfaces.fitting import FitReport, FitRequest

if TYPE_CHECKING:
    from zoo_core.interfaces.model import Model


def architecture(name: str) -> type[Model]:
    """Give the class of a registered architecture."""
    from zoo_core.registry.architectures import resolve

    return resolve(name)


def train(model: Model, request: FitRequest) -> FitReport:
    """Hand a model to the installed trainer."""
    from zoo_core.plugins.facade import train as installed_trainer

    return installed_trainer(model, request)
