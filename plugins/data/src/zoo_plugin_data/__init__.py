"""Data sets by name, and toy densities as exact models of the zoo.

>>> import zoo_plugin_data
>>> digits = zoo_plugin_data.load("digits", split="train")
>>> digits.x.shape
torch.Size([1212, 8, 8])
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Checkerboard": "zoo_plugin_data.checkerboard",
    "Circles": "zoo_plugin_data.circles",
    "Dataset": "zoo_core.interfaces.dataset",
    "EightGaussians": "zoo_plugin_data.eight_gaussians",
    "Moons": "zoo_plugin_data.moons",
    "Pinwheel": "zoo_plugin_data.pinwheel",
    "Split": "zoo_core.interfaces.dataset",
    "SwissRoll": "zoo_plugin_data.swiss_roll",
    "Torus": "zoo_plugin_data.torus",
    "load": "zoo_plugin_data.catalogue",
    "names": "zoo_plugin_data.catalogue",
    "read": "zoo_plugin_data.reading",
}

if TYPE_CHECKING:
    from zoo_core.interfaces.dataset import Dataset as Dataset
    from zoo_core.interfaces.dataset import Split as Split
    from zoo_plugin_data.catalogue import load as load
    from zoo_plugin_data.catalogue import names as names
    from zoo_plugin_data.checkerboard import Checkerboard as Checkerboard
    from zoo_plugin_data.circles import Circles as Circles
    from zoo_plugin_data.eight_gaussians import EightGaussians as EightGaussians
    from zoo_plugin_data.moons import Moons as Moons
    from zoo_plugin_data.pinwheel import Pinwheel as Pinwheel
    from zoo_plugin_data.reading import read as read
    from zoo_plugin_data.swiss_roll import SwissRoll as SwissRoll
    from zoo_plugin_data.torus import Torus as Torus

__all__ = ["__version__", *_HOMES]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'zoo_plugin_data' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
