"""The conditions of a data set's rows, as a model takes them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.conditioners.label import Label
from zoo_core.errors import ConditionError
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.model import Model


def told(model: Model, dataset: Dataset, condition: Any) -> Any:
    """Give what a model is told of rows whose condition in the data is `condition`.

    None for a model that takes none, or has it bound. Labels go by their names where the model
    and the data both name them, since each may number them in another order. Raises
    ConditionError where the data have no condition, or a class that the model doesn't know.
    """
    if not model.is_conditional or model.is_given:
        return None
    if condition is None:
        raise ConditionError(
            f"{model.architecture} is told a condition, and {dataset.name} has one for each row",
            received="data without conditions",
            remedy="Name it (--condition COLUMN), or bind one: model.given(condition).",
        )
    conditioner = model.get_submodule("conditioner")
    names = conditioner.config.names if isinstance(conditioner, Label) else None
    if names is None or not dataset.classes or names == dataset.classes:
        return condition
    return _renumbered(condition, dataset, names)


def _renumbered(codes: Tensor, dataset: Dataset, names: tuple[str, ...]) -> Tensor:
    numbers = {name: number for number, name in enumerate(names)}
    used = [dataset.classes[code] for code in codes.unique().tolist()]
    unknown = [name for name in used if name not in numbers]
    if unknown:
        raise ConditionError(
            f"The classes of {dataset.name} are among the model's: {', '.join(names)}",
            received=unknown[0],
            remedy="Leave such rows out.",
        )
    table = torch.tensor([numbers.get(name, -1) for name in dataset.classes])
    return table[codes]
