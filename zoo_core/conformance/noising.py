"""Noising: a subject's rows at the levels of its path, and what it predicts for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from zoo_core.conformance.subject import Subject
from zoo_core.interfaces.noise import Noise
from zoo_core.interfaces.prediction import Prediction

ROWS, STEPS = 6, 5


def path_of(subject: Subject) -> list[Noise]:
    """Give the levels of a path of five steps, the clean end among them."""
    model: Any = subject.model
    return model.path(STEPS)


def noised(subject: Subject, noise: Noise) -> Tensor:
    """Give six rows of the model's space, noised, in double precision."""
    x0: Any = subject.foreign_rows(ROWS)
    eps = torch.randn(x0.shape, generator=subject.rng("noise"), dtype=torch.float64)
    return noise.add(x0.double(), eps)


def predict(model: Any, x: Tensor, noise: Noise, condition: Any) -> Prediction:
    """Denoise without gradients."""
    with torch.no_grad():
        return model.denoise(x, noise, condition=condition)


def gap(a: Tensor, b: Tensor) -> float:
    """Give the largest difference."""
    return float((a - b).abs().max())


def named(noise: Noise) -> str:
    """Say a level in words."""
    return f"alpha {float(noise.alpha):.3g}, sigma {float(noise.sigma):.3g}"
