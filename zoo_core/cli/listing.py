"""zoo list"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.endings import note
from zoo_core.cli.tables import in_terminal, show_json, show_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from zoo_core.registry import ArchitectureInfo, FormatInfo, ModelSummary

_NARROW = "narrow it by a PATTERN, --provides, --tag or --dataset."


@click.command(
    "list",
    cls=ZooCommand,
    examples=[
        "zoo list",
        "zoo list 'flows/*' --provides DensityModel",
        "zoo list digits --installed --json",
        "zoo list --architectures",
        "zoo list --formats",
    ],
)
@click.argument("pattern", default="*")
@click.option("--provides", metavar="INTERFACE", help="Only such as provide this interface.")
@click.option("--tag", help="Only models with this tag.")
@click.option("--dataset", help="Only models of this data set.")
@click.option(
    "--installed/--all", help="Only those whose plugin is installed, or all that are known (--all)."
)
@click.option("--architectures", is_flag=True, help="List architectures, which are untrained.")
@click.option("--formats", is_flag=True, help="List the formats of other libraries that load.")
@json_option
def command(
    pattern: str,
    provides: str | None,
    tag: str | None,
    dataset: str | None,
    installed: bool,
    architectures: bool,
    formats: bool,
    as_json: bool,
) -> None:
    """List models by name.

    PATTERN may hold the wildcards * and ?; without any it matches anywhere in a name. Into a
    pipe go tab-separated lines: name, interfaces, data set, parameters, what is missing to use
    it, summary. A terminal shows the formats of other libraries too, which load from the Hub as
    hf://owner/repo; into a pipe --formats lists them.
    """
    wildcard = pattern if set("*?[") & set(pattern) else f"*{pattern}*"
    only = True if installed else None
    if (architectures or formats) and (tag or dataset):
        raise click.UsageError("architectures and formats have no tags and no data set")
    if architectures and formats:
        raise click.UsageError("give --architectures or --formats, not both")
    if formats:
        _show_formats(wildcard, provides, only, as_json)
    elif architectures:
        _show_architectures(wildcard, provides, only, as_json)
    else:
        _show_models(wildcard, provides, tag, dataset, only, as_json)
        if in_terminal() and not (tag or dataset or as_json):
            _add_formats(wildcard, provides, only)


def _show_models(
    pattern: str,
    provides: str | None,
    tag: str | None,
    dataset: str | None,
    installed: bool | None,
    as_json: bool,
) -> None:
    from zoo_core.registry import list_models

    found = list_models(pattern, provides=provides, tag=tag, dataset=dataset, installed=installed)
    if as_json:
        show_json([model._asdict() for model in found])
    elif found:
        headings = ("name", "provides", "data set", "parameters", "needs", "summary")
        show_table(headings, _model_rows(found), _NARROW)
    else:
        _explain_nothing(pattern, "model")


def _show_architectures(
    pattern: str, provides: str | None, installed: bool | None, as_json: bool
) -> None:
    from zoo_core.registry import list_architectures

    found = list_architectures(pattern, provides=provides, installed=installed)
    if as_json:
        show_json([_architecture_fields(a) for a in found])
    elif found:
        rows = [(a.name, ", ".join(a.provides), _needs(a), a.summary) for a in found]
        show_table(("name", "provides", "needs", "summary"), rows, _NARROW)
    else:
        _explain_nothing(pattern, "architecture")


def _show_formats(
    pattern: str, provides: str | None, installed: bool | None, as_json: bool
) -> None:
    from zoo_core.registry import list_formats

    found = list_formats(pattern, provides=provides, installed=installed)
    if as_json:
        show_json([_format_fields(f) for f in found])
    elif found:
        show_table(("format", "provides", "needs", "summary"), _format_rows(found))
    else:
        note("no format matches.")


def _add_formats(pattern: str, provides: str | None, installed: bool | None) -> None:
    """Show below the models what loads from other libraries' repositories."""
    from zoo_core.registry import list_formats

    found = list_formats(pattern, provides=provides, installed=installed)
    if found:
        click.echo("Formats of other libraries; their models load as hf://owner/repo or ./folder:")
        show_table(("format", "provides", "needs", "summary"), _format_rows(found))


def _format_rows(formats: Sequence[FormatInfo]) -> list[Sequence[str]]:
    return [(f.name, ", ".join(f.provides), _needs(f), f.summary) for f in formats]


def _format_fields(found: FormatInfo) -> dict[str, object]:
    return {**found._asdict(), "marks": [mark._asdict() for mark in found.marks]}


def _model_rows(models: Sequence[ModelSummary]) -> list[Sequence[str]]:
    """Give the cells of each model; there may be ten thousand, so what repeats is made once."""
    provides = {names: ", ".join(names) for names in {model.provides for model in models}}
    counts = {n: "" if n is None else f"{n:,}" for n in {model.parameters for model in models}}
    return [
        (
            model.name,
            provides[model.provides],
            model.dataset or "",
            counts[model.parameters],
            "" if model.installed else _needs(model),
            model.summary if model.status == "stable" else f"({model.status}) {model.summary}",
        )
        for model in models
    ]


def _needs(entry: ModelSummary | ArchitectureInfo | FormatInfo) -> str:
    if entry.installed:
        return ""
    return entry.install or "a plugin that is not usable"


def _architecture_fields(architecture: ArchitectureInfo) -> dict[str, object]:
    return {
        "name": architecture.name,
        "summary": architecture.summary,
        "provides": architecture.provides,
        "distribution": architecture.distribution,
        "installed": architecture.installed,
        "install": architecture.install,
        "models": architecture.models,
    }


def _explain_nothing(pattern: str, what: str) -> None:
    from zoo_core.plugins import installed
    from zoo_core.plugins.names import namespace_of
    from zoo_core.registry import closest, list_formats

    formats = [known.name for known in list_formats(pattern)] if what == "model" else []
    if formats and in_terminal():
        return  # They are shown instead.
    if formats:
        note(
            f"no model matches, but a format does: {', '.join(formats)}. See `zoo list --formats`."
        )
        return
    near = closest(pattern.strip("*"))
    hint = f" The closest names: {', '.join(near)}." if near else ""
    broken = [p for p in installed() if not p.ok and p.namespace == namespace_of(pattern)]
    if broken:
        hint = f" {broken[0].distribution} is {broken[0].state}: `zoo plugins` says why."
    note(f"no {what} matches.{hint}")
