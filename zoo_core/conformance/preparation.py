"""Preparation: from a tiny configuration to a model that is away from its initial state."""

from __future__ import annotations

from typing import Any

import torch

from zoo_core.conformance.draws import condition_space, draw, draw_told
from zoo_core.errors import ConformanceError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.model import Model

_ROWS, _STEPS, _RATE = 128, 40, 0.02


def prepared(model_class: type[Model], fields: dict[str, Any], *, seed: int = 0) -> Model:
    """Build a model and train it a little, since a new one may be the identity.

    A dropped log-determinant or an ignored condition doesn't show in a flow that begins as the
    identity or a head that begins at zero. A model with a fit of its own is fitted; one that
    leaves it to a trainer takes some of Adam's steps on its loss here, so that the kit needs
    none; one that has no loss stays as it was built. Raises ConformanceError for weights that
    are then no numbers.
    """
    model = model_class.create(seed=seed, **fields)
    rng = torch.Generator().manual_seed(seed)
    x = draw(model.space, _ROWS, rng)
    told = condition_space(model)
    condition = None if told is None else draw_told(told, _ROWS, rng)
    if type(model)._fit is not Model._fit:
        model.fit(x, condition=condition, rng=rng)
    elif type(model)._loss is not Model._loss:
        _walk(model, x, condition, rng)
    _require_finite(model)
    return model.eval()


def _require_finite(model: Model) -> None:
    """Refuse weights that are no numbers, with which a sampler may go on for ever."""
    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and bool(tensor.isnan().any()):
            raise ConformanceError(
                "A little training leaves every weight a number",
                received=f"NaN in {name}",
                remedy="Look for a gradient that is NaN: of a root, norm or logarithm at zero.",
            )


def _walk(model: Model, x: Any, condition: Any, rng: torch.Generator) -> None:
    batch = Batch(x, None if condition is None else model._codes_of(condition, _ROWS))
    model.fit_preprocessing(batch, rng)
    model.train()
    for objective in model.objectives:
        named = model.named_parameters()
        trained = [p for n, p in named if objective.trains(n) and p.requires_grad]
        if not trained:
            continue
        optimizer = torch.optim.Adam(trained, lr=_RATE)
        for _ in range(_STEPS):
            optimizer.zero_grad()
            model.loss(batch, objective=objective.name, rng=rng).mean().backward()
            optimizer.step()
    for parameter in model.parameters():
        parameter.grad = None
