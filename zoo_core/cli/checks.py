"""The checks of `zoo doctor`."""

from __future__ import annotations

import importlib
import platform
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, final

from zoo_core import __version__

if TYPE_CHECKING:
    from zoo_core.plugins import Plugin

_NEEDED = ("torch", "safetensors", "huggingface-hub", "pydantic", "pluggy", "numpy", "Pillow")
_MODULES = {"huggingface-hub": "huggingface_hub", "Pillow": "PIL"}
_PATIENCE = 10.0


@final
class Outcome(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Check(NamedTuple):
    """What was checked, how it came out, what was seen, and what to do."""

    subject: str
    outcome: Outcome
    message: str
    remedy: str | None = None


def installation() -> Iterator[Check]:
    """Check everything that needs no network."""
    yield Check("zoo-core", Outcome.OK, f"{__version__} in {Path(__file__).parents[1]}")
    yield Check("python", Outcome.OK, f"{platform.python_version()} in {sys.prefix}")
    for name in _NEEDED:
        yield _package(name)
    yield _accelerators()
    yield from _plugins()
    yield from _folders()
    yield from _diagnoses()


def network() -> Iterator[Check]:
    """Check that the configured Hub answers, and whether there is a token. Makes one request."""
    from zoo_core.hub.settings import endpoint, offline

    if offline():
        yield Check("hub", Outcome.WARNING, "HF_HUB_OFFLINE is set, so it is never asked.")
        return
    address = endpoint()
    try:
        with urllib.request.urlopen(f"{address}/api/models?limit=1", timeout=_PATIENCE):
            yield Check("hub", Outcome.OK, f"{address} answers; {_token()}")
    except urllib.error.HTTPError as error:
        yield Check("hub", Outcome.OK, f"{address} answers with {error.code}; {_token()}")
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        remedy = "Check the connection, a proxy (HTTPS_PROXY) and HF_ENDPOINT."
        yield Check("hub", Outcome.ERROR, f"{address} can't be reached: {reason}.", remedy)


def _token() -> str:
    from huggingface_hub import get_token

    return "there is a token" if get_token() else "there is no token, public models only"


def _package(name: str) -> Check:
    try:
        importlib.import_module(_MODULES.get(name, name))
        return Check(name, Outcome.OK, metadata.version(name))
    except Exception as error:  # noqa: BLE001  whatever an installation does wrong is the finding
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Check(name, Outcome.ERROR, reason, f"Install it again: pip install -U {name}.")


def _accelerators() -> Check:
    try:
        import torch
    except Exception:  # noqa: BLE001  told above
        return Check("devices", Outcome.WARNING, "unknown without torch.")
    found = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    found += ["mps"] * torch.backends.mps.is_available()
    threads = f"cpu with {torch.get_num_threads()} threads"
    return Check("devices", Outcome.OK, ", ".join([threads, *found]))


def _plugins() -> Iterator[Check]:
    from zoo_core import plugins
    from zoo_core.registry import list_formats

    formats = [known.namespace for known in list_formats()]
    for plugin in plugins.installed():
        subject = f"plugin {plugin.namespace}"
        if plugin.ok:
            count = formats.count(plugin.namespace)
            about = f"{plugin.models} models, {plugin.architectures} architectures"
            about += f", {count} format{'s' * (count > 1)} of the Hub" if count else ""
            message = f"{plugin.distribution} {plugin.version}: {about}{_needs(plugin)}"
            yield Check(subject, Outcome.OK, message)
        elif plugin.state is plugins.PluginState.DISABLED:
            yield Check(subject, Outcome.WARNING, f"disabled: {plugin.cause}")
        else:
            yield Check(subject, Outcome.ERROR, f"{plugin.state}: {plugin.cause}", plugin.remedy)
    for problem in plugins.problems():
        yield Check("registry", Outcome(problem.level.value), str(problem))


def _needs(plugin: Plugin) -> str:
    """Name the versions of what a plugin needs and the core doesn't."""
    names = sorted(_required(plugin.distribution) - _required("zoo-core") - {"zoo-core"})
    versions = [_version(name) for name in names]
    return f"; with {', '.join(versions)}" if versions else ""


def _required(distribution: str) -> set[str]:
    """Name what a distribution always needs; nothing of one whose metadata can't be found."""
    from packaging.requirements import Requirement

    from zoo_core.plugins.distributions import normalized

    try:
        texts = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return set()
    needed = map(Requirement, texts)
    return {normalized(one.name) for one in needed if one.marker is None}


def _version(name: str) -> str:
    """Give a distribution and its version, without importing it."""
    try:
        return f"{name} {metadata.version(name)}"
    except metadata.PackageNotFoundError:
        return f"{name}, which isn't installed"


def _folders() -> Iterator[Check]:
    from zoo_core.hub.settings import cache
    from zoo_core.plugins.folders import cache_folder

    slow = "Nothing breaks, but starting is slower; set ZOO_HOME to a folder that can be written."
    yield _folder("cache of the zoo", Path(cache_folder()), Outcome.WARNING, slow)
    stuck = "Nothing can be downloaded; set HF_HOME to a folder that can be written."
    yield _folder("cache of the Hub", cache(), Outcome.WARNING, stuck)


def _folder(subject: str, folder: Path, outcome: Outcome, remedy: str) -> Check:
    """Try to write in a folder, or, without making it, in the nearest one that exists."""
    place = next((p for p in (folder, *folder.parents) if p.is_dir()), folder)
    try:
        with tempfile.TemporaryFile(dir=place):
            return Check(subject, Outcome.OK, f"{folder} can be written")
    except OSError as error:
        reason = error.strerror or str(error)
        return Check(subject, outcome, f"{folder} can't be written: {reason}.", remedy)


def _diagnoses() -> Iterator[Check]:
    """Ask the plugins."""
    from zoo_core.plugins import facade

    for diagnosis in facade.diagnose():
        outcome = Outcome.OK if diagnosis.good else Outcome.ERROR
        yield Check(diagnosis.subject, outcome, diagnosis.message, diagnosis.remedy)
