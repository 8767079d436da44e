"""The page for those who come from scikit-learn runs, with what it says to be equal."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks import run_page


def test_every_block_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("sklearn")
    monkeypatch.delenv("ZOO_REGISTRY", raising=False)
    run_page("docs/coming-from-scikit-learn.md", tmp_path)
