"""Live models beside each other on a page, wrapped modules among them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

import zoo_core as zoo
from zoo_core.errors import DataError, OptionError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_plugin_evaluation import compare, evaluate

PLANE = zoo.Space.real(2)
ROWS = Dataset("points", Split.TEST, Batch(torch.randn(60, 2, generator=zoo.rng(0))), PLANE)


class Shifted(nn.Module):
    def __init__(self, loc: float) -> None:
        super().__init__()
        self.loc = nn.Parameter(torch.tensor(loc))

    def log_prob(self, x: Tensor) -> Tensor:
        return Normal(self.loc, 1.0).log_prob(x).sum(1)

    def sample(self, n: int) -> Tensor:
        return self.loc + torch.randn(n, 2)


def wrapped(loc: float) -> zoo.Model:
    return zoo.wrap(Shifted(loc), space=PLANE, log_prob="log_prob", sample="sample")


def test_a_wrapped_module_is_evaluated_like_any_model() -> None:
    (figure,) = evaluate(wrapped(0.5), ROWS, metrics="NLL")
    expected = -Normal(0.5, 1.0).log_prob(ROWS.x).sum(1).double().mean()
    assert figure.value == pytest.approx(float(expected), rel=1e-6)
    assert (figure.kind, figure.measure, figure.unit) == ("exact", "density", "nats")


@pytest.mark.parametrize("name", ["page.html", "page.md"])
def test_live_models_are_compared_on_a_page(tmp_path: Path, name: str) -> None:
    models = {"near": wrapped(0.0), "far": wrapped(3.0)}
    metrics = ["NLL", "coverage"]
    found = compare(models, ROWS, tmp_path / name, metrics=metrics, samples=50)
    near, far = ({m.name.partition(" (")[0]: m.value for m in found[one]} for one in models)
    assert near.keys() == {"NLL", "coverage"}
    assert near["NLL"] < far["NLL"]
    assert near["coverage"] > far["coverage"]
    text = (tmp_path / name).read_text("utf-8")
    assert text.index("near") < text.rindex("far")
    assert "core/wrapped" in text


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"A page ends in \.html or \.md"):
        compare({"near": wrapped(0.0)}, ROWS, tmp_path / "page.pdf")
    with pytest.raises(DataError, match="At least one"):
        compare({}, ROWS, tmp_path / "page.html")
    other = Dataset("more", Split.TEST, Batch(torch.zeros(4, 3)), zoo.Space.real(3))
    with pytest.raises(DataError, match="model's space"):
        compare({"near": wrapped(0.0)}, other, tmp_path / "page.html")
    assert not list(tmp_path.iterdir())
