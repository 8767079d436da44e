"""Saved models as folders: written atomically, read strictly, never unpickled."""

from __future__ import annotations

from zoo_core.checkpoints.card import Card, Metric
from zoo_core.checkpoints.meta import meta_parameters
from zoo_core.checkpoints.opening import folder_source, open_model
from zoo_core.checkpoints.reader import NanWarning
from zoo_core.checkpoints.saving import Wrapping, save_folder
from zoo_core.checkpoints.sources import Source, SourceFile

__all__ = [
    "Card",
    "Metric",
    "NanWarning",
    "Source",
    "SourceFile",
    "Wrapping",
    "folder_source",
    "meta_parameters",
    "open_model",
    "save_folder",
]
