"""The code blocks of the guides run, in the order in which they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks import run_page

PAGES = [
    "docs/training.md",
    "docs/data.md",
    "docs/evaluation.md",
    "docs/flows.md",
    "docs/classical.md",
    "plugins/classical/README.md",
    "docs/naive-bayes-and-logistic-regression.md",
    "docs/scikit-learn.md",
    "plugins/sklearn/README.md",
    "docs/train-and-publish.md",
    "docs/put-your-own-module-into-the-zoo.md",
    "docs/conformance.md",
    "docs/conformance-of-others.md",
]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_guide_runs(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ZOO_REGISTRY", raising=False)
    for variable in ("XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.setenv(variable, str(tmp_path / "settings"))
    run_page(page, tmp_path)
