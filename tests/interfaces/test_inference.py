"""Inference: conditioners from what people hold as labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from zoo_core.conditioners.label import Label
from zoo_core.errors import ConditionError, DataError
from zoo_core.interfaces.inference import conditioner_for

_AB = {"classes": 2, "names": ("a", "b")}
_UNKNOWN = {"missing": True}


@pytest.mark.parametrize(
    ("labels", "config"),
    [
        ([0, 2, 1], {"classes": 3}),
        ([True, False], {"classes": 2}),
        ([0, None, 1], {"classes": 2, **_UNKNOWN}),
        (torch.tensor([1, -1]), {"classes": 2, **_UNKNOWN}),
        (np.array([1.0, np.nan]), {"classes": 2, **_UNKNOWN}),
        (["b", "a", "b"], _AB),
        (("b", None, "a"), {**_AB, **_UNKNOWN}),
        (np.array(["b", "a"]), _AB),
        (np.array(["b", "a", None, np.nan], dtype=object), {**_AB, **_UNKNOWN}),
        (pd.Series(["b", "a"]), _AB),
        (pd.Series(["b", "a", pd.NA], dtype="string"), {**_AB, **_UNKNOWN}),
        (pd.Series(["b", "a", None], dtype="category"), {**_AB, **_UNKNOWN}),
        (pd.Categorical(["b", "a"]), _AB),
        (pd.Series([1, pd.NA], dtype="Int64"), {"classes": 2, **_UNKNOWN}),
    ],
    ids=str,
)
def test_labels_become_classes(labels: Any, config: dict[str, Any]) -> None:
    part = conditioner_for(labels)
    assert part.architecture == "core/label"
    assert part.config == config
    codes = Label.create(**part.config).prepare(labels)["label"]
    assert len(codes) == len(labels)
    assert (codes < 0).any() == config.get("missing", False)


@pytest.mark.parametrize(
    "labels", [[-1, -1], ["a", 1], [0.5, 1.0], [None, None], 3, np.zeros((2, 2, 2)), [[1, 2], [3]]]
)
def test_what_is_no_label_is_refused(labels: Any) -> None:
    with pytest.raises(DataError):
        conditioner_for(labels)


def test_vectors_become_vectors() -> None:
    assert conditioner_for(np.zeros((5, 3))).config == {"width": 3}


def test_names_are_told_alone_and_in_columns() -> None:
    label = Label.create(classes=2, names=("a", "b"), missing=True)
    assert label.prepare("b")["label"].tolist() == [1]
    for many in (["b", None, 0], np.array(["b", None, 0], dtype=object), ["b", np.nan, "a"]):
        assert label.prepare(many)["label"].tolist() == [1, -1, 0]
    for wrong in ("c", ["a", "c"], [None, 2], np.array(["c"]), pd.Series(["a", "c"])):
        with pytest.raises(ConditionError):
            label.prepare(wrong)


def test_nobody_knows_a_class_only_where_that_is_said() -> None:
    label = Label.create(classes=2)
    for wrong in ([0, -1], [0, None], np.array([0.0, np.nan])):
        with pytest.raises(ConditionError, match="missing=True"):
            label.prepare(wrong)


def test_an_unknown_class_has_the_null_context() -> None:
    for width in (None, 4):
        label = Label.create(classes=3, width=width, missing=True)
        context = label.context([1, -1]).as_vector()
        assert torch.equal(context[1:], label.null.as_vector())
        assert torch.equal(context[:1], label.context(1).as_vector())
        assert context[0].abs().sum() > 0
