"""The names of the hooks, for those who must not import the specifications."""

from __future__ import annotations

HOOKS = (
    "zoo_register",
    "zoo_resolve",
    "zoo_claim",
    "zoo_write",
    "zoo_fetch",
    "zoo_convert",
    "zoo_train",
    "zoo_evaluate",
    "zoo_observe_training",
    "zoo_datasets",
    "zoo_open_data",
    "zoo_metrics",
    "zoo_diagnose",
)
