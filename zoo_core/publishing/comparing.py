"""Is a model that was saved and loaded still the same?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from zoo_core.checkpoints.slots import slots
from zoo_core.errors import IntegrityError
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import Model, provided
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.randomness import rng

_ROWS = 4


def compare(model: Model, loaded: Model) -> None:
    """Compare tensors bit for bit, then samples and log-likelihoods at a fixed generator.

    Samples may differ by rounding, since a tensor's layout in memory isn't saved. Raises
    IntegrityError.
    """
    ours, theirs = slots(model), slots(loaded)
    for name, slot in ours.items():
        if name not in theirs or not _same_bits(slot.tensor, theirs[name].tensor):
            raise _different(f"the tensor {name}")
    with _in_eval(model), _in_eval(loaded):
        condition = _condition(model)
        if model.is_conditional and condition is None:
            return
        x = _compare_samples(model, loaded, condition)
        if x is not None and provided(model, DensityModel) and provided(loaded, DensityModel):
            score = model.log_prob(x, condition=condition, rng=rng(1, model.device))
            again = loaded.log_prob(x, condition=condition, rng=rng(1, model.device))
            _close(score, again, "log_prob")


def _compare_samples(model: Model, loaded: Model, condition: object) -> Tensor | Ragged | None:
    if not provided(model, Generator) or not provided(loaded, Generator):
        return None
    ours = model.sample(_ROWS, condition=condition, rng=rng(0, model.device))
    theirs = loaded.sample(_ROWS, condition=condition, rng=rng(0, model.device))
    for a, b in zip(_tensors(ours), _tensors(theirs), strict=True):
        _close(a, b, "samples")
    return ours


def _tensors(x: Tensor | Ragged) -> tuple[Tensor, ...]:
    return (x.lengths, x.values) if isinstance(x, Ragged) else (x,)


def _condition(model: Model) -> Tensor | None:
    """Make conditions of zeros, where the conditioner takes numbers; None elsewhere."""
    conditioner = model._modules.get("conditioner")
    if not isinstance(conditioner, Conditioner) or conditioner.space.ragged:
        return None
    space = conditioner.space
    dtype = torch.long if space.kind.discrete else model.dtype
    return torch.zeros(_ROWS, *space.shape, dtype=dtype, device=model.device)


def _same_bits(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    raw = [t.detach().contiguous().reshape(-1).view(torch.uint8) for t in (a, b)]
    return torch.equal(*raw)


def _close(a: Tensor, b: Tensor, what: str) -> None:
    same = torch.equal(a, b) if not a.is_floating_point() else None
    if same is None:
        same = torch.allclose(a.double(), b.double(), rtol=1e-3, atol=1e-4, equal_nan=True)
    if not same:
        raise _different(what)


def _different(what: str) -> IntegrityError:
    return IntegrityError(
        "A model that was saved and loaded is the same model",
        received=f"another value of {what}; nothing was uploaded",
        remedy="State that _build can't compute from the configuration is a persistent buffer.",
    )


@contextmanager
def _in_eval(model: Model) -> Iterator[None]:
    training = [module for module in model.modules() if module.training]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module in training:
            module.training = True
