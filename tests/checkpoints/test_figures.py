"""How a card shows figures."""

from __future__ import annotations

import math

import pytest
import yaml

from zoo_core.checkpoints.figures import metrics_table, model_index, shown
from zoo_core.interfaces.metric import Metric


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (0.305638, 0.005244, "0.3056 ± 0.0052"),
        (1234.56, 12.3, "1235 ± 12"),
        (-0.00012, 0.00035, "-0.00012 ± 0.00035"),
        (123456.0, 2345.0, "123456 ± 2345"),
        (0.123456, None, "0.1235"),
        (1.0, 0.0, "1"),
        (1.5, math.nan, "1.5"),
    ],
)
def test_digits_are_those_that_the_error_lets_tell(
    value: float, error: float | None, text: str
) -> None:
    assert shown(value, error) == text


def test_the_index_holds_all_that_is_known_as_plain_data() -> None:
    metric = Metric("coverage (pixels)", 0.9, 0.01, n=450, protocol="a | b", settings={"k": 5})
    (index,) = yaml.safe_load(yaml.safe_dump(model_index("A flow", None, [metric])))
    (result,) = index["results"]
    assert result["dataset"]["name"] == "unknown"
    (entry,) = result["metrics"]
    assert (entry["name"], entry["value"]) == ("coverage (pixels)", 0.9)
    assert entry["args"] == {
        "standard_error": 0.01,
        "n": 450,
        "protocol": "a | b",
        "settings": {"k": 5},
    }
    row = metrics_table([metric]).splitlines()[-1]
    assert row.count("|") == 7


def test_figures_of_classes_are_of_another_task() -> None:
    metrics = [Metric("NLL", 1.0, kind="exact"), Metric("accuracy", 0.9)]
    (index,) = model_index("A classifier", "iris", metrics)
    tasks = [result["task"]["type"] for result in index["results"]]
    assert tasks == ["density-estimation", "classification"]


def test_settings_are_frozen_and_metrics_equal_by_value() -> None:
    first, second = (Metric("x", 1.0, settings={"k": [1, 2]}) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    assert first.fields() == {"name": "x", "value": 1.0, "split": "test", "settings": {"k": [1, 2]}}
