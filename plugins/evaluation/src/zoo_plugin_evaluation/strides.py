"""How texts are read that may be longer than a model's window."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from zoo_core.config import FrozenDict
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.model import Model, provided
from zoo_core.interfaces.next_token import NextToken
from zoo_core.interfaces.ragged import Ragged
from zoo_plugin_evaluation.options import EvaluationOptions

STRIDE = "stride"
"""The option of a model by which windows over a long text advance."""


def window_of(model: Model) -> int | None:
    """Give how many codes a sequence has at most; None without a limit."""
    return model.window if provided(model, NextToken) else None


def lengths_within(model: Model, rows: Ragged) -> Tensor:
    """Give the lengths of rows, those of long ones cut to the model's window: samples' lengths."""
    window = window_of(model)
    return rows.lengths if window is None else rows.lengths.clamp(max=window)


def usual_stride(window: int) -> int:
    """Give the stride that is taken where none is asked for: half of the window."""
    return max(1, window // 2)


def with_stride(model: Model, options: EvaluationOptions) -> EvaluationOptions:
    """Let a model that can read long sequences in windows do so, whether there are any or not."""
    window, given = window_of(model), options.log_prob
    if window is None or STRIDE in given or not _strides(model):
        return options
    fields = FrozenDict({**given, STRIDE: usual_stride(window)})
    return options.model_copy(update={"log_prob": fields})


def _strides(model: Model) -> bool:
    return isinstance(model, DensityModel) and STRIDE in model.LogProbOptions.model_fields


def text_settings(model: Model) -> dict[str, Any]:
    """Say what figures of text depend on beside the options: tokenizer and window."""
    if model.space.tokenizer is None:
        return {}
    window = window_of(model)
    named = {"tokenizer": model.space.tokenizer.name}
    return named if window is None else {**named, "window": window}
