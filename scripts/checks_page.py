"""Write docs/checks.md: every check of the conformance kit, from its docstring.

python scripts/checks_page.py            writes it
python scripts/checks_page.py --check    fails where it isn't what it would write
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zoo_core.conformance.catalogue import model_checks
from zoo_core.conformance.package.catalogue import package_checks

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "checks.md"
HEAD = """\
# Every check of the conformance kit

Made from the checks' own words by `scripts/checks_page.py`. A check is made where its promise is
claimed: by the interfaces that a model provides, the kind of its density, whether it takes a
condition. [The conformance kit](conformance.md) says how to run them and what they mean. *Caught*
are the broken models, or wheels, of the kit's own tests that the check must find, and does.
"""


def page() -> str:
    """Give the whole page."""
    sections, found = [HEAD], caught()
    for theme, checks in themes():
        sections.append(f"## {theme}\n")
        for check in checks:
            sections.append(f"### {check.name}\n\n{indented(check.doc)}\n")
            if check.name in found:
                sections.append(f"*Caught:* {'; '.join(found[check.name])}.\n")
    return "\n".join(sections)


def caught() -> dict[str, list[str]]:
    """List the mutants of each check, by its name."""
    sys.path.insert(0, str(ROOT / "tests"))
    folder = ROOT / "tests" / "conformance"
    tables = [*sorted(folder.glob("mutants_*.py")), folder / "package_mutants.py"]
    found: dict[str, list[str]] = {}
    for table in tables:
        for mutant in importlib.import_module(f"conformance.{table.stem}").MUTANTS:
            found.setdefault(mutant.caught_by, []).append(mutant.name)
    return found


def themes() -> Iterator[tuple[str, list[Any]]]:
    """Group the checks by the module that they stand in, titled by its first line."""
    grouped: dict[str, list[Any]] = {}
    for check in (*model_checks(), *package_checks()):
        grouped.setdefault(check.run.__module__, []).append(check)
    for name, checks in grouped.items():
        doc = importlib.import_module(name).__doc__ or name
        title = doc.strip().partition("\n")[0].removeprefix("Checks of ").rstrip(".")
        yield title[:1].upper() + title[1:], checks


def indented(doc: str) -> str:
    """Set the promise in bold, and the rest as it stands."""
    first, _, rest = doc.partition("\n")
    return f"**{first}**\n{rest}".rstrip()


def main() -> None:
    """Write the page, or compare."""
    text = page()
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8", newline="\n")
    elif PAGE.read_text(encoding="utf-8") != text:
        sys.exit("docs/checks.md has drifted: run python scripts/checks_page.py")


if __name__ == "__main__":
    main()
