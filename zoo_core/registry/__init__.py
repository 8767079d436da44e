"""Names of models and architectures: listing, searching, resolving, checking.

Nothing here imports torch, pydantic, huggingface_hub or a plugin's code, but `find`, `check`
(pydantic), `create` and `architectures.resolve` (the plugin of that one name).

    list_models(pattern, ...)     ModelSummary of every model that matches
    list_architectures(pattern)   ArchitectureInfo of every architecture that matches
    info(name)                    ModelInfo or ArchitectureInfo
    find(name)                    RegisteredModel: the validated entry, ready to be loaded
    closest(name)                 the names most like a mistyped one
    check(path)                   Findings in a registry file, or in all that are in use
    create(name, **config)        an untrained model
    register(Class)               adds an architecture for this process
    architectures.resolve(name)   the class of an architecture
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from zoo_core.registry.records import ArchitectureInfo, ModelInfo, ModelSummary

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_core.interfaces.model import Model
    from zoo_core.plugins.finding import Finding
    from zoo_core.registry.registered import RegisteredModel

__all__ = [
    "ArchitectureInfo",
    "ModelInfo",
    "ModelSummary",
    "check",
    "closest",
    "create",
    "find",
    "info",
    "list_architectures",
    "list_models",
    "register",
]


ModelClass = TypeVar("ModelClass", bound=type)


def list_models(
    pattern: str = "*",
    *,
    provides: str | type | None = None,
    tag: str | None = None,
    dataset: str | None = None,
    installed: bool | None = None,
) -> list[ModelSummary]:
    """List the models whose name or alias matches the wildcard pattern, sorted by name.

    `provides` is an interface or its name; `installed` keeps those that can (True) or cannot
    (False) be loaded with the plugins that are here.
    """
    raise NotImplementedError


def list_architectures(
    pattern: str = "*", *, provides: str | type | None = None, installed: bool | None = None
) -> list[ArchitectureInfo]:
    """List the architectures whose name matches the wildcard pattern, sorted by name."""
    raise NotImplementedError


def info(name: str) -> ModelInfo | ArchitectureInfo:
    """Give all that the registry says of a model (by name or alias) or of an architecture.

    Raises UnknownNameError with the closest names.
    """
    raise NotImplementedError


def find(name: str) -> RegisteredModel:
    """Give the validated entry of a model, by name or alias.

    Raises UnknownNameError with the closest names, PluginMissingError with the `pip install`
    command, PluginError where the plugin is installed but not ok, RegistryFileError where the
    entry breaks the schema.
    """
    raise NotImplementedError


def closest(name: str, n: int = 3) -> list[str]:
    """Give up to n names of models and architectures that are most like this one."""
    raise NotImplementedError


def check(path: str | Path | None = None) -> list[Finding]:
    """Validate one registry file, or every file in use, strictly; an empty list means valid."""
    raise NotImplementedError


def create(name: str, *, seed: int = 0, **config: Any) -> Model:
    """Build an untrained model of an architecture from its configuration's fields."""
    raise NotImplementedError


def register(model: ModelClass) -> ModelClass:
    """Add an architecture for this process; usable as a decorator."""
    raise NotImplementedError
