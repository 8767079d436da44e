"""The full schema of a registry file, as strict pydantic models.

What is needed for listing is checked without it; an entry is validated when it is used.
"""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, final

import pydantic

from zoo_core.registry.spdx import is_license

_WORD = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_PYTHON = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*"
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{d}{i}" for d in ("com", "lpt") for i in range(1, 10)}


def _safe_file(name: str) -> str:
    """Refuse what could leave a folder, or means something else on another system."""
    parts = name.split("/")
    ordinary = re.fullmatch(r"[A-Za-z0-9._/+\- ]{1,255}", name)
    devices = any(part.partition(".")[0].lower() in _DEVICES for part in parts)
    if not ordinary or devices or any(p in ("", ".", "..") or p[-1] in ". " for p in parts):
        raise ValueError(
            "a file's name is relative, with / between folders, and has no .., \\, : or control"
        )
    return name


def _license(name: str) -> str:
    if not is_license(name):
        raise ValueError("a license is an SPDX expression such as Apache-2.0 or CC-BY-4.0")
    return name


def _bibtex(text: str) -> str:
    if not re.match(r"\s*@\w+\s*\{", text) or text.count("{") != text.count("}"):
        raise ValueError("a citation is BibTeX: @article{key, …}")
    return text


Line = Annotated[
    str, pydantic.StringConstraints(min_length=1, max_length=300, pattern=r"^[^\n\r]*$")
]
Name = Annotated[str, pydantic.StringConstraints(pattern=rf"^{_WORD}/{_WORD}$", max_length=100)]
Namespace = Annotated[str, pydantic.StringConstraints(pattern=rf"^{_WORD}$", max_length=50)]
Tag = Annotated[str, pydantic.StringConstraints(pattern=rf"^{_WORD}$", max_length=50)]
Target = Annotated[str, pydantic.StringConstraints(pattern=rf"^{_PYTHON}:{_PYTHON}$")]
Module = Annotated[str, pydantic.StringConstraints(pattern=rf"^{_PYTHON}$")]
Distribution = Annotated[
    str, pydantic.StringConstraints(pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$")
]
Requirement = Annotated[
    str,
    pydantic.StringConstraints(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]* *"
        r"(?:(?:[<>=!~]=|[<>]) *[0-9][0-9A-Za-z.*+!]*(?: *, *|$))*$"
    ),
]
Sha256 = Annotated[str, pydantic.StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Revision = Annotated[str, pydantic.StringConstraints(pattern=r"^[0-9a-f]{40}$")]
Repository = Annotated[
    str,
    pydantic.StringConstraints(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$"
    ),
]
Url = Annotated[str, pydantic.StringConstraints(pattern=r"^https?://[^\s]+$")]
FileName = Annotated[str, pydantic.AfterValidator(_safe_file)]
License = Annotated[str, pydantic.AfterValidator(_license)]
Citation = Annotated[str, pydantic.AfterValidator(_bibtex)]
Interface = Annotated[str, pydantic.StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]*$")]


class _Strict(pydantic.BaseModel):
    """Unknown keys and wrong types are refused; nothing is converted."""

    model_config = pydantic.ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=False
    )


@final
class Status(StrEnum):
    """How far a model can be relied on."""

    STABLE = "stable"
    EXPERIMENTAL = "experimental"
    DEPRECATED = "deprecated"


@final
class Kind(StrEnum):
    """What a figure is of the quantity that it is a figure of."""

    EXACT = "exact"
    LOWER_BOUND = "lower-bound"
    ESTIMATE = "estimate"
    UNNORMALIZED = "unnormalized"


@final
class MeasureName(StrEnum):
    """What a likelihood is a density against."""

    DENSITY = "density"
    MASS = "mass"
    MIXED = "mixed"


@final
class DataType(StrEnum):
    """The type of a model's weights."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"


def _choice(enum: type[StrEnum]) -> pydantic.BeforeValidator:
    """Let text stand for an enum's member in strict mode; a wrong one lists the right ones."""

    def member(value: Any) -> Any:
        if isinstance(value, str) and value in set(enum):
            return enum(value)
        raise ValueError(f"one of {', '.join(enum)}")

    return pydantic.BeforeValidator(member)


@final
class FileEntry(_Strict):
    """A file's size in bytes and its sha256."""

    size: pydantic.NonNegativeInt
    sha256: Sha256


@final
class HubSource(_Strict):
    """A commit of a repository on the Hub."""

    repo: Repository
    revision: Revision


@final
class Sources(_Strict):
    """Where a model's files are: in the plugin's package, on the Hub, or both."""

    bundled: FileName | None = None
    hub: HubSource | None = None

    @pydantic.model_validator(mode="after")
    def _has_one(self) -> Sources:
        if self.bundled is None and self.hub is None:
            raise ValueError("give `bundled`, `hub`, or both")
        return self


@final
class Licenses(_Strict):
    """SPDX expressions; weights derive from data, so each has its own."""

    weights: License
    code: License
    data: License


@final
class Metric(_Strict):
    """A figure of a model: of what kind, on what data, by what protocol."""

    name: Line
    value: float
    standard_error: pydantic.NonNegativeFloat | None = None
    n: pydantic.PositiveInt | None = None
    kind: Annotated[Kind, _choice(Kind)] | None = None
    measure: Annotated[MeasureName, _choice(MeasureName)] | None = None
    unit: Line | None = None
    split: Line
    protocol: Line
    settings: dict[Line, Line | int | float | bool | None] = {}


@final
class ModelEntry(_Strict):
    """A pretrained model: everything that is known of it but its name."""

    architecture: Name
    summary: Line
    aliases: list[Name] = []
    requires: Requirement | None = None
    provides: Annotated[list[Interface], pydantic.Field(min_length=1)]
    sources: Sources
    files: Annotated[dict[FileName, FileEntry], pydantic.Field(min_length=1)]
    parameters: pydantic.NonNegativeInt
    dtype: Annotated[DataType, _choice(DataType)] = DataType.FLOAT32
    licenses: Licenses
    citation: Citation | None = None
    dataset: Line | None = None
    metrics: list[Metric] = []
    recipe: FileName | None = None
    tags: list[Tag] = []
    status: Annotated[Status, _choice(Status)] = Status.STABLE

    @pydantic.model_validator(mode="after")
    def _files_differ(self) -> ModelEntry:
        """On some systems upper and lower case are one, and a file cannot also be a folder."""
        names = [name.lower() for name in self.files]
        folders = {str(folder) for name in names for folder in PurePosixPath(name).parents}
        if len(set(names)) < len(names) or folders & set(names):
            raise ValueError("two of `files` are one file on some systems")
        # Other libraries' formats have other names for it, and no weights in its folder.
        if not any(name.endswith(".json") and "/" not in name for name in self.files):
            raise ValueError("`files` has config.json, or what says of its format what it is")
        return self


@final
class ArchitectureEntry(_Strict):
    """An architecture: its class, the most that it provides, a tiny configuration.

    The conformance kit checks the tiny one. `dtypes` are types of weights beside float32 and
    float64 that the architecture works with; `expected_failures` name the kit's checks that it
    is known not to pass, each with the reason.
    """

    target: Annotated[Target, pydantic.Field(alias="class")]
    summary: Line
    provides: Annotated[list[Interface], pydantic.Field(min_length=1)]
    tiny: dict[str, Any] = {}
    dtypes: list[Annotated[DataType, _choice(DataType)]] = []
    expected_failures: dict[Tag, Line] = {}


@final
class HookEntry(_Strict):
    """The module of a plugin's hook implementations, and which hooks it implements."""

    module: Module
    implements: Annotated[
        list[Annotated[str, pydantic.StringConstraints(pattern=r"^zoo_\w+$")]],
        pydantic.Field(min_length=1),
    ]


@final
class CommandEntry(_Strict):
    """A click command, and the line that `zoo --help` shows for it."""

    target: Target
    help: Line


@final
class PluginEntry(_Strict):
    """A plugin: its distribution, its namespace, the plugin API that it was written for."""

    distribution: Distribution
    namespace: Namespace
    summary: Line
    api: pydantic.NonNegativeInt
    license: License | None = None
    homepage: Url | None = None
    hooks: HookEntry | None = None
    commands: dict[Namespace, CommandEntry] = {}


@final
class MarkEntry(_Strict):
    """A file, and a key of its JSON mapping, by which a format is known."""

    file: FileName
    key: Line


@final
class FormatEntry(_Strict):
    """A format of other libraries' that a plugin reads: its marks, and what its models provide.

    A repository is in the format where one of the marks is found; of several formats, the first
    mark that a repository's `model_index.json`, then its `config.json`, carries decides.
    """

    summary: Line
    provides: Annotated[list[Interface], pydantic.Field(min_length=1)]
    marks: Annotated[list[MarkEntry], pydantic.Field(min_length=1)]


@final
class SectionEntry(_Strict):
    """One plugin's part of the public index."""

    plugin: PluginEntry
    architectures: dict[Name, ArchitectureEntry] = {}
    models: dict[Name, ModelEntry] = {}
    formats: dict[Namespace, FormatEntry] = {}


@final
class PluginFile(_Strict):
    """A plugin's registry file, or a user's own, which has no `plugin`."""

    schema_: Annotated[Literal[1], pydantic.Field(alias="schema")]
    plugin: PluginEntry | None = None
    architectures: dict[Name, ArchitectureEntry] = {}
    models: dict[Name, ModelEntry] = {}
    formats: dict[Namespace, FormatEntry] = {}


@final
class IndexFile(_Strict):
    """An index of several plugins."""

    schema_: Annotated[Literal[1], pydantic.Field(alias="schema")]
    plugins: list[SectionEntry]
