"""What tests of files and Hubs put in the registry's place: four small architectures."""

from __future__ import annotations

from collections.abc import Iterable

import zoo_core as zoo
from models.bound import LinearVAE
from models.energy import QuarticEnergy
from models.gaussian import Gaussian
from models.markov import GaussianChain
from zoo_core import publishing
from zoo_core.conditioners.label import Label
from zoo_core.errors import UnknownNameError
from zoo_core.interfaces import late
from zoo_core.interfaces.model import Model
from zoo_core.publishing import entry

CLASSES: tuple[type[Model], ...] = (Gaussian, LinearVAE, QuarticEnergy, GaussianChain, Label)
KNOWN = {part.architecture: part for part in CLASSES}


def architecture(name: str) -> type[Model]:
    """Resolve as the registry does."""
    if name not in KNOWN:
        raise UnknownNameError(f"No architecture is called {name}")
    return KNOWN[name]


def versions(architectures: Iterable[str]) -> dict[str, str]:
    """Say which plugins hold them."""
    return {"zoo-plugin-test": "1.0"} if list(architectures) else {}


def install() -> None:
    """Put them in place, for good: for processes of their own."""
    late.architecture = architecture
    publishing.versions = versions
    entry.versions = versions


def models() -> dict[str, Model]:
    """Make one model of each shape, with weights that no default gives."""
    label = zoo.Part("core/label", {"classes": 3, "width": 2})
    return {
        "gaussian": Gaussian.create(space=zoo.Space.real(3), seed=1),
        "told": Gaussian.create(space=zoo.Space.real(2), conditioner=label, seed=2),
        "vae": LinearVAE.create(space=zoo.Space.real(5), seed=3),
        "energy": QuarticEnergy.create(space=zoo.Space.real(4), seed=4),
        "chain": GaussianChain.create(space=zoo.Space.real(ragged=True, missing=True), seed=5),
    }
