"""Figures in a card: the head and the table are replaced, everything else stays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import zoo_core as zoo
from zoo_core.errors import FormatError
from zoo_core.interfaces.metric import Metric
from zoo_plugin_evaluation.readme import with_figures, write_figures

NLL = Metric("NLL", 0.30563, 0.00524, n=20_000, kind="exact", measure="density", unit="nats")
BITS = Metric("bits/dim", 1.915, 0.0123, n=450, kind="lower-bound", measure="mass", unit="bits")
WRITTEN = """---
license: mit  # mine
pipeline_tag: other
model-index:
- name: My flow
  results: []
---

# A flow of mine

I wrote this.

## Metrics

They were measured at night.

| metric | value |
|---|---|
| NLL | 9 |

And this is why.

## Licenses

- weights: MIT
"""


def test_only_the_head_and_the_table_change() -> None:
    new = with_figures(WRITTEN, "moons", [NLL])
    head, body = new.split("---\n")[1:]
    fields = yaml.safe_load(head)
    assert fields["license"] == "mit"
    assert fields["pipeline_tag"] == "other"
    assert fields["datasets"] == ["moons"]
    assert fields["model-index"][0]["name"] == "My flow"
    (result,) = fields["model-index"][0]["results"]
    assert result["dataset"] == {"type": "moons", "name": "moons", "split": "test"}
    assert result["metrics"][0]["value"] == 0.30563
    assert result["metrics"][0]["args"]["kind"] == "exact"
    old = WRITTEN.split("---\n", 2)[2]
    row = "| NLL | 0.3056 ± 0.0052 | nats | exact | test |  |"
    assert row in body
    kept = [line for line in old.splitlines() if not line.startswith("|")]
    assert [line for line in body.splitlines() if not line.startswith("|")] == kept


def test_new_figures_replace_old_ones_and_writing_again_changes_nothing() -> None:
    once = with_figures(WRITTEN, "moons", [NLL])
    assert with_figures(once, "moons", [NLL]) == once
    other = with_figures(once, "moons", [BITS])
    assert "NLL" not in other
    assert "1.915 ± 0.012" in other


@pytest.mark.parametrize(
    "text",
    [
        "Just words.\n",
        "# Title\n\n## Licenses\n\n- weights: MIT\n",
        "# T\n\n## Metrics\n\nNone yet.\n",
    ],
)
def test_a_card_without_a_table_gets_one(text: str) -> None:
    new = with_figures(text, "moons", [NLL])
    body = new.split("---\n", 2)[2]
    assert [line for line in text.splitlines() if line] == [
        line for line in body.splitlines() if line and line in text.splitlines()
    ]
    assert body.count("## Metrics") == 1
    assert body.index("## Metrics") < body.index("| NLL |")
    if "## Licenses" in text:
        assert body.index("| NLL |") < body.index("## Licenses")


def test_a_head_that_is_no_yaml_is_left_alone() -> None:
    with pytest.raises(FormatError, match="YAML"):
        with_figures("---\na: [1\n---\n", "moons", [NLL])
    with pytest.raises(FormatError, match="mapping"):
        with_figures("---\n- 1\n---\n", "moons", [NLL])


def test_the_manifest_follows_and_saving_again_keeps_the_figures(
    normal: Callable[..., Any], tmp_path: Path
) -> None:
    folder = zoo.save(normal(2), tmp_path / "model")
    write_figures(folder, "moons", [NLL])
    text = (folder / "README.md").read_bytes()
    manifest = json.loads((folder / "zoo_manifest.json").read_text("utf-8"))
    assert manifest["files"]["README.md"] == hashlib.sha256(text).hexdigest()
    assert b"0.3056" in text
    zoo.save(zoo.load(folder), folder)
    assert (folder / "README.md").read_bytes() == text
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "zoo_manifest.json",
    ]
