"""The conditions of a data set's rows, as a model takes them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.conditioners.label import Label
from zoo_core.errors import ConditionError
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.model import Model
from zoo_plugin_evaluation.likelihood import Likelihood


def told(model: Model, dataset: Dataset, condition: Any, likelihood: Likelihood) -> Any:
    """Give what a model is told of rows whose condition in the data is `condition`.

    None for a model that takes none, has it bound, or is asked for p(x). Raises what `known`
    raises.
    """
    if not model.is_conditional or model.is_given or likelihood is Likelihood.MARGINAL:
        return None
    return known(model, dataset, condition)


def known(model: Model, dataset: Dataset, condition: Any) -> Any:
    """Give the conditions of rows by the model's numbers.

    Labels go by their names where the model and the data both name them, since each may number
    them in another order. Raises ConditionError where the data have no condition, or a class that
    the model doesn't know.
    """
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
    used = [dataset.classes[code] for code in codes.unique().tolist() if code >= 0]
    unknown = [name for name in used if name not in numbers]
    if unknown:
        raise ConditionError(
            f"The classes of {dataset.name} are among the model's: {', '.join(names)}",
            received=unknown[0],
            remedy="Leave such rows out.",
        )
    # The last entry is that of −1, a class that nobody knows.
    table = torch.tensor([*(numbers.get(name, -1) for name in dataset.classes), -1])
    return table[codes]
