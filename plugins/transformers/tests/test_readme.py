"""The README's blocks that need no Hub run."""

from __future__ import annotations

from pathlib import Path

from blocks import run_page


def test_every_block_of_the_readme_runs(tmp_path: Path) -> None:
    run_page("plugins/transformers/README.md", tmp_path, {})
