from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
import yaml

from registry.sites import registry_file
from zoo_core import registry
from zoo_core.plugins import Level
from zoo_core.registry.proposal import check_against
from zoo_core.registry.publish import THIRD_PARTY, as_item
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
    "no config": ("config.json:", "config.txt:", "`files` has config.json"),
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


def written(folder: Path, text: str, name: str = "registry.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def told(path: Path, **how: bool) -> list[str]:
    return [str(finding).removeprefix(f"{path}:") for finding in registry.check(path, **how)]


def line_of(path: Path, text: str) -> int:
    return next(n for n, line in enumerate(path.read_text().splitlines(), 1) if text in line)


def as_index(*texts: str) -> str:
    """Make an index of plugins' files, the last ones third parties'."""
    items = [as_item({k: v for k, v in yaml.safe_load(t).items() if k != "schema"}) for t in texts]
    return "schema: 1\nplugins:\n" + "\n".join(items)


def test_models_out_of_order_are_a_warning(tmp_path: Path) -> None:
    path = written(tmp_path, registry_file("x", 2).replace("x/model-0", "x/z"))
    (finding,) = registry.check(path)
    assert finding.level is Level.WARNING
    assert str(finding).endswith("x/model-1 stands after x/z, out of order.")
    assert finding.line == line_of(path, "x/model-1:")


def test_third_parties_out_of_order_are_an_error(tmp_path: Path) -> None:
    first, theirs = as_index(registry_file("z")), as_index(registry_file("b"), registry_file("a"))
    path = written(tmp_path, first + "\n" + THIRD_PARTY + theirs.partition("plugins:\n")[2])
    (finding,) = registry.check(path)
    assert (finding.level, finding.message) == (Level.ERROR, "a stands after b, out of order.")


def test_a_namespace_that_is_anothers(tmp_path: Path) -> None:
    text = registry_file("flows").replace("zoo-plugin-flows", "zoo-plugin-mine")
    path = written(tmp_path, text)
    assert told(path) == [
        "4: the namespace flows/ belongs to zoo-plugin-flows, by the public index."
    ]


@pytest.mark.parametrize(
    ("requires", "fine"),
    [
        ("x>=2,<1", False),
        ("x>1,<1.0", False),
        ("x==1.0,!=1.0.0", False),
        ("x==1.*,>=2", False),
        ("x>=1,<1.0.1", True),
        ("x>1,<1.0.1", True),
        ("x==1.*,>=1.5", True),
        ("x<0.1", True),
        ("x~=2.1", True),
        ("x", True),
    ],
)
def test_a_requirement_that_nothing_meets(tmp_path: Path, requires: str, fine: bool) -> None:
    text = GOOD.replace("    dataset:", f'    requires: "{requires}"\n    dataset:')
    assert told(written(tmp_path, text)) == (
        []
        if fine
        else [
            f"{line_of(tmp_path / 'registry.yaml', 'requires')}: x/model-0: no version is {requires}."
        ]
    )


def test_a_name_stands_once_in_an_index(tmp_path: Path) -> None:
    a, b = registry_file("a", 1), registry_file("b", 2)
    b = b.replace("    dataset:", "    aliases: [b/one]\n    dataset:")
    path = written(tmp_path, as_index(a, b))
    messages = [finding.message for finding in registry.check(path)]
    assert any("b/one is nobody else's" in message for message in messages)
    twice = as_index(a, registry_file("a", 1).replace("zoo-plugin-a", "zoo-plugin-c"))
    path = written(tmp_path, twice)
    messages = [finding.message for finding in registry.check(path)]
    assert f"the namespace a/ is taken on line {line_of(path, 'namespace: a')}." in messages
    assert f"the name a/model-0 is taken on line {line_of(path, 'a/model-0')}." in messages


@pytest.fixture
def bundled(tmp_path: Path) -> Path:
    """A registry file with a model of two files beside it."""
    folder = tmp_path / "models" / "some"
    folder.mkdir(parents=True)
    hashes = {}
    for name, data in {"config.json": b"{}", "model.safetensors": b"weights"}.items():
        (folder / name).write_bytes(data)
        hashes[name] = (
            f'{name}: {{size: {len(data)}, sha256: "{hashlib.sha256(data).hexdigest()}"}}'
        )
    text = GOOD
    for name, line in hashes.items():
        text = text.replace(f'{name}: {{size: 1, sha256: "{"0" * 64}"}}', line)
    return written(tmp_path, text)


def test_bundled_files_are_those_of_the_entry(bundled: Path) -> None:
    assert told(bundled, files=True) == []
    folder = bundled.parent / "models" / "some"
    (folder / "config.json").write_bytes(b"[]")
    (folder / "model.safetensors").write_bytes(b"weight")
    assert told(bundled) == []
    sha256 = hashlib.sha256(b"[]").hexdigest()
    assert told(bundled, files=True) == [
        f"{line_of(bundled, 'config.json')}: x/model-0: models/some/config.json has the sha256 {sha256}.",
        f"{line_of(bundled, 'model.saf')}: x/model-0: models/some/model.safetensors has 6 bytes, not 7.",
    ]
    (folder / "config.json").unlink()
    assert "config.json is not there" in told(bundled, files=True)[0]


def test_a_bundle_that_is_on_the_hub_may_be_missing(bundled: Path) -> None:
    shutil.rmtree(bundled.parent / "models")
    assert "no folder models/some" in told(bundled, files=True)[0]
    both = HUB.replace("sources: {", "sources: {bundled: models/some, ")
    bundled.write_text(bundled.read_text().replace("sources: {bundled: models/some}", both))
    assert told(bundled, files=True) == []


OLD = as_index(registry_file("first")) + "\n" + THIRD_PARTY + as_index(
    registry_file("a", 1).replace("sources: {bundled: models/some}", HUB), registry_file("c", 1)
).partition("plugins:\n")[2]  # fmt: skip
B = "\n" + as_index(registry_file("b")).partition("plugins:\n")[2] + "\n"
FIRST_OF_C = "  - plugin:\n      distribution: zoo-plugin-c"

PROPOSALS = {
    "nothing": ([], []),
    "a new plugin": ([(FIRST_OF_C, B + FIRST_OF_C)], []),
    "a change of one's own": ([("parameters: 12345", "parameters: 5")], []),
    "another commit": ([("a" * 40, "b" * 40)], []),
    "the first-party part alone": ([("The first plugin", "The very first")], []),
    "another's namespace": (
        [("distribution: zoo-plugin-c", "distribution: mine")],
        ["the namespace c/ belongs to zoo-plugin-c."],
    ),
    "another's section": (
        [(FIRST_OF_C, B + FIRST_OF_C), ("The a plugin", "A bad one")],
        ["a change of zoo-plugin-a, in one with zoo-plugin-b."],
    ),
    "two plugins' sections": (
        [("The a plugin", "A bad one"), ("The c plugin", "Worse")],
        ["a change of zoo-plugin-c, in one with zoo-plugin-a."],
    ),
    "the first-party part too": (
        [("The first plugin", "The very first"), ("The c plugin", "Better")],
        ["a change of zoo-plugin-first, in one with zoo-plugin-c."],
    ),
    "unpinning": (
        [(HUB, "sources: {bundled: models/some}")],
        ["a/model-0 is no longer pinned to a commit."],
    ),
    "a model that goes": (
        [("a/model-0:", "a/model-1:")],
        ["warning a/model-0 is gone; who loads it by this name no longer can."],
    ),
}


@pytest.mark.parametrize("case", PROPOSALS)
def test_what_a_pull_request_may_do(tmp_path: Path, case: str) -> None:
    changes, expected = PROPOSALS[case]
    new = OLD
    for old, by in changes:
        assert old in new
        new = new.replace(old, by, 1)
    old_path, path = written(tmp_path, OLD, "old.yaml"), written(tmp_path, new)
    found = check_against(path, old_path)
    marks = {Level.ERROR: "", Level.WARNING: "warning "}
    assert [marks[f.level] + f.message for f in found] == expected
    assert all(finding.path == str(path) and finding.line for finding in found)


def test_a_section_is_not_removed_by_others(tmp_path: Path) -> None:
    path = written(tmp_path, OLD[: OLD.index(FIRST_OF_C)])
    (finding,) = check_against(path, written(tmp_path, OLD, "old.yaml"))
    assert finding.message == "c/ of zoo-plugin-c is removed, which its maintainers do."
    assert finding.level is Level.ERROR
