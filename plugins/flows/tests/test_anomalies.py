"""MAF detects anomalies: fitted to inliers alone, it finds what is not one of them unlikely."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("zoo_plugin_training")
pytest.importorskip("zoo_plugin_data")
pytest.importorskip("sklearn")
SCRIPT = Path(__file__).parent / "anomalies.py"


@pytest.mark.parametrize("name", ["maf-breast-cancer", "maf-wine"])
def test_anomalies_are_found_as_well_as_by_a_gaussian_and_inliers_fit_better(name: str) -> None:
    """In a process of its own: training with the checks of every tensor's shape takes minutes."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), name], capture_output=True, text=True, check=True
    )
    figures = json.loads(done.stdout)
    flow, gaussian = figures["flow"], figures["gaussian"]
    assert flow["auc"] > 0.95
    assert flow["auc"] > gaussian["auc"] - 0.02
    assert flow["log_density"] > gaussian["log_density"] - 0.5
