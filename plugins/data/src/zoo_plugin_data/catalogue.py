"""The data sets of this plugin, by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import partial

from zoo_core.errors import DataError, UnknownNameError
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_plugin_data.checkerboard import Checkerboard
from zoo_plugin_data.circles import Circles
from zoo_plugin_data.classic_tables import BREAST_CANCER, DIABETES, IRIS, WINE, load_table
from zoo_plugin_data.digits import load_binary_digits, load_digits
from zoo_plugin_data.earthquakes import load_earthquakes
from zoo_plugin_data.eight_gaussians import EightGaussians
from zoo_plugin_data.inliers import INLIERS, load_inliers
from zoo_plugin_data.moons import Moons
from zoo_plugin_data.penguins import load_penguins
from zoo_plugin_data.photo_patches import load_photo_patches
from zoo_plugin_data.pinwheel import Pinwheel
from zoo_plugin_data.pydoc_letters import load_pydoc_letters
from zoo_plugin_data.pydoc_topics import load_pydoc_topics
from zoo_plugin_data.swiss_roll import SwissRoll
from zoo_plugin_data.torus import Torus
from zoo_plugin_data.toy_data import load_toy

LOADERS: Mapping[str, Callable[[Split], Dataset]] = {
    "binary-digits": load_binary_digits,
    "breast-cancer": partial(load_table, BREAST_CANCER),
    "checkerboard": partial(load_toy, Checkerboard),
    "circles": partial(load_toy, Circles),
    "diabetes": partial(load_table, DIABETES),
    "digits": load_digits,
    "earthquakes": load_earthquakes,
    "eight-gaussians": partial(load_toy, EightGaussians),
    "iris": partial(load_table, IRIS),
    "moons": partial(load_toy, Moons),
    "penguins": load_penguins,
    "photo-patches": load_photo_patches,
    "pinwheel": partial(load_toy, Pinwheel),
    "pydoc-letters": load_pydoc_letters,
    "pydoc-topics": load_pydoc_topics,
    "swiss-roll": partial(load_toy, SwissRoll),
    "torus": partial(load_toy, Torus),
    "wine": partial(load_table, WINE),
    **{name: partial(load_inliers, name) for name in INLIERS},
}


def names() -> list[str]:
    """List the data sets' names."""
    return sorted(LOADERS)


def load(name: str, split: Split | str = Split.TRAIN) -> Dataset:
    """Load one split of a data set: `train`, `valid`, `test`, or `all`.

    Splits are fixed. Raises UnknownNameError for another name, DataError for another split.
    """
    if name not in LOADERS:
        near = difflib.get_close_matches(name, names(), n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"There are {', '.join(names())}."
        raise UnknownNameError("No data set has this name", received=repr(name), remedy=remedy)
    if split not in [*Split]:
        raise DataError(f"A split is one of {', '.join(Split)}", received=repr(split))
    return LOADERS[name](Split(split))
