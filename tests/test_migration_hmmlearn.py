"""What the page for those who come from hmmlearn shows runs, and both sides agree."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/coming-from-hmmlearn.md"

CHECKS = """
assert abs(their_score - our_score) < 1e-2 and abs(our_score + 341.8787) < 1e-2
turned = our_quakes.rates.argsort().tolist() != their_quakes.lambdas_[:, 0].argsort().tolist()
same = their_states if not turned else 1 - their_states
assert (our_states.numpy() == same).all()
assert np.abs(our_shares.numpy() - (their_shares[:, ::-1] if turned else their_shares)).max() < 1e-2
assert abs(their_log_p - our_log_p) < 1e-6 * abs(their_log_p)
assert abs(their_bic - our_bic) < 1e-6 * abs(their_bic)
assert ahead.shape == (3, 10, 3) and mean.shape == paths.shape == (3, 10, 2)
assert drawn.values.shape == (600,) and filtered.values.shape == (600, 3)
assert bool((patchy.viterbi(zoo.Ragged(data.values, lengths))[0].values[:30] == known[:30]).all())
assert onward.transition[2].tolist() == [0, 0, 1]
"""


def test_both_sides_run_and_agree(tmp_path: Path) -> None:
    blocks = re.findall(r"^```(\w+)\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    assert {language for language, _ in blocks} == {"python"}
    script = tmp_path / "page.py"
    script.write_text("\n".join([*(block for _, block in blocks), CHECKS]), "utf-8")
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr


def test_named_architectures_exist() -> None:
    import yaml

    plugin = ROOT / "plugins/classical/src/zoo_plugin_classical/registry.yaml"
    known = yaml.safe_load(plugin.read_text("utf-8"))["architectures"]
    named = set(re.findall(r"[`\"](classical/[a-z-]+)[`\"]", PAGE.read_text("utf-8")))
    assert len(named) == 5
    assert named <= set(known)
