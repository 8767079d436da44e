"""The page of checks has every check, in its own words."""

from __future__ import annotations

import subprocess
import sys

from blocks import ROOT
from zoo_core.conformance.catalogue import model_checks
from zoo_core.conformance.package import package_checks

PAGE = ROOT / "docs" / "checks.md"


def test_every_check_is_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    for check in (*model_checks(), *package_checks()):
        assert f"\n### {check.name}\n\n**{check.summary}**\n" in text, check.name


def test_the_page_is_what_the_checks_say() -> None:
    script = ROOT / "scripts" / "checks_page.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
