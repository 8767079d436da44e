"""What a model's card says of what it can be asked."""

from __future__ import annotations

import torch
from torch import Tensor

import zoo_core as zoo
from models.classes import GaussianClasses
from zoo_core.checkpoints.card import Card
from zoo_core.interfaces.classifier import Classifier


class Sides(Classifier):
    """Tells on which side of 0 a number lies."""

    architecture = "test/sides"

    def _space(self) -> zoo.Space:
        return zoo.Space.real(1)

    @property
    def classes(self) -> int:
        return 2

    def _log_class_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return torch.nn.functional.logsigmoid(torch.cat([-z, z], 1))


def card(model: zoo.Model) -> str:
    return Card().render(model, "test/it", ["zoo-core"])


def test_a_classifier_is_asked_for_classes_and_is_not_generative() -> None:
    text = card(Sides(Sides.Config()))
    assert "It provides Classifier." in text
    assert "model.predict_proba(x)  # p(y | x) of each class, of rows x of yours" in text
    assert "generative-model" not in text and "sample" not in text and "log_prob(x)" not in text


def test_the_lines_for_a_model_of_data_and_class_run() -> None:
    label = zoo.Part("core/label", {"classes": 2, "missing": True})
    model = GaussianClasses.create(space=zoo.Space.real(2, missing=True), conditioner=label)
    text = card(model)
    assert "It provides Generator, DensityModel, Classifier." in text
    lines = text.partition('zoo.load("test/it")\n')[2].partition("```")[0].splitlines()
    assert len(lines) == 3
    names = {"model": model, "zoo": zoo}
    for line in lines:
        exec(line, names)
    assert tuple(names["x"].shape) == (4, 2) and tuple(names["y"].shape) == (4,)
