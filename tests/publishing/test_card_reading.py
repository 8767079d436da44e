from __future__ import annotations

import pytest

import zoo_core as zoo
from models.gaussian import Gaussian
from zoo_core.checkpoints.card import Card, Metric
from zoo_core.errors import FormatError
from zoo_core.publishing.card_reading import CardText

CARD = Card(
    title="A title",
    summary="Two moons: a summary.",
    licenses={"weights": "Apache-2.0", "code": "MIT", "data": "CC0-1.0"},
    dataset="moons",
    metrics=[
        Metric("NLL", 1.25, 0.5, 100, "exact", "density", "nats", "test", "mean over rows"),
        Metric("AUC", 0.9, split="valid", protocol="p", settings={"k": 64}),
    ],
    tags=["toy", "unconditional"],
    citation="@article{a,\n  title = {T}\n}",
)


def read(text: str, family: str = "test") -> Card:
    return CardText(text, "here").card(family)


def test_what_was_written_is_read_back() -> None:
    model = Gaussian.create(space=zoo.Space.real(2))
    card = read(CARD.render(model, "hf://me/a", ["zoo-plugin-test"]))
    assert card == Card(**{**vars(CARD), "title": ""})


def test_a_card_without_anything() -> None:
    model = Gaussian.create(space=zoo.Space.real(2))
    assert read(Card().render(model, "./a", [])) == Card(metrics=[], tags=[])
    assert read("") == read("# Only a title\n") == Card(metrics=[], tags=[])


FOREIGN = """\
---
license: mit
tags: [zoo, image, "A Space Too Much", 3]
datasets: moons
model-index:
- name: x
  results:
  - dataset: {name: moons, split: test}
    metrics:
    - {type: nll, value: 1.5, args: {protocol: mean, n: 7, what: ever}}
    - {type: accuracy, value: 0.5}
    - {type: words, value: high, args: {protocol: p}}
- not a mapping
---
# A model

What it is,
in two lines.

## Licenses

- code: apache-2.0
- something else
"""


def test_a_card_of_somebody_elses() -> None:
    text = CardText(FOREIGN, "here")
    card = text.card("flows")
    assert card.summary == "What it is, in two lines."
    assert card.licenses == {"weights": "MIT", "code": "Apache-2.0"}
    assert (card.dataset, card.tags) == ("moons", ["image"])
    assert list(card.metrics) == [Metric("nll", 1.5, n=7, split="test", protocol="mean")]
    assert [what.partition(":")[0] for what in text.left_out] == ["accuracy", "words"]


def test_a_license_that_is_none_is_left_for_the_schema_to_refuse() -> None:
    assert read("---\nlicense: whatever\n---\n").licenses == {"weights": "whatever"}


def test_a_head_that_is_not_yaml() -> None:
    with pytest.raises(FormatError, match="head of README.md in here is YAML"):
        read("---\nlicense: [\n---\n")
