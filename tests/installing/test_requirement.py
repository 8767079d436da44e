"""What the name of a plugin means."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry.sites import Site
from zoo_core.errors import InstallationError, UnknownNameError
from zoo_core.installing import installed_plugin, requirement


@pytest.mark.parametrize(
    ("text", "distribution", "argument"),
    [
        ("flows", "zoo-plugin-flows", "zoo-plugin-flows"),
        ("flows>=0.2,<1", "zoo-plugin-flows", "zoo-plugin-flows<1,>=0.2"),
        ("zoo-plugin-flows==0.1", "zoo-plugin-flows", "zoo-plugin-flows==0.1"),
        ("Zoo_Plugin.Flows", "zoo-plugin-flows", "zoo-plugin-flows"),
        ("zoo-plugin-of-somebody[fast]", "zoo-plugin-of-somebody", "zoo-plugin-of-somebody[fast]"),
    ],
)
def test_a_namespace_or_a_requirement(text: str, distribution: str, argument: str) -> None:
    assert requirement(text) == (distribution, argument)


def test_a_wheel_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    name = "zoo_plugin_mine-0.1.0-py3-none-any.whl"
    Path(name).touch()
    assert requirement(name) == ("zoo-plugin-mine", str(tmp_path / name))
    with pytest.raises(InstallationError, match="names a file"):
        requirement("other.whl")
    Path("mine.whl").touch()
    with pytest.raises(InstallationError, match="the name that its build gave it"):
        requirement("mine.whl")


@pytest.mark.parametrize("text", ["flow", "requests", "zoo-plugins-flows"])
def test_what_may_be_a_strangers_package_is_refused(text: str) -> None:
    with pytest.raises(UnknownNameError):
        requirement(text)


@pytest.mark.parametrize("text", ["--index-url=x", "a b", "../flows", "", "core", "zoo-core>=7"])
def test_what_is_no_plugin_is_refused(text: str) -> None:
    with pytest.raises(InstallationError):
        requirement(text)


def test_an_installed_plugin_by_either_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path / "site")
    site.plugin("birds")
    monkeypatch.syspath_prepend(site.folder)
    monkeypatch.setenv("ZOO_HOME", str(tmp_path / "home"))
    for name in ("birds", "zoo-plugin-birds", "Zoo_Plugin_Birds"):
        assert installed_plugin(name).distribution == "zoo-plugin-birds"
    with pytest.raises(UnknownNameError, match="Did you mean birds"):
        installed_plugin("brids")
    with pytest.raises(UnknownNameError):
        installed_plugin("torch")
    with pytest.raises(InstallationError, match="which runs them"):
        installed_plugin("core")
