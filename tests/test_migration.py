"""What the pages for those who come from other libraries show runs, and both sides agree."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("zuko", "nflows", "normflows")

# The moons at this noise have 0.29 nats; a standard normal fitted to them has 2.1.
CHECKS = """
for theirs, ours in ((their_samples, our_samples), (their_upper, our_upper)):
    assert theirs.shape == ours.shape
    assert theirs.isfinite().all() and ours.isfinite().all()
    print((theirs.mean(0) - ours.mean(0)).abs().max().item())
for theirs, ours in ((their_log_p, our_log_p), (their_conditional, our_conditional)):
    assert theirs.shape == ours.shape == (1000,)
    print(-theirs.mean().item(), -ours.mean().item())
assert torch.equal(model.log_prob(test[:5], condition=0), zoo.load("./moons").log_prob(test[:5], condition=0))
"""


@pytest.mark.parametrize("library", PAGES)
def test_both_sides_run_and_agree(library: str, tmp_path: Path) -> None:
    text = (DOCS / f"coming-from-{library}.md").read_text("utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", text, re.M | re.S)
    assert {language for language, _ in blocks} == {"python"}
    script = tmp_path / "page.py"
    script.write_text("\n".join([*(block for _, block in blocks), CHECKS]), "utf-8")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    drawn, told, scored, scored_told = done.stdout.splitlines()[-4:]
    assert max(float(drawn), float(told)) < 0.3
    for line, floor in ((scored, 0.29), (scored_told, 0.29 - 0.693)):
        theirs, ours = map(float, line.split())
        assert floor - 0.1 < ours < theirs + 0.15
        assert theirs < floor + 0.8


@pytest.mark.parametrize("library", PAGES)
def test_named_architectures_exist(library: str) -> None:
    import yaml

    plugins = DOCS.parent / "plugins/flows/src/zoo_plugin_flows/registry.yaml"
    known = yaml.safe_load(plugins.read_text("utf-8"))["architectures"]
    text = (DOCS / f"coming-from-{library}.md").read_text("utf-8")
    named = set(re.findall(r"[`\"](flows/[a-z-]+)[`\"]", text))
    assert named
    assert named <= set(known)
