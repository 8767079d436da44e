"""The model card: README.md with the metadata that a Hub reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, final

import yaml

from zoo_core.checkpoints.figures import metrics_table, model_index
from zoo_core.checkpoints.pipeline_tag import pipeline_tag
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.joint import JointModel
from zoo_core.interfaces.metric import Metric
from zoo_core.interfaces.model import Model, provided

__all__ = ["Card", "Metric"]

_TOLD = (Generator, DensityModel, Classifier, Conditioner)
"""The interfaces that a card names: what most people look for."""


@final
@dataclass(frozen=True)
class Card:
    """What a person says of a model; all of it may be left out.

    Licenses are SPDX identifiers of weights, code and data.
    """

    title: str = ""
    summary: str = ""
    licenses: dict[str, str] = field(default_factory=dict)
    dataset: str | None = None
    metrics: Sequence[Metric] = ()
    tags: Sequence[str] = ()
    citation: str = ""

    def render(
        self, model: Model, ref: str, plugins: Sequence[str], *, format: str | None = None
    ) -> str:
        """Write README.md for a model that `zoo.load(ref)` loads.

        `format` is that of another library, which then loads it too.
        """
        title = self.title or ref.rstrip("/").rsplit("/", 1)[-1].partition("@")[0]
        head = yaml.safe_dump(
            self._metadata(model, title, format), sort_keys=False, allow_unicode=True
        )
        sections = [f"---\n{head}---\n\n# {title}", self.summary, _facts(model)]
        sections += ["## Use", _usage(model, ref, plugins), _natively(format)]
        if self.metrics:
            sections += ["## Metrics", metrics_table(self.metrics)]
        if self.licenses:
            rows = "\n".join(f"- {what}: {name}" for what, name in self.licenses.items())
            sections += ["## Licenses", rows]
        if self.citation:
            sections += ["## Citation", f"```bibtex\n{self.citation.strip()}\n```"]
        return "\n\n".join(section for section in sections if section) + "\n"

    def _metadata(self, model: Model, title: str, format: str | None) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        weights = self.licenses.get("weights")
        if weights is not None:
            fields["license"] = weights.lower()
        fields["library_name"] = format or "zoo"
        task = None if format is None else pipeline_tag(model)
        if task is not None:
            fields["pipeline_tag"] = task
        family = model.architecture.partition("/")[0]
        generative = provided(model, Generator) or provided(model, DensityModel)
        kind = ["generative-model"] if generative else []
        fields["tags"] = list(dict.fromkeys(["zoo", *kind, family, *self.tags]))
        if self.dataset is not None:
            fields["datasets"] = [self.dataset]
        if self.metrics:
            fields["model-index"] = model_index(title, self.dataset, self.metrics)
        return fields


def _facts(model: Model) -> str:
    provides = [i.__name__ for i in _TOLD if provided(model, i)]
    count = sum(parameter.numel() for parameter in model.parameters())
    kinds = f"It provides {', '.join(provides)}. " if provides else ""
    return f"A `{model.architecture}` of the model zoo, {count:,} parameters. {kinds}".strip()


def _calls(model: Model) -> list[str]:
    """Show what the model can be asked, the data of one line being those of the line before."""
    samples, joint = provided(model, Generator), provided(model, JointModel)
    condition = ", condition=…" if model.is_conditional and not joint else ""
    lines: list[str] = []
    if samples and joint:
        lines.append("x, y = model.sample_joint(4, rng=zoo.rng(0))")
    elif samples:
        lines.append(f"x = model.sample(4, rng=zoo.rng(0){condition})")
    if provided(model, DensityModel) and samples:
        lines.append(f"model.log_prob(x{condition})  # nats")
    if provided(model, Classifier):
        what = "" if samples else ", of rows x of yours"
        lines.append(f"model.predict_proba(x)  # p(y | x) of each class{what}")
    return lines


def _natively(format: str | None) -> str:
    if format is None:
        return ""
    return f"The files are in the format of {format}, which loads them without the zoo."


def _usage(model: Model, ref: str, plugins: Sequence[str]) -> str:
    lines = ["import zoo_core as zoo", "", f'model = zoo.load("{ref}")']
    lines += _calls(model)
    code = "\n".join(lines)
    install = f"```shell\npip install {' '.join(plugins)}\n```\n\n" if plugins else ""
    return f"{install}```python\n{code}\n```"
