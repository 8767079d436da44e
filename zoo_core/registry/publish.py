"""`python -m zoo_core.registry.publish`: write the first-party part of the public index.

    python -m zoo_core.registry.publish           rewrites registry.yaml
    python -m zoo_core.registry.publish --check   exits with 1 where it has drifted

The first part is made of zoo_core/core.yaml and plugins/*/src/*/registry.yaml. What stands below
the line that begins the third-party part is kept byte for byte: it comes by pull request.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo_core.errors import RegistryError, RegistryFileError
from zoo_core.plugins.public_index import repository
from zoo_core.plugins.structure import sections
from zoo_core.plugins.yaml_file import file_error, read
from zoo_core.registry.emission import emit

HEAD = """\
# The public index: every plugin of the zoo, installed or not. A namespace belongs to the
# distribution that is named with it here.
#
# The first-party part is written by `make registry` from the registry files of zoo-core and of
# plugins/*; change those. Third-party plugins stand below the line that says so, added by pull
# request, in the same form.
schema: 1
plugins:
"""
THIRD_PARTY = "# --- third-party plugins ---\n"


def published(root: Path) -> str:
    """Give what the public index of a repository should hold.

    Raises RegistryFileError where a first-party file, or the whole, is no valid registry file.
    """
    parts = [HEAD]
    for path in first_party(root):
        data = read(str(path))
        for section in sections(str(path), data):
            if section.problem or section.foreign or not section.plugin:
                raise RegistryFileError(section.problem or f"{path}: {section.foreign}")
        data.pop("schema")
        parts.append(as_item(data))
    return "\n".join(parts) + "\n" + THIRD_PARTY + _third_party(root / "registry.yaml")


def first_party(root: Path) -> list[Path]:
    """List the registry files of the repository, the core's first, then by plugin."""
    found = sorted(root.glob("plugins/*/src/*/registry.yaml"), key=lambda path: path.parts)
    return [root / "zoo_core" / "core.yaml", *found]


def main(arguments: list[str]) -> int:
    """Write or check the index of the repository that this code runs from."""
    root = repository()
    if root is None:
        raise RegistryError("The public index is made in zoo-core's repository")
    path = Path(root) / "registry.yaml"
    wanted = published(Path(root))
    present = path.read_text(encoding="utf-8") if path.is_file() else ""
    if arguments == ["--check"]:
        drift = difflib.unified_diff(
            *(present.splitlines(True), wanted.splitlines(True)),
            *("registry.yaml", "as `make registry` writes it"),
        )
        sys.stdout.writelines(drift)
        return int(present != wanted)
    if arguments:
        sys.stderr.write("Usage: python -m zoo_core.registry.publish [--check]\n")
        return 2
    if present != wanted:
        path.write_text(wanted, encoding="utf-8", newline="\n")
    return 0


def _third_party(path: Path) -> str:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    if text and THIRD_PARTY not in text:
        rule = f"the third-party part begins with the line {THIRD_PARTY.strip()!r}"
        raise file_error(str(path), None, rule)
    return text.partition(THIRD_PARTY)[2]


def as_item(section: Mapping[str, Any]) -> str:
    """Write a plugin's section as an item of `plugins`."""
    lines = emit(section).splitlines(keepends=True)
    indented = ["    " + line if line.strip() else line for line in lines]
    return "  - " + "".join(indented)[4:]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
