"""Names of models and architectures: listing, searching, resolving, checking.

Nothing here imports torch, pydantic, huggingface_hub or a plugin's code, but `find` and `check`
(pydantic), `create`, `register` and `architectures.resolve` (the plugin of that one name).

    list_models(pattern, ...)     ModelSummary of every model that matches
    list_architectures(pattern)   ArchitectureInfo of every architecture that matches
    list_formats(pattern)         FormatInfo of every format of other libraries' that matches
    info(name)                    ModelInfo, ArchitectureInfo or FormatInfo
    find(name)                    RegisteredModel: the validated entry, ready to be loaded
    closest(name)                 the names most like a mistyped one
    check(path)                   Findings in a registry file, or in all that are in use
    create(name, **config)        an untrained model
    register(Class)               adds an architecture for this process
    architectures.resolve(name)   the class of an architecture
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo_core.registry.information import info
from zoo_core.registry.memory import forget, register
from zoo_core.registry.records import ArchitectureInfo, FormatInfo, Mark, ModelInfo, ModelSummary
from zoo_core.registry.search import closest, list_architectures, list_formats, list_models

if TYPE_CHECKING:
    from pathlib import Path

    from zoo_core.plugins.finding import Finding
    from zoo_core.registry.registered import RegisteredModel

__all__ = [
    "ArchitectureInfo",
    "FormatInfo",
    "Mark",
    "ModelInfo",
    "ModelSummary",
    "check",
    "closest",
    "create",
    "find",
    "forget",
    "info",
    "list_architectures",
    "list_formats",
    "list_models",
    "register",
]


def find(name: str) -> RegisteredModel:
    """Give the validated entry of a model, by name or alias.

    Raises UnknownNameError with the closest names, PluginMissingError with the `pip install`
    command, PluginError where the plugin is installed but not ok or too old, RegistryFileError
    where the entry breaks the schema.
    """
    from zoo_core.registry.lookup import find as found

    return found(name)


def check(path: str | Path | None = None, *, files: bool = False) -> list[Finding]:
    """Validate one registry file, or every file in use, strictly; an empty list means valid.

    `files` reads the bundled files too, and compares them with their sizes and hashes.
    """
    from zoo_core.registry.checking import check as checked

    return checked(path, files=files)


def create(name: str, *, seed: int = 0, **config: Any) -> Any:
    """Build an untrained Model of an architecture from its configuration's fields.

    Raises what `architectures.resolve` raises, and ConfigError for a wrong field.
    """
    from zoo_core.registry.architectures import resolve

    return resolve(name).create(seed=seed, **config)
