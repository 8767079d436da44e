"""What `zoo info` shows of a model by hf://, file:// or a path: what it is once it is loaded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zoo_core.cli.sizes import human_size

if TYPE_CHECKING:
    from zoo_core.interfaces.model import Model
    from zoo_core.loading import Located

STARTS = (".", "/", "~", "hf://", "file://")


def reference_facts(ref: str) -> dict[str, Any]:
    """Load a model and say what it is, provides and takes. Raises what `zoo.load` raises."""
    from zoo_core.interfaces.density import DensityModel
    from zoo_core.interfaces.model import provided
    from zoo_core.loading import locate

    located = locate(ref)
    model = located.open()
    tokenizer = model.space.tokenizer
    density = model.density if provided(model, DensityModel) else None
    known = () if density is None else (density.kind, density.measure, density.how)
    return {
        "name": ref,
        "architecture": model.architecture,
        "provides": sorted(one.__name__ for one in model.provides),
        "sample": str(model.space),
        "tokenizer": None if tokenizer is None else tokenizer.name,
        "condition": str(model._conditioner().space) if model.is_conditional else None,
        "density": ", ".join(filter(None, known)) or None,
        "parameters": sum(tensor.numel() for tensor in model.parameters()),
        "dtype": str(model.dtype).removeprefix("torch."),
        "options": _options(model),
        "pin": located.pin,
        "files": _files(located),
    }


def reference_pairs(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Put the facts into words, a line or more each."""
    files = [f"{name} ({human_size(size)})" for name, size in facts["files"].items()]
    return [
        ("architecture", facts["architecture"]),
        ("provides", ", ".join(facts["provides"])),
        ("one sample", facts["sample"]),
        ("tokenizer", facts["tokenizer"] or ""),
        ("condition", facts["condition"] or ""),
        ("density", facts["density"] or ""),
        ("parameters", f"{facts['parameters']:,} ({facts['dtype']})"),
        ("options", "\n".join(f"{verb}: {', '.join(o)}" for verb, o in facts["options"].items())),
        ("pin", facts["pin"] or ""),
        ("files", "\n".join(files)),
    ]


def _options(model: Model) -> dict[str, list[str]]:
    """Name the options of a model's own that sampling and scoring take."""
    from zoo_core.interfaces.density import DensityModel
    from zoo_core.interfaces.generator import Generator
    from zoo_core.interfaces.model import provided

    found: dict[str, list[str]] = {}
    if provided(model, Generator):
        found["sample"] = list(model.SampleOptions.model_fields)
    if provided(model, DensityModel):
        found["score"] = list(model.LogProbOptions.model_fields)
    return {verb: names for verb, names in found.items() if names}


def _files(located: Located) -> dict[str, int]:
    return {name: path.stat().st_size for name, path in sorted(located.files.items())}
