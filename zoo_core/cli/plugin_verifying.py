"""zoo plugins verify"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.endings import note
from zoo_core.cli.tables import in_terminal, show_json, show_table

if TYPE_CHECKING:
    from zoo_core.conformance.selection import Selection, Verified

_MOST_JOBS = 2
_WHEEL = ".whl"


@click.command(
    "verify",
    cls=ZooCommand,
    examples=[
        "zoo plugins verify flows",
        "zoo plugins verify dist/zoo_plugin_mine-0.1.0-py3-none-any.whl",
        "zoo plugins verify flows --models 'flows/nsf*' --check samples-follow-the-density",
    ],
)
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--models", metavar="PATTERN", help="Only the models of these architectures.")
@click.option("--check", "checks", metavar="CHECK", multiple=True, help="Only this check.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=min(_MOST_JOBS, os.cpu_count() or 1),
    show_default=True,
    help="How many processes share the models.",
)
@click.option("--verbose", "-v", is_flag=True, help="List every check.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    models: str | None,
    checks: tuple[str, ...],
    jobs: int,
    verbose: bool,
    as_json: bool,
) -> None:
    """Check what a plugin's models and its wheel promise.

    NAME is a namespace or a distribution that is installed, or the path of a wheel. A wheel is
    checked as it was built, without being installed; what it depends on must be. Each model is
    an architecture's tiny configuration, trained a little.

    Into a pipe go tab-separated lines: name, passed, failed, expected to fail, skipped, seconds;
    with -v name, check, outcome, seconds, reason. Failures stand on stderr. Exits with 1 where
    something failed.
    """
    from zoo_core.conformance.result import Status
    from zoo_core.conformance.selection import Selection

    selection = Selection(models, frozenset(checks))
    found = sorted(_shown(_verified(names, selection, jobs)), key=_place)
    if not found:
        raise click.UsageError("nothing is checked: no model and no check is of these names")
    failed = [one for one in found if one.result.status is Status.FAILED]
    if as_json:
        show_json([{"subject": one.subject, **vars(one.result)} for one in found])
    else:
        _show(found, failed, verbose)
    ctx.exit(1 if failed else 0)


def _verified(names: Iterable[str], selection: Selection, jobs: int) -> Iterator[Verified]:
    from zoo_core.conformance.verification import verify, verify_wheel

    for name in names:
        if name.endswith(_WHEEL):
            yield from verify_wheel(Path(name), selection, jobs=jobs)
        else:
            yield from verify(name, selection, jobs=jobs)


def _shown(results: Iterator[Verified]) -> Iterator[Verified]:
    """Show in a terminal what is being checked, while it is."""
    from rich.console import Console

    console = Console(stderr=True)
    if not console.is_terminal:
        yield from results
        return
    with console.status("starting …") as status:
        for count, one in enumerate(results, start=1):
            status.update(f"{count:,} checks made; {one.subject}: {one.result.name}")
            yield one


def _show(found: list[Verified], failed: list[Verified], verbose: bool) -> None:
    if verbose:
        show_table(("name", "check", "outcome", "seconds", "reason"), [_line(o) for o in found])
    if in_terminal() or not verbose:
        show_table(
            ("name", "passed", "failed", "expected", "skipped", "seconds"), list(_sums(found))
        )
    for one in failed:
        note(f"{one.subject} breaks {one.result}")
    if in_terminal():
        click.echo(_ending(found, failed))


def _ending(found: list[Verified], failed: list[Verified]) -> str:
    from zoo_core.conformance.result import Status

    known = sum(one.result.status is Status.EXPECTED_FAILURE for one in found)
    outcome = f"{len(failed):,} failed" if failed else "none failed"
    told = f", {known:,} fail as expected" if known else ""
    return f"{len(found):,} checks: {outcome}{told}."


def _place(one: Verified) -> tuple[bool, str]:
    """Put distributions first, then models by name; the checks of each stay in their order."""
    return "/" in one.subject, one.subject


def _line(one: Verified) -> tuple[str, ...]:
    result = one.result
    return one.subject, result.name, result.status, f"{result.seconds:.2f}", result.reason


def _sums(found: list[Verified]) -> Iterator[tuple[str, ...]]:
    """Give one line a subject: how many of its checks came out how."""
    from zoo_core.conformance.result import Status

    by_subject: dict[str, list[Verified]] = {}
    for one in found:
        by_subject.setdefault(one.subject, []).append(one)
    for subject, results in by_subject.items():
        counts = Counter(one.result.status for one in results)
        cells = [str(counts[status]) for status in Status]
        yield subject, *cells, f"{sum(one.result.seconds for one in results):.1f}"
