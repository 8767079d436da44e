"""A plugin written for plugin API 0, which no later version of that API may break.

Its files are never edited: what would need an edit there breaks strangers' plugins too, and is a
new API version. The sum of its files stands here.
"""

from __future__ import annotations

import hashlib
import math
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

import zoo_core as zoo
from registry.sites import Site
from zoo_core import API_VERSION, plugins
from zoo_core.cli import main
from zoo_core.conformance import Status, parametrize_models
from zoo_core.conformance.promises import promises
from zoo_core.plugins import facade

FROZEN = Path(__file__).parent / "frozen" / "zoo_plugin_frozen"
SUM = "d90e07397790ac8a62a6e2d595dfb820aff351528827673cd70018998a16234d"
PATTERN = "frozen/*"


@pytest.fixture
def frozen(site: Site) -> Iterator[Path]:
    """The frozen plugin, installed in a site of its own."""
    folder = site.folder / FROZEN.name
    shutil.copytree(FROZEN, folder, ignore=shutil.ignore_patterns("__pycache__"))
    site.distribution(
        "zoo-plugin-frozen", "[zoo.plugins]\nfrozen = zoo_plugin_frozen:registry.yaml\n"
    )
    yield folder
    for name in [name for name in sys.modules if name.startswith(FROZEN.name)]:
        del sys.modules[name]


def test_it_is_frozen() -> None:
    files = [p for p in sorted(FROZEN.rglob("*")) if p.is_file() and "__pycache__" not in p.parts]
    total = hashlib.sha256()
    for path in files:
        total.update(path.relative_to(FROZEN).as_posix().encode() + b"\0")
        total.update(path.read_bytes().replace(b"\r\n", b"\n"))
    assert total.hexdigest() == SUM, "never edit the frozen plugin; make another for a new API"


def test_it_is_listed(frozen: Path) -> None:
    (plugin,) = [one for one in plugins.installed() if one.namespace == "frozen"]
    assert (plugin.state, plugin.api) == ("ok", API_VERSION)
    assert [model.name for model in zoo.list_models("frozen/*")] == ["frozen/laplace-pair"]


def test_its_checkpoint_loads_and_scores_as_it_did(frozen: Path) -> None:
    model = zoo.load("frozen/laplace-pair")
    x = torch.tensor([[0.0, 1.0], [1.0, -1.0]])
    expected = torch.tensor([-math.log(8), -math.log(8) - 2])
    torch.testing.assert_close(model.log_prob(x), expected)
    assert model.sample(3, temperature=0.5, rng=zoo.rng(0)).shape == (3, 2)


def test_it_is_built_with_its_own_condition(frozen: Path, tmp_path: Path) -> None:
    part = zoo.Part("frozen/angle")
    model = zoo.create("frozen/laplace", space=zoo.Space.real(2), conditioner=part)
    zoo.save(model, tmp_path / "model")
    again = zoo.load(f"{tmp_path}/model")
    x = model.sample(4, condition=1.0, rng=zoo.rng(0))
    assert torch.equal(model.log_prob(x, condition=1.0), again.log_prob(x, condition=1.0))


def test_its_hooks_are_called(frozen: Path) -> None:
    from zoo_core.interfaces.fitting import FitRequest

    assert zoo.create("frozen/late").sample(2).tolist() == [1.0, 1.0]
    assert facade.datasets()["ice"]() == [[0.0, 1.0], [2.0, 3.0]]
    assert "coldness" in facade.metrics()
    assert "still cold" in {diagnosis.message for diagnosis in facade.diagnose()}
    old = {"loc": torch.zeros(2), "scale": torch.ones(2)}
    _, state = facade.convert("frozen/laplace", "0.0", {}, old)
    assert set(state) == {"loc", "log_scale"}
    model = zoo.load("frozen/laplace-pair")
    facade.observe_training(model, FitRequest(zoo.Batch(torch.zeros(1, 2)), None, zoo.rng(0)))
    assert [model] == sys.modules["zoo_plugin_frozen.hooks"].RUNS


def test_its_command_runs(
    frozen: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["zoo", "thaw"])
    with pytest.raises(SystemExit) as ending:
        main()
    assert ending.value.code == 0
    assert capsys.readouterr().out == "still frozen\n"


def test_it_keeps_its_promises(frozen: Path) -> None:
    results = [promise.result() for promise in promises(PATTERN)]
    assert len(results) > 60
    assert [str(one) for one in results if one.status is Status.FAILED] == []
    assert callable(parametrize_models(PATTERN))
