"""Write into docs/write-a-plugin.md what it shows: the template's files, a change, what is said.

Usage: python scripts/tutorial.py [--check]. A block below `<!-- shown: NAME -->` is the piece of
that name. With --check nothing is written, and the exit code is 1 where a block differs; figures
that the kit measured may, since they are rounded otherwise on other machines.
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from zoo_core.scaffold import DEFAULT_SUMMARY, License, PluginName, make_repository

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "write-a-plugin.md"
EXAMPLES = ROOT / "docs" / "examples" / "write-a-plugin"
MEASURED = "forgotten-scale.txt"
_BLOCK = re.compile(r"(<!-- shown: ([^\n]+) -->\n+```\w*\n)(.*?)(^```$)", re.M | re.S)
_FIGURE = re.compile(r"-?\d+(\.\d+)?(e-?\d+)?")


def main() -> int:
    """Write the page, or check it."""
    text = PAGE.read_text("utf-8")
    with TemporaryDirectory(prefix="zoo-tutorial-") as place:
        shown = pieces(Path(place))
    if "--check" not in sys.argv:
        PAGE.write_text(written(text, shown), "utf-8")
        return 0
    stale = [name for _, name, body, _ in _BLOCK.findall(text) if _differs(name, body, shown)]
    if stale:
        print(f"Not as it is made now: {', '.join(stale)}. Run: python scripts/tutorial.py")
    return 1 if stale else 0


def written(text: str, shown: dict[str, str]) -> str:
    """Put the pieces into a page."""
    return _BLOCK.sub(lambda found: f"{found[1]}{shown[found[2]]}{found[4]}", text)


def pieces(place: Path) -> dict[str, str]:
    """Give all that a page may show, by name: the files of a new plugin among it."""
    folder = make_repository(
        PluginName.of("zoo-plugin-mine"),
        place,
        author="Ada Lovelace",
        license=License.APACHE,
        summary=DEFAULT_SUMMARY,
    )
    files = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    shown = {name: path.read_text("utf-8") for name, path in files.items()}
    examples = {path.name: path.read_text("utf-8") for path in EXAMPLES.iterdir() if path.is_file()}
    gaussian, laplace = shown["src/zoo_plugin_mine/gaussian.py"], examples["laplace.py"]
    return {
        **shown,
        **examples,
        "laplace.diff": _diff(gaussian, laplace),
        MEASURED: _said_without_scale(folder / "src", examples),
    }


def _diff(old: str, new: str) -> str:
    lines = difflib.unified_diff(
        old.splitlines(True), new.splitlines(True), "gaussian.py", "laplace.py", n=1
    )
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _said_without_scale(source: Path, examples: dict[str, str]) -> str:
    """Give what `zoo plugins verify` says of the model whose density forgets the scale."""
    right = examples["laplace.py"]
    wrong = right.replace(" - log_scale\n", "\n")
    if wrong == right:
        raise SystemExit("laplace.py has no scale that could be forgotten.")
    site = source.parent.parent / "site"
    package = shutil.copytree(source / "zoo_plugin_mine", site / "zoo_plugin_mine")
    (package / "laplace.py").write_text(wrong, "utf-8")
    with (package / "registry.yaml").open("a", encoding="utf-8") as file:
        file.write(examples["laplace.yaml"])
    metadata = site / "zoo_plugin_mine-0.1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: zoo-plugin-mine\nVersion: 0.1.0\n", "utf-8"
    )
    (metadata / "entry_points.txt").write_text(
        "[zoo.plugins]\nmine = zoo_plugin_mine:registry.yaml\n", "utf-8"
    )
    return _verified(site)


def _verified(site: Path) -> str:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ZOO_")}
    paths = os.pathsep.join([str(site), str(ROOT)])
    own = {"PYTHONPATH": paths, "ZOO_HOME": str(site / "home"), "PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "zoo_core.cli", "plugins", "verify", "mine"]
    done = subprocess.run(
        [*command, "--models", "mine/laplace", "--jobs", "1"],
        env={**kept, **own},
        capture_output=True,
        encoding="utf-8",
        timeout=300,
    )
    if done.returncode != 1:
        raise SystemExit(f"The forgotten scale wasn't found:\n{done.stdout}{done.stderr}")
    return "".join(line for line in done.stderr.splitlines(True) if " breaks " in line)


def _differs(name: str, body: str, shown: dict[str, str]) -> bool:
    if name == MEASURED:
        return _FIGURE.sub("#", body) != _FIGURE.sub("#", shown[name])
    return body != shown.get(name)


if __name__ == "__main__":
    sys.exit(main())
