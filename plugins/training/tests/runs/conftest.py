"""Runs of `zoo train` and `zoo reproduce` in this process, on rows that a hook of this file gives."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner, Result

import zoo_core as zoo
from models.gaussian import Gaussian
from zoo_core import plugins
from zoo_core.cli.root import zoo as command
from zoo_core.errors import DataError
from zoo_core.interfaces.dataset import DataRequest, Dataset, Split
from zoo_core.interfaces.metric import EvaluationRequest, Metric
from zoo_core.plugins import facade
from zoo_plugin_training import loop

Run = Callable[..., Result]
_NAMES = {"blobs": 600, "shifted": 600, "partly": 600}


class Readers:
    """Opens rows of three Gaussians and CSV files; measures the NLL.

    `shifted` are other Gaussians than those of `blobs`; of `partly` two classes of three are
    unknown.
    """

    @zoo.hookimpl
    def zoo_open_data(self, reference: str, request: DataRequest) -> Dataset | None:
        if reference in _NAMES:
            x, labels = _blobs(3.0 if reference == "shifted" else 0.0)
            if reference == "partly":
                labels = torch.where(torch.arange(len(labels)) % 9 < 3, labels, -1)
            return _split(reference, x, labels, ("a", "b", "c"), request)
        if not reference.endswith(".csv"):
            return None
        return _split(reference, *_table(reference, request), request)

    @zoo.hookimpl
    def zoo_evaluate(self, model: Any, request: EvaluationRequest) -> tuple[Metric, ...]:
        data = request.dataset
        told = data.data.condition if model.is_conditional else None
        rows = -model.log_prob(data.x, condition=told, rng=request.rng).detach().double()
        error = float(rows.std() / math.sqrt(len(rows)))
        value = float(rows.mean())
        about = {"unit": "nats", "protocol": f"mean over rows of {data.name}"}
        about["split"] = str(data.split)
        return (Metric("NLL", value, error, len(rows), "exact", "density", **about),)


def _blobs(shift: float) -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.arange(600) % 3
    centres = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 3.0]]) + shift
    return centres[labels] + 0.5 * torch.randn(600, 2, generator=zoo.rng(0)), labels


def _table(path: str, request: DataRequest) -> tuple[torch.Tensor, torch.Tensor | None, tuple]:
    with Path(path).open() as file:
        rows = list(csv.DictReader(file))
    told, names = request.condition, [n for n in rows[0] if n not in request.condition]
    for line, row in enumerate(rows, start=2):
        if any(row[name].strip().lower() in ("", "nan") for name in names):
            raise DataError(f"{path}, line {line}: a number in each column", received="NaN")
    x = torch.tensor([[float(row[name]) for name in names] for row in rows])
    if not told:
        return x, None, ()
    classes = tuple(sorted({row[told[0]] for row in rows}))
    return x, torch.tensor([classes.index(row[told[0]]) for row in rows]), classes


def _split(
    name: str, x: torch.Tensor, labels: torch.Tensor | None, classes: tuple, request: DataRequest
) -> Dataset:
    sha256 = hashlib.sha256(x.numpy().tobytes()).hexdigest()
    places = {Split.ALL: slice(None), Split.TEST: slice(0, None, 5), Split.VALID: slice(1, None, 5)}
    kept = torch.arange(len(x))[places.get(request.split, slice(None))]
    if request.split is Split.TRAIN:
        kept = torch.cat([torch.arange(i, len(x), 5) for i in (2, 3, 4)])
    told = labels[kept] if labels is not None and request.condition else None
    space = request.space or zoo.Space.real(x.shape[1])
    return Dataset(
        name,
        request.split,
        zoo.Batch(x[kept], told),
        space,
        classes=classes if request.condition else (),
        license="CC0-1.0",
        sha256=sha256,
    )


@pytest.fixture(autouse=True)
def _hooks(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    zoo.register(Gaussian)
    readers = Readers()
    plugins.register_hooks(readers, "readers of these tests")
    monkeypatch.setattr(loop, "observe_training", facade.observe_training)
    monkeypatch.setattr(facade, "answering", _without_plugins(facade.answering))
    yield
    plugins.unregister_hooks(readers)


def _without_plugins(answering: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let this file alone open and measure, whatever is installed."""

    def found(hook: str) -> Any:
        every = answering(hook)
        if hook not in ("zoo_open_data", "zoo_evaluate"):
            return every
        own = [i for i in every.implementations if isinstance(i.source.module, Readers)]
        return every._replace(implementations=own)

    return found


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one."""
    for name in ("ZOO_HOME", "XDG_CONFIG_HOME", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home" / name))
    monkeypatch.delenv("RANK", raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def run(work: Path) -> Run:
    """Run `zoo` in an empty folder."""
    del work
    return lambda *args: CliRunner().invoke(command, [str(arg) for arg in args])


@pytest.fixture
def flowers(work: Path) -> Path:
    """A table of 300 rows with a column of names that look like numbers."""
    x, labels = _blobs(0.0)
    lines = ["length,width,kind"]
    names = ("10", "20", "30")
    lines += [
        f"{a:.4f},{b:.4f},{names[k]}" for (a, b), k in zip(x.tolist(), labels.tolist(), strict=True)
    ]
    path = work / "flowers.csv"
    path.write_text("\n".join(lines[:301]) + "\n")
    return path
