from __future__ import annotations

from pathlib import Path

import pytest

from registry.sites import registry_file
from zoo_core import registry
from zoo_core.registry.spdx import is_license

GOOD = registry_file("x", 1)
HUB = "sources: {hub: {repo: a/b, revision: " + "a" * 40 + "}}"
METRIC = "    metrics:\n      - {name: bits/dim, value: 2.1, kind: exact, measure: mass, split: test, protocol: p}\n"

MISTAKES = {
    "short revision": ("sources: {bundled: models/some}", HUB.replace("a" * 40, "abc123"), "revision"),
    "no source": ("sources: {bundled: models/some}", "sources: {}", "give `bundled`"),
    "repository": ("sources: {bundled: models/some}", HUB.replace("a/b", "../b"), "sources.hub.repo"),
    "bundled outside": ("bundled: models/some", "bundled: ../some", "a file's name is relative"),
    "absolute": ("bundled: models/some", "bundled: /some", "a file's name is relative"),
    "short sha": ("0" * 64, "0" * 63, "sha256"),
    "capital sha": ("0" * 64, "A" * 64, "sha256"),
    "negative size": ("size: 1", "size: -1", "greater than or equal to 0"),
    "size as text": ("size: 1", "size: '1'", "valid integer"),
    "a file outside": ("model.safetensors:", "../model.safetensors:", "a file's name is relative"),
    "a backslash": ("model.safetensors:", "a\\b:", "a file's name is relative"),
    "a device": ("model.safetensors:", "nul.txt:", "a file's name is relative"),
    "one file on some systems": ("model.safetensors:", "CONFIG.json:", "one file on some systems"),
    "a file as a folder": ("model.safetensors:", "config.json/x:", "one file on some systems"),
    "no config": ("config.json:", "configuration.json:", "`files` has config.json"),
    "license": ("code: Apache-2.0", "code: Apache 2.0", "SPDX"),
    "license missing": (", data: CC-BY-4.0", "", "licenses.data: Field required"),
    "unknown license": ("code: Apache", "cod: Apache", "licenses.cod"),
    "status": ("    dataset:", "    status: great\n    dataset:", "one of stable, experimental"),
    "dtype": ("    dataset:", "    dtype: int8\n    dataset:", "one of float64"),
    "citation": ("    dataset:", "    citation: Me, 2020\n    dataset:", "BibTeX"),
    "kind": ("    dataset:", METRIC.replace("exact", "good") + "    dataset:", "one of exact, lower-bound"),
    "metric": ("    dataset:", METRIC.replace("split: test, ", "") + "    dataset:", "metrics.0.split: Field required"),
    "unknown in metric": ("    dataset:", METRIC.replace("split:", "splitt:") + "    dataset:", "metrics.0.splitt"),
    "tag": ("tags: [image", "tags: [An Image", "tags.0"),
    "requirement": ("    dataset:", "    requires: ../x\n    dataset:", "requires"),
    "architecture": ("architecture: x/arch-0", "architecture: x/arch-7", "has no architecture x/arch-7"),
    "negative parameters": ("parameters: 12345", "parameters: -3", "parameters"),
    "two lines": ("summary: A model of some kind.", "summary: \"two\\nlines\"", "summary"),
    "homepage": ("  api: 0", "  api: 0\n  homepage: javascript:x", "homepage"),
    "hook": ("  api: 0", "  api: 0\n  hooks: {module: a.b, implements: [zoo_trian]}", "no hook zoo_trian"),
}  # fmt: skip


def test_a_good_file_has_no_findings(tmp_path: Path) -> None:
    path = tmp_path / "registry.yaml"
    path.write_text(GOOD.replace("    dataset:", METRIC + "    dataset:"))
    assert registry.check(path) == []


@pytest.mark.parametrize("name", MISTAKES)
def test_each_mistake_is_found_with_file_and_line(tmp_path: Path, name: str) -> None:
    old, new, message = MISTAKES[name]
    assert old in GOOD
    path = tmp_path / "registry.yaml"
    path.write_text(GOOD.replace(old, new, 1))
    found = registry.check(path)
    assert found, "nothing was found"
    assert message in " ".join(map(str, found))
    assert all(str(finding).startswith(f"{path}:") for finding in found)


def test_all_findings_of_a_file_are_given_at_once(tmp_path: Path) -> None:
    path = tmp_path / "registry.yaml"
    path.write_text(registry_file("x", 3).replace("Apache-2.0, data", "Apache 2, data"))
    found = registry.check(path)
    assert len(found) == 3
    lines = path.read_text().splitlines()
    for finding in found:
        assert finding.line is not None
        assert "Apache 2" in lines[finding.line - 1]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    (finding,) = registry.check(tmp_path / "nothing.yaml")
    assert "cannot be read" in str(finding)


def test_a_namespace_that_stands_twice_in_an_index(tmp_path: Path) -> None:
    section = registry_file("x").split("\n", 1)[1]
    item = "  - " + section.replace("\n", "\n    ").rstrip(" ")
    path = tmp_path / "index.yaml"
    path.write_text("schema: 1\nplugins:\n" + item + item)
    (finding,) = registry.check(path)
    assert "the namespace x/ is taken on line 5" in finding.message


@pytest.mark.parametrize(
    "text",
    ["Apache-2.0", "MIT", "GPL-2.0+", "MIT OR (Apache-2.0 AND BSD-3-Clause)", "LicenseRef-Own",
     "GPL-3.0-only WITH GCC-exception-3.1", "CC-BY-NC-4.0", "0BSD"],
)  # fmt: skip
def test_licenses(text: str) -> None:
    assert is_license(text)


@pytest.mark.parametrize(
    "text",
    ["", "Apache 2.0", "BSD", "MIT OR", "(MIT", "MIT)", "AND MIT", "MIT/BSD", "unknown",
     "Appache", "Appache-2.0", "CC-BY-4", "MIT WITH Apache-2.0"],
)  # fmt: skip
def test_what_is_no_license(text: str) -> None:
    assert not is_license(text)
