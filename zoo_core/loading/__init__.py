"""A model by reference: a registry's name, a repository on the Hub, or a folder."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

from zoo_core.errors import OptionError
from zoo_core.loading.located import Located
from zoo_core.loading.locating import locate

if TYPE_CHECKING:
    import torch

__all__ = ["Located", "load", "locate", "pull"]


def load(
    ref: str | PathLike[str],
    *,
    device: torch.device | str | None = None,
    dtype: torch.dtype | None = None,
) -> Any:
    """Load a Model, ready to use, its bytes verified.

    Which interfaces it provides is known when it is there (`model.provides`), hence the type Any.

    `ref` is a registry's name (`flows/nsf-digits`), `hf://owner/repo@revision`, `file://…`, a
    path with a slash or a dot in front, or a reference of a plugin's scheme; a bare name never
    means a folder or somebody's repository. Repositories and folders may be in another library's
    format that an installed plugin reads. `device` and the floating `dtype` are applied a tensor
    at a time.

    Raises UnknownNameError, PluginMissingError, CheckpointError's children for files that aren't
    right, HubError's for what the Hub refuses.
    """
    if dtype is not None and not dtype.is_floating_point:
        raise OptionError("`dtype` is a floating dtype", received=dtype)
    return locate(ref).open(device=device, dtype=dtype)


def pull(ref: str | PathLike[str]) -> Located:
    """Bring a model's files to this machine and verify them, without building the model.

    Gives where they are, and the pin: the reference that will always mean these very bytes.
    Raises what `load` raises for files.
    """
    located = locate(ref)
    located.verify()
    return located
