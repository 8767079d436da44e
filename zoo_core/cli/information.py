"""zoo info"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from zoo_core.cli.command import ZooCommand, json_option
from zoo_core.cli.reference_information import STARTS, reference_facts, reference_pairs
from zoo_core.cli.references import NAME
from zoo_core.cli.sizes import human_size
from zoo_core.cli.tables import show_json, show_pairs

if TYPE_CHECKING:
    from zoo_core.registry import ArchitectureInfo, FormatInfo, ModelInfo


@click.command(
    "info",
    cls=ZooCommand,
    examples=[
        "zoo info flows/nsf-digits",
        "zoo info flows/nsf --json",
        "zoo info hf://openai-community/gpt2",
    ],
)
@click.argument("ref", type=NAME)
@json_option
def command(ref: str, as_json: bool) -> None:
    """Show all that is known of a model, an architecture or a format.

    REF is a name of the registry, as `zoo list` prints it. A model by hf://owner/repo@revision,
    or by a path with a slash or dot in front, is loaded, and shown as what it then is.
    """
    from zoo_core.registry import FormatInfo, ModelInfo, info

    if ref.startswith(STARTS):
        _show_reference(ref, as_json)
        return
    found = info(ref)
    if as_json:
        show_json(_plain(found))
    elif isinstance(found, ModelInfo):
        _show_model(found)
    elif isinstance(found, FormatInfo):
        _show_format(found)
    else:
        _show_architecture(found)


def _show_reference(ref: str, as_json: bool) -> None:
    facts = reference_facts(ref)
    if as_json:
        show_json(facts)
        return
    click.echo(f"{ref}\n")
    show_pairs(reference_pairs(facts))


def _plain(found: ModelInfo | ArchitectureInfo | FormatInfo) -> dict[str, Any]:
    known = found._asdict()
    if "marks" in known:
        known["marks"] = [mark._asdict() for mark in known["marks"]]
    inner = known.pop("fields", {})
    return {"name": known.pop("name"), **inner, **known}


def _show_model(model: ModelInfo) -> None:
    entry = model.fields
    click.echo(f"{model.name}\n{_text(entry.get('summary'))}\n")
    dtype = f" ({entry['dtype']})" if entry.get("dtype") else ""
    parameters = entry.get("parameters")
    size = f"{parameters:,}" if isinstance(parameters, int) else _text(parameters)
    show_pairs(
        [
            ("architecture", _text(entry.get("architecture"))),
            ("provides", _text(entry.get("provides"))),
            ("parameters", f"{size}{dtype}" if size else ""),
            ("data set", _text(entry.get("dataset"))),
            ("metrics", "\n".join(_metric(m) for m in _list(entry.get("metrics")))),
            ("licenses", _text(entry.get("licenses"))),
            ("source", _sources(entry.get("sources"))),
            ("files", _files(entry.get("files"))),
            ("recipe", _text(entry.get("recipe"))),
            ("aliases", _text(entry.get("aliases"))),
            ("tags", _text(entry.get("tags"))),
            ("status", _text(entry.get("status"))),
            ("citation", _text(entry.get("citation"))),
            ("entry", f"{model.path}:{model.line}"),
            ("plugin", _plugin(model)),
        ]
    )


def _show_architecture(architecture: ArchitectureInfo) -> None:
    click.echo(f"{architecture.name}\n{architecture.summary}\n")
    show_pairs(
        [
            ("provides", ", ".join(architecture.provides)),
            ("class", architecture.target),
            ("models", "\n".join(architecture.models) or "none pretrained"),
            ("known failures", "\n".join(map(": ".join, architecture.expected_failures.items()))),
            ("entry", f"{architecture.path}:{architecture.line}"),
            ("plugin", _plugin(architecture)),
        ]
    )


def _show_format(found: FormatInfo) -> None:
    click.echo(f"{found.name}\n{found.summary}\n")
    show_pairs(
        [
            ("provides", f"{', '.join(found.provides)}, at most"),
            ("known by", "\n".join(f"`{mark.key}` in {mark.file}" for mark in found.marks)),
            ("load", 'zoo.load("hf://owner/repo@revision"), zoo.load("./folder")'),
            ("models", "\n".join(_kinds(found))),
            ("save", f'zoo.save(model, "folder", format="{found.name}")'),
            ("plugin", _plugin(found)),
        ]
    )


def _kinds(found: FormatInfo) -> list[str]:
    """Say what kinds of models a format has: the architectures of the plugin that reads it."""
    from zoo_core.registry import list_architectures

    every = list_architectures(f"{found.namespace}/*")
    return [f"{kind.name}: {kind.summary}" for kind in every]


def _plugin(found: ModelInfo | ArchitectureInfo | FormatInfo) -> str:
    holder = found.distribution or "a registry file of yours"
    if found.installed:
        return holder
    return f"{holder}, not usable here" + (f": {found.install}" if found.install else "")


def _metric(metric: Any) -> str:
    if not isinstance(metric, Mapping):
        return _text(metric)
    error = metric.get("standard_error")
    spread = "" if error is None else f" ± {error}"
    n = metric.get("n")
    about = [
        " ".join(filter(None, (_text(metric.get("kind")), _text(metric.get("measure"))))),
        " ".join(filter(None, (_text(metric.get("split")), "" if n is None else f"n = {n}"))),
        _text(metric.get("protocol")),
    ]
    unit = f" {metric['unit']}" if metric.get("unit") else ""
    return (
        f"{_text(metric.get('name'))} {_text(metric.get('value'))}{spread}{unit}"
        f" ({'; '.join(filter(None, about))})"
    )


def _sources(sources: Any) -> str:
    if not isinstance(sources, Mapping):
        return _text(sources)
    hub = sources.get("hub")
    found = ["in the plugin's package"] if sources.get("bundled") else []
    if isinstance(hub, Mapping):
        found.append(f"hf://{_text(hub.get('repo'))}@{_text(hub.get('revision'))}")
    return "\n".join(found)


def _files(files: Any) -> str:
    if not isinstance(files, Mapping):
        return _text(files)
    sizes = {name: f.get("size") if isinstance(f, Mapping) else None for name, f in files.items()}
    return "\n".join(
        f"{name} ({human_size(size)})" if isinstance(size, int) else name
        for name, size in sizes.items()
    )


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def _text(value: Any) -> str:
    """Write what a structurally unchecked field holds."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    return str(value).strip()
