"""A model card read back: what a README.md says of licenses, figures, data, citation, tags."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, final

import yaml
from packaging.licenses import InvalidLicenseExpression, canonicalize_license_expression

from zoo_core.checkpoints.card import Card, Metric
from zoo_core.errors import FormatError

_HEAD = re.compile(r"\A---\r?\n(.*?)^---\r?$\n?", re.MULTILINE | re.DOTALL)
_TAG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_OURS = ("zoo", "generative-model")
_LONGEST = 300


@final
class CardText:
    """A README.md with the Hub's metadata. `left_out` says which figures can't be used, and why."""

    def __init__(self, text: str, origin: str) -> None:
        head = _HEAD.match(text)
        self._fields = _metadata(head[1] if head else "", origin)
        self._body = text[head.end() :] if head else text
        self.left_out: list[str] = []

    def card(self, family: str) -> Card:
        """Give what it says; `family` is the architecture's namespace, a tag that goes unsaid."""
        tags = [tag for tag in _texts(self._fields.get("tags")) if _TAG.fullmatch(tag)]
        return Card(
            summary=self._summary(),
            licenses=self._licenses(),
            dataset=next(iter(_texts(self._fields.get("datasets"))), None),
            metrics=list(self._metrics()),
            tags=[tag for tag in tags if tag not in (*_OURS, family)],
            citation=self._citation(),
        )

    def _section(self, title: str) -> str:
        found = re.search(rf"^## {title}\s*$(.*?)(?=^#|\Z)", self._body, re.MULTILINE | re.DOTALL)
        return found[1] if found else ""

    def _summary(self) -> str:
        """Give the paragraph below the title, unless it is the line that every card has."""
        found = re.search(r"^# [^\n]*\n\s*\n(?![#`|-])(.+?)(?:\n\s*\n|\Z)", self._body, re.M | re.S)
        text = " ".join(found[1].split()) if found else ""
        generated = re.match(r"A `[^`]+` of the model zoo", text)
        return "" if generated or len(text) > _LONGEST else text

    def _licenses(self) -> dict[str, str]:
        said = re.findall(r"^- (weights|code|data): *(\S.*?)\s*$", self._section("Licenses"), re.M)
        found = dict(said)
        weights = self._fields.get("license")
        if isinstance(weights, str):
            found.setdefault("weights", weights)
        return {what: _spdx(found[what]) for what in ("weights", "code", "data") if what in found}

    def _citation(self) -> str:
        found = re.search(r"```bibtex\s*\n(.*?)^```", self._section("Citation"), re.M | re.S)
        return found[1].strip() if found else ""

    def _metrics(self) -> Iterator[Metric]:
        """List the figures of `model-index`; one without split or protocol can't be compared."""
        for model in _mappings(self._fields.get("model-index")):
            for result in _mappings(model.get("results")):
                split = _mapping(result.get("dataset")).get("split")
                for entry in _mappings(result.get("metrics")):
                    metric = _metric(entry, split)
                    if metric is None:
                        name = entry.get("name") or entry.get("type")
                        self.left_out.append(f"{name}: a figure has a number, a split, a protocol")
                    else:
                        yield metric


def _metadata(text: str, origin: str) -> Mapping[str, Any]:
    try:
        return _mapping(yaml.safe_load(text))
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise FormatError(f"The head of README.md in {origin} is YAML", received=reason) from None


def _metric(entry: Mapping[str, Any], split: object) -> Metric | None:
    known = {"standard_error", "n", "kind", "measure", "unit", "settings"}
    more, value = _mapping(entry.get("args")), entry.get("value")
    name, protocol = entry.get("name") or entry.get("type"), more.get("protocol")
    texts = isinstance(name, str) and isinstance(split, str) and isinstance(protocol, str)
    if not texts or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    given = {key: more[key] for key in sorted(known & more.keys())}
    return Metric(str(name), float(value), split=str(split), protocol=str(protocol), **given)


def _spdx(text: str) -> str:
    """Write a license as SPDX does: the Hub writes its identifiers in lower case."""
    try:
        return canonicalize_license_expression(text)
    except InvalidLicenseExpression:
        return text


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _texts(value: Any) -> list[str]:
    found = [value] if isinstance(value, str) else value
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []
