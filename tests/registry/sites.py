"""A folder of made-up installed plugins, as pip would leave them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

REPOSITORY = Path(__file__).parents[2]

HEADER = """\
schema: 1
plugin:
  distribution: zoo-plugin-{0}
  namespace: {0}
  summary: The {0} plugin.
  api: 0
"""

ARCHITECTURE = """\
  {0}:
    class: {1}
    summary: An architecture.
    provides: [Generator]
"""

MODEL = """\
  {0}:
    architecture: {1}
    summary: A model of some kind.
    provides: [Generator]
    sources: {{bundled: models/some}}
    files:
      config.json: {{size: 1, sha256: "{2}"}}
      model.safetensors: {{size: 1, sha256: "{2}"}}
    parameters: 12345
    licenses: {{weights: Apache-2.0, code: Apache-2.0, data: CC-BY-4.0}}
    dataset: digits
    tags: [image, unconditional]
"""


def registry_file(namespace: str, models: int = 0, architectures: int = 1) -> str:
    """Write a plugin's registry file with so many architectures and models."""
    lines = [HEADER.format(namespace), "architectures:\n" if architectures else ""]
    for i in range(architectures):
        target = f"zoo_plugin_{namespace.replace('-', '_')}.models:Class{i}"
        lines.append(ARCHITECTURE.format(f"{namespace}/arch-{i}", target))
    lines.append("models:\n" if models else "")
    for i in range(models):
        name = f"{namespace}/model-{i}"
        lines.append(MODEL.format(name, f"{namespace}/arch-0", f"{i:064x}"))
    return "".join(lines)


class Site:
    """A folder like site-packages."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def distribution(self, name: str, entry_points: str | bytes, version: str = "1.0") -> Path:
        """Install nothing but metadata."""
        folder = self.folder / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (folder / "METADATA").write_text(metadata, encoding="utf-8")
        data = entry_points.encode() if isinstance(entry_points, str) else entry_points
        (folder / "entry_points.txt").write_bytes(data)
        return folder

    def package(self, name: str, files: dict[str, str | bytes]) -> Path:
        """Write a package; importing it leaves its name in sys.modules, nothing else."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        for file, content in {"__init__.py": "", **files}.items():
            data = dedent(content).encode() if isinstance(content, str) else content
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return folder

    def plugin(
        self,
        namespace: str,
        registry: str | bytes | None = None,
        *,
        distribution: str | None = None,
        **modules: str,
    ) -> Path:
        """Install a whole plugin; `modules` are sources by module name."""
        package = f"zoo_plugin_{namespace.replace('-', '_')}"
        content = registry_file(namespace) if registry is None else registry
        files: dict[str, str | bytes] = {f"{m}.py": source for m, source in modules.items()}
        folder = self.package(package, {"registry.yaml": content, **files})
        self.distribution(
            distribution or f"zoo-plugin-{namespace}",
            f"[zoo.plugins]\n{namespace} = {package}:registry.yaml\n",
        )
        return folder

    def environment(self, **variables: str) -> dict[str, str]:
        """Give an environment where this site comes first and nothing of the user's counts."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("ZOO_", "XDG_"))}
        path = os.pathsep.join([str(self.folder), str(REPOSITORY)])
        own = {"ZOO_HOME": str(self.folder / "_home"), "XDG_CONFIG_HOME": str(self.folder / "_c")}
        return {**kept, **own, "APPDATA": str(self.folder / "_c"), "PYTHONPATH": path, **variables}

    def run(self, code: str, **variables: str) -> str:
        """Run Python in a process of its own and give what it prints."""
        done = subprocess.run(
            [sys.executable, "-c", dedent(code)],
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return done.stdout
