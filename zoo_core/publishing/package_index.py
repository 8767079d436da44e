"""What is released: wheels from the index that pip is configured for. Nothing of them is run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from zoo_core.errors import PluginError

_PATIENCE = 300.0


def released(requirement: str, folder: Path) -> Path:
    """Download the newest wheel that satisfies a requirement; no code of it runs.

    Raises PluginError with what pip says where there is none.
    """
    _refuse_strange(requirement)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary", ":all:", "--dest", str(folder), "--", requirement]
    environment = {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    before = set(folder.iterdir())
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=_PATIENCE, check=False
    )
    found = sorted(set(folder.iterdir()) - before)
    if done.returncode or not found:
        said = done.stderr.strip().splitlines() or ["nothing"]
        reason = said[-1].removeprefix("ERROR: ").rstrip(".")
        raise PluginError(f"A wheel of {requirement} is on the package index", received=reason)
    return found[0]


def _refuse_strange(requirement: str) -> None:
    """Let nothing but a name with versions reach pip: no address, no option."""
    try:
        known = Requirement(requirement)
        strange = known.url is not None or known.marker is not None
    except InvalidRequirement:
        strange = True
    if strange:
        raise PluginError("A requirement is a name with versions", received=requirement[:120])
