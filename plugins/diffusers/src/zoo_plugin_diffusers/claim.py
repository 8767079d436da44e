"""Which repositories are in diffusers' format, and which of their files are read.

Nothing here imports diffusers or transformers: a repository is fetched by what its small files
say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, final

from zoo_core.errors import FormatError, UnsafeFileError, UnsupportedError
from zoo_core.hooks.repository import Repository
from zoo_plugin_diffusers.component_files import (
    Place,
    Stem,
    module_files,
    scheduler_files,
    tokenizer_files,
)
from zoo_plugin_diffusers.served import SERVED, UnconditionalPipeline, named_unserved

INDEX = "model_index.json"
CONFIG = "config.json"
AUTOENCODER = "AutoencoderKL"

LEFT_OUT = frozenset({"safety_checker", "feature_extractor", "image_encoder", "watermark"})
"""Components that pipelines do without: checkers, and what adapters to pictures would need."""

_LIBRARIES = ("diffusers", "transformers")
_TOKENIZERS = ("Tokenizer", "TokenizerFast", "TokenizersBackend")
"""How classes of tokenizers are called; the last is transformers' generic one."""


@final
@dataclass(frozen=True)
class PipelineIndex:
    """What model_index.json says: the pipeline's class, its components and its settings.

    `components` are pairs of library and class by name, those left out not among them.
    """

    pipeline: str
    components: Mapping[str, tuple[str, str]]
    settings: Mapping[str, Any]

    @classmethod
    def of(cls, fields: Mapping[str, Any], origin: str) -> PipelineIndex:
        """Read and check it; the names become those of folders.

        Raises UnsafeFileError for a pipeline or a component of the repository's own, FormatError
        for another form.
        """
        name = fields.get("_class_name")
        if not isinstance(name, str):
            raise _own_code(origin, f"_class_name {name!r}")
        named = {key: value for key, value in fields.items() if not key.startswith("_")}
        pairs = {key: value for key, value in named.items() if _is_pair(value)}
        settings = {key: value for key, value in named.items() if key not in pairs}
        known = {
            key: _checked(key, value, origin)
            for key, value in pairs.items()
            if value != [None, None] and key not in LEFT_OUT
        }
        return cls(name, known, settings)


def claimed_files(repository: Repository) -> tuple[str, ...] | None:
    """List the files of a repository in diffusers' format; None for any other.

    Raises UnsafeFileError for one that needs code or pickles or names a path, UnsupportedError
    for quantised weights or a kind of component that isn't served by itself, FormatError for one
    without weights or with a wrong index.
    """
    if INDEX in repository.sizes:
        fields = Place(repository).read_json(INDEX)
        if "_class_name" not in fields:
            return None
        index = PipelineIndex.of(fields, repository.origin)
        _refuse_unserved(index, repository.origin)
        each = [_component_files(repository, *item) for item in index.components.items()]
        return (INDEX, *dict.fromkeys(name for files in each for name in files))
    if CONFIG not in repository.sizes:
        return None
    fields = repository.read_json(CONFIG)
    if "_class_name" not in fields or "_diffusers_version" not in fields:
        return None
    return _single(repository, fields["_class_name"])


def _refuse_unserved(index: PipelineIndex, origin: str) -> None:
    """Refuse pipelines that there is no interface for, and incomplete ones, before a download."""
    if index.pipeline not in SERVED:
        raise UnsupportedError(
            f"Pipelines of diffusers' that are served: {', '.join(sorted(SERVED))}",
            received=f"{named_unserved(index.pipeline)} in {origin}",
            remedy='zoo.create("diffusers/pipeline", …) takes any that is told its space.',
        )
    wanted = {"unet", "scheduler"}
    if index.pipeline in list(UnconditionalPipeline) and index.components.keys() != wanted:
        raise FormatError(
            f"A {index.pipeline} is of a unet and a scheduler",
            received=f"{', '.join(index.components) or 'neither'} in {origin}",
        )


def _single(repository: Repository, name: Any) -> tuple[str, ...]:
    """List the files of a repository that is one component."""
    if name != AUTOENCODER:
        raise UnsupportedError(
            f"A component by itself is an {AUTOENCODER}",
            received=f"a {name} in {repository.origin}",
            remedy="Load the pipeline that it is a part of, or zoo.wrap the module.",
        )
    return tuple(module_files(Place(repository), Stem.DIFFUSERS))


def _component_files(repository: Repository, name: str, described: tuple[str, str]) -> list[str]:
    """List the files of a component, in its folder, or at the top as the oldest pipelines have."""
    library, kind = described
    if kind.endswith("Scheduler"):
        return scheduler_files(_place(repository, name, "scheduler_config.json"))
    if kind.endswith(_TOKENIZERS):
        return tokenizer_files(_place(repository, name, "tokenizer_config.json"))
    stem = Stem.TRANSFORMERS if library == "transformers" else Stem.DIFFUSERS
    return module_files(_place(repository, name, CONFIG), stem)


def _place(repository: Repository, name: str, configuration: str) -> Place:
    """Choose the top for what lies there; what lies nowhere is missing in its folder."""
    top = Place(repository)
    inside = any(file.startswith(f"{name}/") for file in repository.sizes)
    return Place(repository, name) if inside or not top.has(configuration) else top


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(one is None or isinstance(one, str) for one in value)
    )


def _checked(name: str, value: list[Any], origin: str) -> tuple[str, str]:
    library, kind = value
    if not name.isidentifier():
        raise UnsafeFileError(
            f"Components in {INDEX} are folders inside the repository",
            received=f"{name[:80]!r} in {origin}",
        )
    if library is None or kind is None:
        raise FormatError(
            f"{INDEX} gives a library and a class for each component",
            received=f"{value} for {name} in {origin}",
        )
    if library not in _LIBRARIES and not _is_of_diffusers(library):
        raise _own_code(origin, f"{name} of {library}")
    return library, kind


def _is_of_diffusers(library: str) -> bool:
    """Say whether a library is a folder of the installed diffusers' pipelines."""
    spec = find_spec("diffusers")
    if spec is None or spec.origin is None or not library.isidentifier():
        return False
    return (Path(spec.origin).parent / "pipelines" / library / "__init__.py").is_file()


def _own_code(origin: str, received: str) -> UnsafeFileError:
    return UnsafeFileError(
        f"{origin} needs code of its own, which is never run",
        received=received[:200],
        remedy="Choose a pipeline whose classes are part of diffusers or transformers.",
    )
