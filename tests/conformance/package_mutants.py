"""Wheels that break one promise of a package each."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import NamedTuple

from conformance.specimen import INFO, METADATA, PACKAGE, REGISTRY, Files, with_record


class PackageMutant(NamedTuple):
    """What is broken, how a sound wheel's files are spoiled, the check that must tell, and how."""

    name: str
    spoil: Callable[[Files], None]
    caught_by: str
    told: str


def replaced(file: str, old: str, new: str) -> Callable[[Files], None]:
    """Replace a text that stands in a file once at least."""

    def spoil(files: Files) -> None:
        text = files[file].decode()
        assert old in text, old
        files[file] = text.replace(old, new).encode()

    return spoil


def added(file: str, data: bytes) -> Callable[[Files], None]:
    return lambda files: files.update({file: data})


def removed(file: str) -> Callable[[Files], None]:
    def spoil(files: Files) -> None:
        del files[file]

    return spoil


def longer(file: str) -> Callable[[Files], None]:
    return lambda files: files.update({file: files[file] + b"\n"})


def other_byte(file: str) -> Callable[[Files], None]:
    return lambda files: files.update({file: files[file][:-1] + b"\0"})


def other_record(files: Files) -> None:
    """Write the record, then change a file."""
    files.update(with_record(files))
    files[INIT] += b"# changed since\n"


ENTRY_POINTS = f"{INFO}/entry_points.txt"
INIT = f"{PACKAGE}/__init__.py"
WEIGHTS = f"{PACKAGE}/models/standard/model.safetensors"
LOGISTIC = f"{PACKAGE}/logistic.py"
BUNDLED = "{bundled: models/standard}"
BRANCH = "{bundled: models/standard, hub: {repo: somebody/standard, revision: main}}"
CONNECTING = b"import socket\ntry:\n    socket.create_connection(('127.0.0.1', 9), 0.2)\nexcept OSError:\n    pass\n"

MUTANTS = [
    PackageMutant("registry file left out", removed(REGISTRY), "registry-file-included", "zoo_plugin_specimen/registry.yaml"),
    PackageMutant("unknown key in the registry file", replaced(REGISTRY, "    recipe:", "    receipt:"), "registry-file-is-valid", "receipt"),
    PackageMutant("another's name in the registry file", replaced(REGISTRY, "distribution: zoo-plugin-specimen", "distribution: zoo-plugin-other"), "registry-file-names-its-own", "zoo-plugin-other"),
    PackageMutant("name out of the namespace", replaced(REGISTRY, "  specimen/standard:", "  flows/standard:"), "names-within-namespace", "flows/standard"),
    PackageMutant("alias out of the namespace", replaced(REGISTRY, "    recipe:", "    aliases: [flows/best]\n    recipe:"), "names-within-namespace", "flows/best"),
    PackageMutant("weights left out", removed(WEIGHTS), "weights-match", "model.safetensors isn't there"),
    PackageMutant("weights of another size", longer(WEIGHTS), "weights-match", "bytes, not"),
    PackageMutant("weights of another hash", other_byte(WEIGHTS), "weights-match", "another sha256"),
    PackageMutant("unpinned commit", replaced(REGISTRY, BUNDLED, BRANCH), "hub-commits-are-pinned", "main"),
    PackageMutant("recipe left out", removed(f"{PACKAGE}/recipes/standard.yaml"), "recipes-included", "recipes/standard.yaml"),
    PackageMutant("no license text", removed(f"{INFO}/licenses/LICENSE"), "license-included", "no text at LICENSE"),
    PackageMutant("empty license text", added(f"{INFO}/licenses/LICENSE", b""), "license-included", "no text at LICENSE"),
    PackageMutant("no license named", replaced(METADATA, "License-Expression: Apache-2.0\n", ""), "license-included", "none"),
    PackageMutant("no description", replaced(METADATA, "\n# A plugin with one model", ""), "readme-included", "no text"),
    PackageMutant("no upper end of zoo-core", replaced(METADATA, "zoo-core>=0.1,<0.2", "zoo-core>=0.1"), "core-range-is-bounded", "zoo-core>=0.1"),
    PackageMutant("no lower end of zoo-core", replaced(METADATA, "zoo-core>=0.1,<0.2", "zoo-core<0.2"), "core-range-is-bounded", "zoo-core<0.2"),
    PackageMutant("zoo-core in an extra only", replaced(METADATA, "zoo-core>=0.1,<0.2", "zoo-core>=0.1,<0.2; extra == 'zoo'"), "core-range-is-bounded", "extra"),
    PackageMutant("a range of another zoo-core", replaced(METADATA, "zoo-core>=0.1,<0.2", "zoo-core>=7,<8"), "core-range-is-bounded", "<8"),
    PackageMutant("no Requires-Python", replaced(METADATA, "Requires-Python: >=3.11\n", ""), "python-range-is-stated", "none"),
    PackageMutant("a dependency by path", replaced(METADATA, "Requires-Python", "Requires-Dist: torch @ file:///home/me/torch.whl\nRequires-Python"), "dependencies-are-named", "file:///home/me"),
    PackageMutant("another namespace", replaced(ENTRY_POINTS, "specimen =", "sample ="), "names-agree", "sample"),
    PackageMutant("no entry point", replaced(ENTRY_POINTS, "zoo.plugins", "console_scripts"), "names-agree", "0 entry points"),
    PackageMutant("a pickle by name", added(f"{PACKAGE}/weights.pt", b"anything"), "nothing-is-pickled", "weights.pt"),
    PackageMutant("a pickle by content", added(f"{PACKAGE}/table.bin", pickle.dumps({"a": 1})), "nothing-is-pickled", "table.bin"),
    PackageMutant("compiled files", added(f"{PACKAGE}/__pycache__/logistic.cpython-311.pyc", b"\0"), "nothing-is-compiled", "__pycache__"),
    PackageMutant("tests at the top", added("tests/test_it.py", b""), "one-package-is-brought", "tests/test_it.py"),
    PackageMutant("a hash of RECORD is wrong", other_record, "record-matches", INIT),
    PackageMutant("written for another API", replaced(REGISTRY, "api: 0", "api: 7"), "plugin-is-usable", "incompatible"),
    PackageMutant("target doesn't import", replaced(LOGISTIC, "import zoo_core as zoo", "import zoo_cor as zoo"), "classes-are-what-the-file-says", "zoo_cor"),
    PackageMutant("target isn't there", replaced(REGISTRY, "logistic:Logistic", "logistic:Logistics"), "classes-are-what-the-file-says", "Logistics"),
    PackageMutant("more said than provided", replaced(REGISTRY, "number.\n    provides: [Generator,", "number.\n    provides: [Generator, Reparameterized,"), "classes-are-what-the-file-says", "Reparameterized"),
    PackageMutant("hook not implemented", replaced(REGISTRY, "[zoo_diagnose]", "[zoo_diagnose, zoo_metrics]"), "hooks-are-implemented", "zoo_metrics is listed, not implemented"),
    PackageMutant("hook not listed", added(f"{PACKAGE}/hooks.py", b"import zoo_core as zoo\n@zoo.hookimpl\ndef zoo_diagnose(): ...\n@zoo.hookimpl\ndef zoo_metrics(): ...\n"), "hooks-are-implemented", "zoo_metrics is implemented, not listed"),
    PackageMutant("command is a function", added(f"{PACKAGE}/commands.py", b"def command(): ...\n"), "commands-are-commands", "is a function"),
    PackageMutant("model has other parameters", replaced(REGISTRY, "parameters: 2", "parameters: 3"), "models-load", "parameters 2"),
    PackageMutant("model isn't loaded", replaced(LOGISTIC, "self.loc", "self.mean"), "models-load", "isn't loaded"),
    PackageMutant("imported whenever Python starts", added("specimen.pth", f"import {PACKAGE}\n".encode()), "listing-is-light", PACKAGE),
    PackageMutant("connecting on import", added(INIT, CONNECTING), "importing-is-quiet", "socket.connect"),
    PackageMutant("seeding on import", added(LOGISTIC, b"import torch\ntorch.manual_seed(7)\n"), "importing-is-quiet", "the random state of torch"),
]  # fmt: skip
