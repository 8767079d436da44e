"""Whose format a repository is in: the zoo's own, or one that a plugin claims."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from zoo_core.checkpoints.texts import CARD, CONFIG, MANIFEST, RECIPE
from zoo_core.errors import FormatError, UnsafeFileError
from zoo_core.hooks.repository import Claim, Repository
from zoo_core.loading.recognising import unclaimed
from zoo_core.plugins import facade
from zoo_core.plugins.file_names import is_inside

WEIGHTS = ".safetensors"
_TEXTS = {".json", ".jsonl", ".txt", ".md", ".yaml", ".yml", ".toml", ".ini", ".cfg", ".csv"}
_TEXTS |= {".tsv", ".jinja", ".vocab", ".tiktoken", ".model"}
"""What holds text or tables: `.model` are SentencePiece's, of which the first bytes are looked at.

A list of what is harmless, since nobody can list what isn't.
"""
_PICKLES = {".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"}


def claim_of(repository: Repository) -> Claim | None:
    """Give the claim of the plugin whose format a repository is in; None for the zoo's own.

    Raises PluginMissingError for a known format of a plugin that isn't usable here, UnsafeFileError
    where the weights are pickles, FormatError for no known format, and what the plugin raises.
    """
    if is_ours(repository):
        return None
    _refuse_pickles(repository)
    claim = facade.claim(repository)
    if claim is None:
        raise unclaimed(repository)
    _check(claim.files, repository)
    return claim


def is_ours(repository: Repository) -> bool:
    """Whether config.json says what a saved model of the zoo's says."""
    if CONFIG not in repository.sizes:
        return False
    try:
        fields = repository.read_json(CONFIG)
    except FormatError:
        return False
    return "format" in fields and "architecture" in fields


def wanted(claim: Claim, names: Collection[str]) -> list[str]:
    """List the claimed files, and with them what zoo.save writes beside: card, recipe, manifest."""
    beside = (CARD, RECIPE, MANIFEST) if MANIFEST in names else ()
    return list(dict.fromkeys([*claim.files, *(name for name in beside if name in names)]))


def is_loadable(name: str) -> bool:
    """Whether a file may be read for a model: a text, or weights as safetensors."""
    suffix = PurePosixPath(name).suffix.lower()
    return suffix == WEIGHTS or suffix in _TEXTS


def _refuse_pickles(repository: Repository) -> None:
    suffixes = {name: PurePosixPath(name).suffix.lower() for name in repository.sizes}
    pickles = [name for name, suffix in suffixes.items() if suffix in _PICKLES]
    if pickles and WEIGHTS not in suffixes.values():
        raise UnsafeFileError(
            f"{repository.origin} has its weights as safetensors",
            received=f"{', '.join(pickles[:3])} only; a pickle can run code and is never opened",
            remedy="Ask its owner for safetensors, look for a revision that has them, or convert "
            "a copy of yours where running its code can do no harm.",
        )


def _check(names: Iterable[str], repository: Repository) -> None:
    """Refuse a claim on anything but texts and safetensors of this repository."""
    named, origin = list(names), repository.origin
    outside = [name for name in named if not is_inside(name)]
    if outside or len({name.casefold() for name in named}) < len(set(named)):
        raise UnsafeFileError(
            f"A model of {origin} is read from files inside it, each with a name of its own",
            received=f"{(outside or named)[0][:120]!r}",
            remedy="Nothing of it was used.",
        )
    unsafe = [name for name in named if not is_loadable(name)]
    if unsafe:
        raise UnsafeFileError(
            f"A model of {origin} is read from texts and safetensors, which can run no code",
            received=", ".join(unsafe[:3]),
            remedy="Nothing of it was used.",
        )
    missing = sorted(set(named) - repository.sizes.keys())
    if missing or not named:
        raise FormatError(
            f"{origin} has every file that its format needs",
            received=f"none named {', '.join(missing)}" if missing else "a claim on no file",
        )
