"""Check the densities of other libraries, and write what was found into the documentation.

    python scripts/conformance_of_others.py              every library
    python scripts/conformance_of_others.py zuko pythae  some; the others' rows stay as they are

Needs the group `bench` of pyproject.toml. Rows stand in docs/conformance-of-others.json, which the
page's table is made from.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from others.case import Case
from zoo_core.conformance import CheckResult, Status, check_density

LIBRARIES = ("zuko", "nflows", "normflows", "scikit-learn", "hmmlearn", "pythae")
MODULES = {"scikit-learn": "sklearn_densities"}
DOCS = Path(__file__).parents[1] / "docs"
RECORD, PAGE = DOCS / "conformance-of-others.json", DOCS / "conformance-of-others.md"
BEGIN, END = "<!-- table: made by scripts/conformance_of_others.py -->", "<!-- end of the table -->"
MARKS = {Status.PASSED: "✓", Status.FAILED: "✗", Status.SKIPPED: "–"}


def checked(case: Case) -> dict[str, Any]:
    """Check one density; give its row."""
    begun = time.perf_counter()
    results = check_density(
        case.log_prob,
        case.sample,
        case.space,
        rng=torch.Generator().manual_seed(0),
        kind=case.kind,
    )
    return {
        "library": case.library,
        "version": version(case.library),
        "name": case.name,
        "seconds": round(time.perf_counter() - begun, 1),
        "results": {result.name: told(result) for result in results},
    }


def told(result: CheckResult) -> dict[str, str]:
    """Give a result as plain data."""
    return {"status": result.status.value, "reason": result.reason}


def update(chosen: list[str]) -> None:
    """Check the chosen libraries, and put their rows into the record."""
    for library in chosen:
        module = MODULES.get(library, f"{library}_densities")
        fresh = []
        for case in importlib.import_module(f"others.{module}").cases():
            fresh.append(checked(case))
            failed = [n for n, r in fresh[-1]["results"].items() if r["status"] == "failed"]
            print(f"{library} {case.name}: {failed or 'all hold'} ({fresh[-1]['seconds']} s)")
        # Read late: another library may have been written meanwhile.
        rows = json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else []
        rows = [row for row in rows if row["library"] != library] + fresh
        rows.sort(key=lambda row: LIBRARIES.index(row["library"]))
        RECORD.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def table() -> str:
    """Make the table of the record."""
    rows = json.loads(RECORD.read_text("utf-8"))
    names = list(dict.fromkeys(name for row in rows for name in row["results"]))
    lines = ["| library | density | " + " | ".join(n.replace("-", " ") for n in names) + " |"]
    lines.append("|---|---|" + ":-:|" * len(names))
    for row in rows:
        marks = [
            MARKS[Status(row["results"][n]["status"])] if n in row["results"] else "" for n in names
        ]
        lines.append(f"| {row['library']} {row['version']} | {row['name']} | {' | '.join(marks)} |")
    return "\n".join(lines)


def main() -> None:
    """Check, record, write the table."""
    warnings.simplefilter("ignore")
    update(sys.argv[1:] or list(LIBRARIES))
    head, _, rest = PAGE.read_text("utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    PAGE.write_text(f"{head}{BEGIN}\n\n{table()}\n\n{END}{tail}", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
