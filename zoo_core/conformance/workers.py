"""Workers: processes that verify, and write a line of JSON for each check that they made."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from zoo_core.conformance.result import CheckResult, Status
from zoo_core.conformance.selection import Selection, Verified

_START = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from zoo_core.conformance.workers import work
work(*sys.argv[2:])
"""

_Lines = SimpleQueue[Verified | None]


def in_processes(
    name: str, selection: Selection, *, jobs: int, folder: Path | None = None
) -> Iterator[Verified]:
    """Let processes divide the checks of a distribution; give each as it comes out.

    `folder` is where a wheel was unpacked; it comes first on the processes' sys.path. A process
    that dies is a failure of its own.
    """
    shares = [selection._replace(share=i, of=jobs) for i in range(jobs)]
    workers = [_started(name, share, folder) for share in shares]
    lines: _Lines = SimpleQueue()
    with ThreadPoolExecutor(len(workers)) as readers:
        try:
            for worker in workers:
                readers.submit(_read, worker, name, lines)
            for _ in workers:
                yield from iter(lines.get, None)
        finally:
            # Before the readers are waited for: they read until their processes end.
            for worker in workers:
                worker.kill()
                worker.wait()


def work(name: str, folder: str, selection: str) -> None:
    """Verify in this process, whose stdout is for the results alone."""
    from zoo_core.conformance.package import installed, unpacked
    from zoo_core.conformance.verification import verify_here

    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    package = unpacked(Path(folder)) if folder else installed(name)
    for subject, result in verify_here(package, _selection(selection)):
        told.write(json.dumps([subject, vars(result)]) + "\n")
        told.flush()


def _started(name: str, share: Selection, folder: Path | None) -> subprocess.Popen[str]:
    """Start a process that has this one's sys.path, so that it verifies what is here."""
    path, variables = list(sys.path), {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    # Tiny products gain nothing by threads, and the threads of several processes fight.
    variables.setdefault("OMP_NUM_THREADS", "1")
    if folder is not None:
        path.insert(0, str(folder))
        # The index that is compiled of an unpacked wheel is of no use later.
        variables["ZOO_HOME"] = str(folder.parent / "home")
    told = json.dumps({**share._asdict(), "checks": sorted(share.checks)})
    command = [sys.executable, "-P", "-c", _START, json.dumps(path), name, str(folder or ""), told]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=variables)


def _selection(text: str) -> Selection:
    fields = json.loads(text)
    return Selection(**{**fields, "checks": frozenset(fields["checks"])})


def _read(worker: subprocess.Popen[str], name: str, lines: _Lines) -> None:
    try:
        for line in worker.stdout or ():
            subject, fields = json.loads(line)
            fields["status"] = Status(fields["status"])
            lines.put(Verified(subject, CheckResult(**fields)))
        if worker.wait() != 0:
            reason = f"the process that verified it ended with {worker.returncode}"
            lines.put(Verified(name, CheckResult("process-survives", Status.FAILED, reason)))
    finally:
        lines.put(None)
