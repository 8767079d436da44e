"""What the registry says of a model or an architecture, without any model's code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple


class ModelSummary(NamedTuple):
    """One line of `zoo list`."""

    name: str
    summary: str
    provides: tuple[str, ...]
    tags: tuple[str, ...]
    dataset: str | None
    parameters: int | None
    status: str
    architecture: str
    aliases: tuple[str, ...]
    distribution: str | None
    """Who holds it; None for an entry of the user's own files."""
    installed: bool
    """Whether the plugin of its architecture is here and ok."""
    install: str | None
    """The command that makes it usable; None where no plugin is missing."""


class ModelInfo(NamedTuple):
    """All that the registry file says of a model (`fields`, as plain data), and where it says so.

    Structurally checked only; `zoo_core.registry.find` validates and gives typed fields.
    """

    name: str
    fields: Mapping[str, Any]
    distribution: str | None
    installed: bool
    install: str | None
    """The command that makes it usable; None where no plugin is missing."""
    path: str
    line: int


class Mark(NamedTuple):
    """A file, and a key of its JSON mapping, by which a format is known."""

    file: str
    key: str


class FormatInfo(NamedTuple):
    """A format of other libraries' that a plugin reads, and the most that its models provide."""

    name: str
    summary: str
    provides: tuple[str, ...]
    marks: tuple[Mark, ...]
    namespace: str
    distribution: str | None
    installed: bool
    install: str | None
    """The command that makes it usable; None where no plugin is missing."""


class ArchitectureInfo(NamedTuple):
    """All that the registry file says of an architecture; `target` is "module:Class"."""

    name: str
    summary: str
    provides: tuple[str, ...]
    target: str
    tiny: Mapping[str, Any]
    distribution: str | None
    installed: bool
    install: str | None
    path: str
    line: int
    models: tuple[str, ...] = ()
    """Names of the pretrained models of this architecture."""
    dtypes: tuple[str, ...] = ()
    """Types of weights that it works with beside float32 and float64."""
    expected_failures: Mapping[str, str] = MappingProxyType({})
    """The conformance kit's checks that it is known not to pass, each with the reason."""
