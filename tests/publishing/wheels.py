"""Wheels of made-up plugins."""

from __future__ import annotations

import zipfile
from pathlib import Path


def wheel(
    folder: Path,
    namespace: str,
    registry: str,
    version: str = "1.0",
    entry_points: str | None = None,
) -> Path:
    """Write the wheel of a plugin that holds a registry file and nothing else."""
    package, name = f"zoo_plugin_{namespace}", f"zoo-plugin-{namespace}"
    info = f"{package}-{version}.dist-info"
    named = f"[console_scripts]\nx = a:b\n\n[zoo.plugins]\n{namespace} = {package}:registry.yaml\n"
    files = {
        f"{package}/registry.yaml": registry,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": named if entry_points is None else entry_points,
        f"{info}/RECORD": "",
    }
    path = folder / f"{package}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return path
