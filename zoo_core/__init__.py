"""The zoo's public face: every name is loaded when it is first used.

    >>> import zoo_core as zoo
    >>> model = zoo.load("flows/nsf-moons")
    >>> model.sample(3, rng=zoo.rng(0)).shape
    torch.Size([3, 2])

Importing this module imports neither torch nor any plugin.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
API_VERSION = 0
"""Version of the plugin API. A plugin states the one it was written for in its registry file."""

_HOMES = {
    "zoo_core.errors": ("ZooError",),
    "zoo_core.config": ("Config",),
    "zoo_core.interfaces.part": ("Part", "Provides"),
    "zoo_core.interfaces.space": ("Space",),
    "zoo_core.interfaces.ragged": ("Ragged",),
    "zoo_core.interfaces.tokenizer": ("Tokenizer",),
    "zoo_core.interfaces.context": ("Context", "ContextShape"),
    "zoo_core.interfaces.call": ("Call", "Observed"),
    "zoo_core.interfaces.batch": ("Batch",),
    "zoo_core.interfaces.fitting": ("FitReport",),
    "zoo_core.interfaces.objective": ("Objective",),
    "zoo_core.interfaces.model": ("Model",),
    "zoo_core.interfaces.generator": ("Generator",),
    "zoo_core.interfaces.density": ("Density", "DensityKind", "DensityModel", "Measure"),
    "zoo_core.interfaces.conditioner": ("Conditioner",),
    "zoo_core.interfaces.reparameterized": ("Reparameterized",),
    "zoo_core.interfaces.sufficient_statistics": ("Stats", "SufficientStatistics"),
    "zoo_core.interfaces.state_model": ("StateModel",),
    "zoo_core.interfaces.next_token": ("NextToken",),
    "zoo_core.interfaces.noise": ("Noise",),
    "zoo_core.interfaces.prediction": ("Prediction",),
    "zoo_core.interfaces.denoiser": ("Denoiser",),
    "zoo_core.interfaces.guidance": ("ClassifierFree", "Guidance"),
    "zoo_core.interfaces.matcher": ("Matcher",),
    "zoo_core.interfaces.energy": ("Energy",),
    "zoo_core.interfaces.latent": ("Latent", "Posterior"),
    "zoo_core.interfaces.classifier": ("Classifier",),
    "zoo_core.interfaces.joint": ("JointModel",),
    "zoo_core.interfaces.conditionable": ("Conditionable",),
    "zoo_core.interfaces.wrapped": ("wrap",),
    "zoo_core.interfaces.randomness": ("child_rng", "rng"),
    "zoo_core.hooks": ("hookimpl",),
    "zoo_core.registry": ("create", "info", "list_models", "register"),
    "zoo_core.loading": ("load", "pull"),
    "zoo_core.publishing": ("push", "save"),
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names}

if TYPE_CHECKING:
    from zoo_core.config import Config as Config
    from zoo_core.errors import ZooError as ZooError
    from zoo_core.hooks import hookimpl as hookimpl
    from zoo_core.interfaces.batch import Batch as Batch
    from zoo_core.interfaces.call import Call as Call
    from zoo_core.interfaces.call import Observed as Observed
    from zoo_core.interfaces.classifier import Classifier as Classifier
    from zoo_core.interfaces.conditionable import Conditionable as Conditionable
    from zoo_core.interfaces.conditioner import Conditioner as Conditioner
    from zoo_core.interfaces.context import Context as Context
    from zoo_core.interfaces.context import ContextShape as ContextShape
    from zoo_core.interfaces.denoiser import Denoiser as Denoiser
    from zoo_core.interfaces.density import Density as Density
    from zoo_core.interfaces.density import DensityKind as DensityKind
    from zoo_core.interfaces.density import DensityModel as DensityModel
    from zoo_core.interfaces.density import Measure as Measure
    from zoo_core.interfaces.energy import Energy as Energy
    from zoo_core.interfaces.fitting import FitReport as FitReport
    from zoo_core.interfaces.generator import Generator as Generator
    from zoo_core.interfaces.guidance import ClassifierFree as ClassifierFree
    from zoo_core.interfaces.guidance import Guidance as Guidance
    from zoo_core.interfaces.joint import JointModel as JointModel
    from zoo_core.interfaces.latent import Latent as Latent
    from zoo_core.interfaces.latent import Posterior as Posterior
    from zoo_core.interfaces.matcher import Matcher as Matcher
    from zoo_core.interfaces.model import Model as Model
    from zoo_core.interfaces.next_token import NextToken as NextToken
    from zoo_core.interfaces.noise import Noise as Noise
    from zoo_core.interfaces.objective import Objective as Objective
    from zoo_core.interfaces.part import Part as Part
    from zoo_core.interfaces.part import Provides as Provides
    from zoo_core.interfaces.prediction import Prediction as Prediction
    from zoo_core.interfaces.ragged import Ragged as Ragged
    from zoo_core.interfaces.randomness import child_rng as child_rng
    from zoo_core.interfaces.randomness import rng as rng
    from zoo_core.interfaces.reparameterized import Reparameterized as Reparameterized
    from zoo_core.interfaces.space import Space as Space
    from zoo_core.interfaces.state_model import StateModel as StateModel
    from zoo_core.interfaces.sufficient_statistics import Stats as Stats
    from zoo_core.interfaces.sufficient_statistics import (
        SufficientStatistics as SufficientStatistics,
    )
    from zoo_core.interfaces.tokenizer import Tokenizer as Tokenizer
    from zoo_core.interfaces.wrapped import wrap as wrap
    from zoo_core.loading import load as load
    from zoo_core.loading import pull as pull
    from zoo_core.publishing import push as push
    from zoo_core.publishing import save as save
    from zoo_core.registry import create as create
    from zoo_core.registry import info as info
    from zoo_core.registry import list_models as list_models
    from zoo_core.registry import register as register

__all__ = ["API_VERSION", "__version__", *_HOME_OF]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'zoo_core' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
