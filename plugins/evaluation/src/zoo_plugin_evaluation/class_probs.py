"""The probabilities that a classifier gives to the classes of rows whose class is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from zoo_core.conditioners.label import Label
from zoo_core.errors import UnsupportedError
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.dataset import Dataset
from zoo_core.interfaces.model import Model
from zoo_plugin_evaluation.batches import batches_of, weight_of
from zoo_plugin_evaluation.conditions import known
from zoo_plugin_evaluation.options import EvaluationOptions
from zoo_plugin_evaluation.scores import evaluating


@final
@dataclass(frozen=True, eq=False)
class ClassProbs:
    """log q(y | x) of rows of a known class, in float64 on the CPU; their classes and weights."""

    log_probs: Float[Tensor, "n classes"]
    classes: Int64[Tensor, " n"]
    weight: Float[Tensor, " n"]


def class_probs(model: Model, dataset: Dataset, options: EvaluationOptions) -> ClassProbs:
    """Classify every row of a data set whose class is known, batch by batch.

    The model is never told a class. Raises UnsupportedError for a model that is no classifier,
    and for data without classes.
    """
    classifier = _classifier(model)
    log_probs, classes, weights = [], [], []
    with evaluating(model):
        for batch in batches_of(dataset, options.batch_size):
            codes = _codes(classifier, dataset, batch.condition)
            at = codes >= 0
            if bool(at.any()):
                rows = batch.take(at.nonzero()[:, 0])
                each = classifier.log_class_prob(rows.x.to(model.device))
                log_probs.append(each.cpu().double())
                classes.append(codes[at])
                weights.append(weight_of(rows))
    if not classes:
        raise _unlabelled(dataset)
    return ClassProbs(torch.cat(log_probs), torch.cat(classes), torch.cat(weights))


def _classifier(model: Model) -> Classifier:
    if not isinstance(model, Classifier) or Classifier not in model.provides:
        raise UnsupportedError(
            f"{model.architecture} tells no classes", remedy="Ask for a figure of its likelihood."
        )
    return model


def _codes(model: Classifier, dataset: Dataset, condition: object) -> Tensor:
    """Give the class of each row by the model's numbers, −1 where nobody knows it."""
    if condition is None:
        raise _unlabelled(dataset)
    codes = torch.as_tensor(_by_name(model, dataset, condition))
    whole = codes.ndim == 1 and not codes.is_floating_point()
    if not whole or int(codes.max()) >= model.classes:
        raise UnsupportedError(
            f"The rows of {dataset.name} are of the {model.classes} classes that the model tells",
            received=f"classes up to {int(codes.max())}" if whole else "a condition of numbers",
            remedy="Name the column of classes (--condition COLUMN).",
        )
    return codes.cpu()


def _by_name(model: Classifier, dataset: Dataset, condition: object) -> object:
    if isinstance(model._modules.get("conditioner"), Label):
        return known(model, dataset, condition)
    return condition


def _unlabelled(dataset: Dataset) -> UnsupportedError:
    return UnsupportedError(
        f"The rows of {dataset.name} have classes that a classifier can be measured by",
        received="rows without one",
        remedy="Name the column of classes (--condition COLUMN).",
    )
