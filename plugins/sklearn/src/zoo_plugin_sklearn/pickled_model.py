"""PickledModel: a model within an estimator's pickle, as a checkpoint holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, final

import torch
from safetensors.torch import load as read_tensors
from safetensors.torch import save as write_tensors

from zoo_core.checkpoints.slots import slots
from zoo_core.errors import TensorError
from zoo_core.interfaces.model import Model
from zoo_core.registry.architectures import resolve


@final
@dataclass(frozen=True)
class PickledModel:
    """An architecture's name, its configuration as JSON data, and its tensors as safetensors.

    The pickle names neither a model's class nor its module: the registry finds it again.
    """

    architecture: str
    config: Mapping[str, Any]
    tensors: bytes

    @classmethod
    def of(cls, model: Model) -> Self:
        """Take what a model is; from any device."""
        kept = {
            name: slot.tensor.detach().cpu().contiguous() for name, slot in slots(model).items()
        }
        return cls(model.architecture, model.config.to_json(), write_tensors(kept))

    def model(self) -> Model:
        """Build the model again, on the CPU.

        Raises PluginMissingError with what to install, TensorError for another plugin's version
        whose model has other tensors.
        """
        family = resolve(self.architecture)
        model = family(family.Config.parse(self.config))
        found, held = slots(model), read_tensors(self.tensors)
        same = found.keys() == held.keys() and all(
            found[name].tensor.shape == held[name].shape for name in held
        )
        if not same:
            raise TensorError(
                f"A pickled {self.architecture} has the tensors of the installed plugin's model",
                received=f"{', '.join(sorted(held))} for {', '.join(sorted(found))}",
                remedy="Fit it again, or install the plugin's version that it was fitted by.",
            )
        with torch.no_grad():
            for name, slot in found.items():
                slot.fill(held[name])
        return model.eval()
