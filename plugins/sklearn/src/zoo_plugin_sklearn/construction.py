"""Construction: an untrained model for checked rows, by an architecture's name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import numpy as np
import torch
from torch import Tensor

from zoo_core.interfaces.model import Model
from zoo_core.interfaces.space import Kind, Space
from zoo_core.registry.architectures import resolve
from zoo_plugin_sklearn import tables
from zoo_plugin_sklearn.family import Family, space_of


@final
@dataclass(frozen=True)
class Construction:
    """What is to be built: an architecture, fields of its configuration, a seed, a device."""

    architecture: str
    fields: Mapping[str, Any]
    seed: int
    device: str

    def model(self, data: Any, condition: Tensor | None, columns: np.ndarray | None) -> Model:
        """Infer what the fields leave open, and build; float64 unless the data are float32."""
        family, asked = resolve(self.architecture), Family.of(self.architecture, self.fields)
        fields = dict(self.fields)
        given = space_of(fields.get("space"))
        rows = tables.shaped(data, given) if isinstance(data, np.ndarray) else data
        open_space = given is None and "space" in family.Config.model_fields
        if open_space and not isinstance(data, np.ndarray):
            fields["space"] = tables.widened(Space.of(data), asked, None)
        elif open_space and asked.kind in (Kind.REAL, Kind.MIXED):
            fields["space"] = tables.real_space(data, columns, asked)
        model = family.for_data(rows, condition=condition, seed=self.seed, **fields)
        if open_space and "space" not in fields:
            fields["space"] = tables.widened(model.space, asked, columns)
            model = family.for_data(rows, condition=condition, seed=self.seed, **fields)
        return model.to(torch.device(self.device), tables.dtype_of(data))
