"""The untrained model of a recipe, or the trained one that it goes on from."""

from __future__ import annotations

from typing import Any

import torch

from zoo_core.conditioners.label import Label
from zoo_core.config import thaw
from zoo_core.errors import ConditionError, ConfigError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.joint import JointModel
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.part import Part
from zoo_core.loading import load
from zoo_core.registry.architectures import resolve
from zoo_plugin_training.recipe import Recipe

_NAMED_CLASSES = 1000
"""So many names of classes are written into a configuration; more stay with the data."""


def build(recipe: Recipe, train: Dataset) -> Model:
    """Build the model of a recipe for its data; what the data decide is inferred from them.

    Raises ConfigError for a wrong field, ConditionError for a condition that the architecture
    does not take.
    """
    model_class = resolve(recipe.architecture)
    fields: dict[str, Any] = thaw(recipe.config)
    if "space" in model_class.Config.model_fields:
        fields.setdefault("space", train.space)
    told = bool(recipe.data.condition)
    if told and "conditioner" not in fields:
        fields["conditioner"] = _conditioner(model_class, train)
    x = train.data.x if isinstance(train.data, Batch) else train.data
    return model_class.for_data(x, seed=recipe.seed, **fields)


def build_alone(recipe: Recipe) -> Model | None:
    """Build the model of a recipe where its data decide nothing of it; None where they do."""
    model_class = resolve(recipe.architecture)
    infers = model_class._fields_for_data.__func__ is not Model._fields_for_data.__func__
    if infers or "space" in model_class.Config.model_fields or recipe.data.condition:
        return None
    return model_class.create(seed=recipe.seed, **thaw(recipe.config))


def _conditioner(model_class: type[Model], train: Dataset) -> Part:
    """Choose the core's Conditioner for a condition column: its classes, or its numbers."""
    if "conditioner" not in model_class.Config.model_fields:
        raise ConditionError(
            f"{model_class.architecture} takes no condition",
            received="--condition",
            remedy="Leave it out, or see `zoo list --architectures`.",
        )
    if train.classes:
        fields: dict[str, Any] = {"classes": len(train.classes)}
        if len(train.classes) <= _NAMED_CLASSES:
            fields["names"] = list(train.classes)
        if issubclass(model_class, JointModel) or _unknown_classes(train):
            fields["missing"] = True
        return Part("core/label", fields)
    return Part("core/vector", {"width": _width(train)})


def _unknown_classes(train: Dataset) -> bool:
    """Say whether the class of some row is unknown, −1."""
    batches = [train.data] if isinstance(train.data, Batch) else train.data
    return any(bool((torch.as_tensor(batch.condition) == -1).any()) for batch in batches)


def _width(train: Dataset) -> int:
    first = next(iter([train.data] if isinstance(train.data, Batch) else train.data))
    condition = torch.as_tensor(first.condition)
    if condition.ndim != 2 or not condition.is_floating_point():
        raise ConfigError(
            "A condition without named classes is a vector of numbers for each row",
            received=f"{condition.dtype} of shape {list(condition.shape)}",
            remedy='Say what it is: --set conditioner=\'{"architecture": "core/label", "config": '
            '{"classes": 10}}\'.',
        )
    return condition.shape[1]


def load_initial(reference: str, told: bool) -> Model:
    """Load the model that training goes on from. Raises ConditionError where conditions differ."""
    model = load(reference)
    if model.is_conditional != told:
        needs = "is told a condition" if model.is_conditional else "takes no condition"
        raise ConditionError(
            f"{reference} {needs}",
            received="--condition" if told else "no --condition",
            remedy="Leave --condition out." if told else "Name the column: --condition COLUMN.",
        )
    return model


def check_classes(model: Model, train: Dataset) -> None:
    """Raise ConditionError where the data's classes are not those that a model was trained with."""
    conditioner = model.get_submodule("conditioner") if model.is_conditional else None
    if not isinstance(conditioner, Label) or not train.classes:
        return
    names, count = conditioner.config.names, conditioner.config.classes
    if names != train.classes if names else count != len(train.classes):
        raise ConditionError(
            f"The model that training goes on from knows {count} classes"
            + (f": {', '.join(names)}" if names else ""),
            received=f"data with {len(train.classes)}: {', '.join(train.classes)}",
            remedy="Give data with those classes, or train anew without --init.",
        )
