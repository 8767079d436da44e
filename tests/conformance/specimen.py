"""A small plugin, zoo-plugin-specimen, as the files of its wheel, and a writer of wheels."""

from __future__ import annotations

import base64
import hashlib
import importlib
import sys
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import zoo_core as zoo

PACKAGE = "zoo_plugin_specimen"
INFO = "zoo_plugin_specimen-0.1.0.dist-info"
WHEEL = "zoo_plugin_specimen-0.1.0-py3-none-any.whl"
REGISTRY = f"{PACKAGE}/registry.yaml"
METADATA = f"{INFO}/METADATA"
Files = dict[str, bytes]

_METADATA = """\
Metadata-Version: 2.4
Name: zoo-plugin-specimen
Version: 0.1.0
Summary: A plugin with one model.
License-Expression: Apache-2.0
License-File: LICENSE
Requires-Python: >=3.11
Requires-Dist: zoo-core>=0.1,<0.2
Description-Content-Type: text/markdown

# A plugin with one model
"""

_REGISTRY = """\
schema: 1
plugin:
  distribution: zoo-plugin-specimen
  namespace: specimen
  summary: A plugin with one model.
  api: 0
  license: Apache-2.0
  hooks: {module: zoo_plugin_specimen.hooks, implements: [zoo_diagnose]}
  commands:
    specimen: {target: "zoo_plugin_specimen.commands:command", help: Say something.}
architectures:
  specimen/logistic:
    class: zoo_plugin_specimen.logistic:Logistic
    summary: A logistic distribution of one number.
    provides: [Generator, DensityModel]
"""

_ENTRY = """\
models:
  specimen/standard:
    architecture: specimen/logistic
    summary: The standard one.
    provides: [Generator, DensityModel]
    sources: {bundled: models/standard}
    files:
"""

_ENTRY_END = """\
    parameters: 2
    licenses: {weights: Apache-2.0, code: Apache-2.0, data: CC0-1.0}
    recipe: recipes/standard.yaml
"""

_LOGISTIC = '''\
"""A logistic distribution."""

from typing import final

import torch
from torch import Tensor, nn

import zoo_core as zoo


@final
class Logistic(zoo.Generator, zoo.DensityModel):
    """The distribution of loc + exp(log_scale) · logit(u), u uniform."""

    architecture = "specimen/logistic"

    @final
    class Config(zoo.Config):
        space: zoo.Space = zoo.Space.real(1)

    config: Config

    def _build(self) -> None:
        self.loc = nn.Parameter(torch.tensor(0.3))
        self.log_scale = nn.Parameter(torch.tensor(-0.4))

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        u = torch.rand(n, 1, generator=call.rng, dtype=self.dtype).clamp(1e-6, 1 - 1e-6)
        return self.loc + self.log_scale.exp() * u.logit()

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        y = (z - self.loc) / self.log_scale.exp()
        terms = -y - 2 * nn.functional.softplus(-y) - self.log_scale
        return terms.sum(-1)
'''

_HOOKS = """\
import zoo_core as zoo


@zoo.hookimpl
def zoo_diagnose():
    return []
"""

_COMMANDS = """\
import click


@click.command()
def command():
    click.echo("something")
"""


def sound() -> Files:
    """Give the files of a wheel that keeps every promise, without weights and RECORD."""
    return {
        f"{PACKAGE}/__init__.py": b'"""A plugin with one model."""\n',
        f"{PACKAGE}/logistic.py": _LOGISTIC.encode(),
        f"{PACKAGE}/hooks.py": _HOOKS.encode(),
        f"{PACKAGE}/commands.py": _COMMANDS.encode(),
        REGISTRY: _REGISTRY.encode(),
        METADATA: _METADATA.encode(),
        f"{INFO}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{INFO}/entry_points.txt": b"[zoo.plugins]\nspecimen = zoo_plugin_specimen:registry.yaml\n",
        f"{INFO}/licenses/LICENSE": b"Everybody may do everything.\n",
    }


def with_weights(files: Files, folder: Path) -> Files:
    """Save the model, with the plugin unpacked into a folder, and bundle it."""
    unpack(files, folder / "site")
    with importable(folder / "site"):
        module = importlib.import_module(f"{PACKAGE}.logistic")
        zoo.register(module.Logistic)
        try:
            zoo.save(module.Logistic.create(), folder / "standard")
        finally:
            importlib.import_module("zoo_core.registry").forget("specimen/logistic")
    saved = {path.name: path.read_bytes() for path in (folder / "standard").iterdir()}
    lines = [
        f'      {name}: {{size: {len(data)}, sha256: "{hashlib.sha256(data).hexdigest()}"}}\n'
        for name, data in sorted(saved.items())
    ]
    registry = _REGISTRY + _ENTRY + "".join(lines) + _ENTRY_END
    bundled = {f"{PACKAGE}/models/standard/{name}": data for name, data in saved.items()}
    recipe = {f"{PACKAGE}/recipes/standard.yaml": b"recipe: 1\n"}
    return {**files, **bundled, **recipe, REGISTRY: registry.encode()}


def with_record(files: Mapping[str, bytes]) -> Files:
    """Add the RECORD, unless there is one."""
    name = f"{INFO}/RECORD"
    lines = [f"{file},sha256={_digest(data)},{len(data)}" for file, data in files.items()]
    return {name: "\n".join([*lines, f"{name},,"]).encode(), **files}


def write_wheel(files: Mapping[str, bytes], folder: Path) -> Path:
    path = folder / WHEEL
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in with_record(files).items():
            archive.writestr(name, data)
    return path


def unpack(files: Mapping[str, bytes], folder: Path) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


@contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Put a folder on sys.path for a while, and forget afterwards what was imported of it."""
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [n for n in sys.modules if n.partition(".")[0] == PACKAGE]:
            del sys.modules[name]


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
