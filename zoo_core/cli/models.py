"""Loading of a model for a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from zoo_core.interfaces.model import Model


def load_on(ref: str, device: str | None) -> Model:
    """Load a model on a device. Raises ZooError, or BadParameter for no such device."""
    from zoo_core.loading import load

    if device is None:
        return load(ref)
    import torch

    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).split("\n", 1)[0]
        raise click.BadParameter(f"{device!r}: {reason}", param_hint="--device") from None
    return load(ref, device=device)
