"""What is rendered is right for every name, author and license."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from scaffold.fixtures import Make
from zoo_core import API_VERSION, __version__, registry
from zoo_core.plugins import Level
from zoo_core.plugins.names import NAMESPACE
from zoo_core.registry.schema import PluginFile
from zoo_core.scaffold import License
from zoo_core.scaffold.repository import core_range

ROOT = Path(__file__).parents[2]
NAMES = ["mine", "a", "deep-sea-models", "2d", "x-1-y2", "n" * 50]
TEXTS = {
    "author": 'Grace "Amazing" O\'Hopper \\ Żółć 模型',
    "summary": "50% of: {{ models }} # {% if",
}


@pytest.mark.parametrize("namespace", NAMES)
def test_names_agree_wherever_they_stand(make: Make, namespace: str) -> None:
    folder = make(f"zoo-plugin-{namespace}")
    package = f"zoo_plugin_{namespace.replace('-', '_')}"
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["name"] == folder.name == f"zoo-plugin-{namespace}"
    assert project["project"]["entry-points"] == {
        "zoo.plugins": {namespace: f"{package}:registry.yaml"}
    }
    file = folder / "src" / package / "registry.yaml"
    errors = [finding for finding in registry.check(str(file)) if finding.level is Level.ERROR]
    assert errors == []
    stated = PluginFile.model_validate(yaml.safe_load(file.read_text("utf-8")))
    assert (stated.plugin.namespace, stated.plugin.api) == (namespace, API_VERSION)
    assert list(stated.architectures) == [f"{namespace}/gaussian"]


@pytest.mark.parametrize("license", License)
def test_texts_are_kept_to_the_letter(make: Make, license: License) -> None:
    folder = make(license=license, **TEXTS)
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["authors"] == [{"name": TEXTS["author"]}]
    assert (project["description"], project["license"]) == (TEXTS["summary"], license)
    stated = yaml.safe_load((folder / "src/zoo_plugin_mine/registry.yaml").read_text("utf-8"))
    assert (stated["plugin"]["summary"], stated["plugin"]["license"]) == (TEXTS["summary"], license)
    answers = yaml.safe_load((folder / ".copier-answers.yml").read_text("utf-8"))
    assert answers == {**TEXTS, "distribution": "zoo-plugin-mine", "license": license}
    assert TEXTS["summary"] in (folder / "README.md").read_text("utf-8")


def test_the_license_is_the_chosen_one_in_full(make: Make) -> None:
    apache = make("zoo-plugin-a", license=License.APACHE) / "LICENSE"
    assert apache.read_text("utf-8") == (ROOT / "LICENSE").read_text("utf-8")
    for name, license in (("b", License.MIT), ("c", License.BSD)):
        text = (make(f"zoo-plugin-{name}", license=license) / "LICENSE").read_text("utf-8")
        assert re.search(r"Copyright \(c\) 20\d\d,? Ada Lovelace\n", text)
        assert "AS IS" in text and "{" not in text


def test_nothing_of_the_template_and_of_this_machine_is_left(make: Make, tmp_path: Path) -> None:
    folder = make()
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {".gitignore", "ci.yml", "release.yml", "py.typed"} <= {path.name for path in files}
    for path in files:
        text = path.read_text("utf-8")
        assert path.suffix != ".jinja" and "{%" not in text, path
        assert not re.search(r"(?<!\$)\{\{", text), path
        assert str(tmp_path) not in text and str(ROOT) not in text, path
        assert not text or text.endswith("\n"), path
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_workflows_are_valid_and_fill_in_at_run_time(make: Make) -> None:
    folder = make() / ".github" / "workflows"
    ci = yaml.safe_load((folder / "ci.yml").read_text("utf-8"))
    steps = ci["jobs"]["tests"]["steps"]
    assert {"python-version": "${{ matrix.python }}"} in [step.get("with") for step in steps]
    release = yaml.safe_load((folder / "release.yml").read_text("utf-8"))
    assert release["jobs"]["publish"]["permissions"] == {"id-token": "write"}


def test_python_is_clean_by_this_repository_s_own_settings(make: Make) -> None:
    config = ["--no-cache", "--config", str(ROOT / "pyproject.toml")]
    for namespace in NAMES:
        folder = make(f"zoo-plugin-{namespace}")
        for command in (["check", *config], ["format", "--check", *config]):
            done = _tool("ruff", *command, ".", folder=folder)
            assert done.returncode == 0, done.stdout
    done = _tool("pyright", "--pythonpath", sys.executable, ".", folder=folder.parent)
    assert done.returncode == 0, done.stdout


def test_the_range_of_the_core_holds_its_version_up_to_the_next_that_may_break() -> None:
    versions = ["0.1.0", "0.12.3", "1.4.2", "2.0", "0.2.0.dev1", "1.0.0rc1"]
    assert [core_range(version) for version in versions] == [
        *(">=0.1,<0.2", ">=0.12,<0.13", ">=1.4,<2", ">=2.0,<3"),
        *(">=0.2.0.dev1,<0.3", ">=1.0.0rc1,<2"),
    ]
    assert NAMESPACE.fullmatch("mine") and core_range(__version__)


def _tool(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", name, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
