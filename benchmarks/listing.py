"""CPU time of what needs no model, with 50 plugins: cold with 100 models, warm with 10,000.

    python benchmarks/listing.py [runs]

Cold means: no compiled index. Python's own start and the printing count. Bytecode is compiled
before the first run, as pip does when it installs.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import rmtree
from statistics import median

from measuring import results
from measuring.machine import describe

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))


from registry.sites import Site, registry_file  # noqa: E402

PLUGINS = 50
BUDGET = 250
ZOO = "import sys; sys.argv = {!r}; from zoo_core.cli import main; main()"
_NOTE = f"Medians of whole processes with {PLUGINS} plugins; cold: without a compiled index."
COMMANDS = ("zoo --help", "zoo list", "zoo info fake-1/model-1", "zoo plugins")


def installation(folder: Path, models: int) -> Site:
    """Install 50 plugins that share so many models."""
    site = Site(folder)
    for i in range(PLUGINS):
        site.plugin(f"fake-{i}", registry_file(f"fake-{i}", models // PLUGINS))
    return site


def _home(site: Site) -> Path:
    """Give the zoo's home, which lies outside of site-packages: writing to it changes nothing."""
    return site.folder.with_suffix(".home")


def cpu(site: Site, code: str, cold: bool) -> float:
    """Give the CPU milliseconds of one process."""
    if cold:
        rmtree(_home(site), ignore_errors=True)
    bytecode = site.folder.parent / "bytecode"
    environment = site.environment(ZOO_HOME=str(_home(site)), PYTHONPYCACHEPREFIX=str(bytecode))
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    start = _spent()
    command = [sys.executable, "-c", code]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return 1000 * (_spent() - start)


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def medians(few: Site, many: Site, runs: int) -> dict[str, tuple[float, float]]:
    """Measure all in turn, so that a machine that slows down slows each of them."""
    codes = {"python -c pass": "pass", **{name: ZOO.format(name.split()) for name in COMMANDS}}
    times: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in codes}
    for _ in range(runs + 1):
        for name, code in codes.items():
            times[name][0].append(cpu(few, code, cold=True))
            times[name][1].append(cpu(many, code, cold=False))
    # The first run of each compiles bytecode and the larger index.
    return {n: (median(cold[1:]), median(warm[1:])) for n, (cold, warm) in times.items()}


def main(runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        few = installation(Path(folder, "few"), 100)
        many = installation(Path(folder, "many"), 10_000)
        times = medians(few, many, runs)
    header = ["processor time, ms", "cold, 100 models", "warm, 10,000", "asked for", "kept"]
    rows = [
        [name, f"{cold:.0f}", f"{warm:.0f}", f"< {BUDGET}", "yes" if max(pair) < BUDGET else "NO"]
        for name, pair in times.items()
        for cold, warm in [pair]
    ]
    results.publish("Commands", describe(), _NOTE, results.table(header, rows))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
