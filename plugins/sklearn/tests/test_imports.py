"""What listing and importing cost."""

from __future__ import annotations

import subprocess
import sys

SCRIPT = """
import sys
import zoo_core as zoo
zoo.list_models()
import zoo_plugin_sklearn
assert "ZooClassifier" in dir(zoo_plugin_sklearn)
print(sorted({"torch", "sklearn", "pandas", "pydantic"} & set(sys.modules)))
"""


def test_listing_and_importing_import_neither_torch_nor_scikit_learn() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
