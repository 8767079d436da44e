"""Hooks: what a plugin may do beside holding models. `specs` describes each."""

from zoo_core.hooks.diagnosis import Diagnosis
from zoo_core.hooks.events import EventKind, Observer, TrainingEvent
from zoo_core.hooks.markers import hookimpl
from zoo_core.hooks.repository import Claim, Opening, Repository

__all__ = [
    "Claim",
    "Diagnosis",
    "EventKind",
    "Observer",
    "Opening",
    "Repository",
    "TrainingEvent",
    "hookimpl",
]
