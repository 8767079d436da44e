"""CPU time of `zoo list` with 50 installed plugins: cold with 100 models, warm with 10,000.

    python benchmarks/listing.py [runs]

Cold means: no compiled index. Python's own start and the printing count. Bytecode is compiled
before the first run, as pip does when it installs.
"""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from shutil import rmtree

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from registry.sites import Site, registry_file  # noqa: E402

PLUGINS = 50
BUDGET = 250
ZOO = "import sys; sys.argv = ['zoo', {!r}]; from zoo_core.cli import main; main()"
COMMANDS = {
    "python": "pass",
    "zoo list": ZOO.format("list"),
    "zoo plugins": ZOO.format("plugins"),
    "list_models()": "from zoo_core.registry import list_models; list_models()",
}


def installation(folder: Path, models: int) -> Site:
    """Install 50 plugins that share so many models."""
    site = Site(folder)
    for i in range(PLUGINS):
        site.plugin(f"fake-{i}", registry_file(f"fake-{i}", models // PLUGINS))
    return site


def cpu(site: Site, code: str, runs: int, before: Callable[[], None]) -> float:
    """Give the median CPU milliseconds of a process."""
    environment = site.environment(PYTHONPYCACHEPREFIX=str(site.folder / "_bytecode"))
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    times = []
    for run in range(runs + 1):
        before()
        start = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-c", code]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        end = resource.getrusage(resource.RUSAGE_CHILDREN)
        if run:
            times.append(end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime)
    return 1000 * statistics.median(times)


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        few = installation(Path(folder, "few"), 100)
        many = installation(Path(folder, "many"), 10_000)
        for name, code in COMMANDS.items():
            cold = cpu(few, code, runs, lambda: rmtree(few.folder / "_home", ignore_errors=True))
            warm = cpu(many, code, runs, lambda: None)
            print(f"{name:16}  cold, 100: {cold:4.0f} ms   warm, 10,000: {warm:4.0f} ms")
    print(f"The budget of `zoo list` and `zoo plugins` is {BUDGET} ms.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
