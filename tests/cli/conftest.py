"""Runs of `zoo` in this process, and in processes of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import zoo_core as zoo
from models.gaussian import Gaussian
from models.markov import GaussianChain
from models.picture import Picture
from models.recorded import Film, Sound
from models.table import Table
from models.text_chain import TextChain
from registry.sites import Site
from zoo_core.cli.root import zoo as command

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Folders of saved models, by what they are."""
    for model_class in (Gaussian, GaussianChain, Picture, Table, TextChain, Sound, Film):
        zoo.register(model_class)
    label = zoo.Part("core/label", {"classes": 3, "names": ["red", "green", "blue"]})
    vector = zoo.Part("core/vector", {"width": 2})
    models = {
        "plane": Gaussian.create(space=zoo.Space.real(2)),
        "table": Gaussian.create(space=zoo.Space.real(3, columns=("age", "height", "weight"))),
        "by-label": Gaussian.create(space=zoo.Space.real(2), conditioner=label),
        "by-vector": Gaussian.create(space=zoo.Space.real(2), conditioner=vector),
        "picture": Picture.create(),
        "people": Table.create(),
        "text": TextChain.create(alphabet="abc d"),
        "lines": TextChain.create(alphabet="ab\n"),
        "sound": Sound.create(),
        "film": Film.create(),
        "chain": GaussianChain.create(space=zoo.Space.real(ragged=True)),
    }
    folder = tmp_path_factory.mktemp("models")
    for name, model in models.items():
        zoo.save(model, folder / name)
    return {name: str(folder / name) for name in models}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run `zoo` in an empty folder, with nothing of the user's."""
    home = tmp_path / "home"
    for name in ("ZOO_HOME", "XDG_CONFIG_HOME", "HF_HOME"):
        monkeypatch.setenv(name, str(home / name))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)

    def invoke(*args: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(command, args, input=stdin)

    return invoke


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")
