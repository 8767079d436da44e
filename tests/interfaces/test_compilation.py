"""Model.compile: the same numbers, the same state, on this instance alone."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.errors import OptionError


class Shifted(zoo.Generator, zoo.DensityModel):
    """z = x − network(x), z ~ N(0, I); counts how often Python runs it."""

    architecture = "tests/shifted"

    class Config(zoo.Config):
        space: zoo.Space
        dropout: float = 0.0

    def _build(self) -> None:
        self.net = nn.Sequential(nn.Linear(self.space.size, 4), nn.Dropout(self.config.dropout))
        self.last = nn.Linear(4, 1)
        self.runs = 0

    def _height(self, z: Tensor) -> Tensor:
        if not torch.compiler.is_compiling():
            self.runs += 1
        return self.last(self.net(z).tanh())[:, 0]

    def _log_prob(self, z: Tensor, call: zoo.Call) -> Tensor:
        return self._height(z) - 0.5 * z.square().sum(1)

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        z = torch.randn(n, self.space.size, generator=call.rng)
        return z + self._height(z)[:, None]


def make(**fields: float) -> Shifted:
    return Shifted.create(space=zoo.Space.real(3), **fields)


@pytest.fixture(autouse=True)
def forget() -> None:
    torch.compiler.reset()


@pytest.fixture
def pair() -> tuple[Shifted, Shifted]:
    plain, compiled = make(), make()
    compiled.compile(backend="aot_eager")
    return plain, compiled


X = torch.randn(7, 3, generator=zoo.rng(0))


def test_the_numbers_are_the_same(pair: tuple[Shifted, Shifted]) -> None:
    plain, compiled = pair
    torch.testing.assert_close(compiled.log_prob(X), plain.log_prob(X))
    batch = zoo.Batch(X)
    torch.testing.assert_close(compiled.loss(batch), plain.loss(batch))
    drawn = compiled.sample(5, rng=zoo.rng(3))
    torch.testing.assert_close(drawn, plain.sample(5, rng=zoo.rng(3)))
    assert torch.equal(drawn, compiled.sample(5, rng=zoo.rng(3)))
    assert not torch.equal(drawn, compiled.sample(5, rng=zoo.rng(4)))
    assert compiled.runs == 0 < plain.runs


def test_other_numbers_of_rows_work(pair: tuple[Shifted, Shifted]) -> None:
    plain, compiled = pair
    for n in (7, 2, 1, 5):
        torch.testing.assert_close(compiled.log_prob(X[:n]), plain.log_prob(X[:n]))


def test_gradients_are_the_same(pair: tuple[Shifted, Shifted]) -> None:
    for model in pair:
        model.loss(zoo.Batch(X)).mean().backward()
    for a, b in zip(pair[0].parameters(), pair[1].parameters(), strict=True):
        torch.testing.assert_close(a.grad, b.grad)
    x = X.clone().requires_grad_()
    (mine,) = torch.autograd.grad(pair[0].log_prob(x).sum(), x)
    (other,) = torch.autograd.grad(pair[1].log_prob(x).sum(), x)
    torch.testing.assert_close(mine, other)


def test_weights_that_change_afterwards_count(pair: tuple[Shifted, Shifted]) -> None:
    plain, compiled = pair
    compiled.log_prob(X)
    for model in pair:
        with torch.no_grad():
            model.last.weight.mul_(3)
    torch.testing.assert_close(compiled.log_prob(X), plain.log_prob(X))
    torch.testing.assert_close(compiled.double().log_prob(X), plain.double().log_prob(X))


def test_training_and_evaluation_differ_as_before() -> None:
    model = make(dropout=0.9)
    model.compile(backend="aot_eager")
    expected = make(dropout=0.9).eval().log_prob(X)
    torch.testing.assert_close(model.eval().log_prob(X), expected)
    assert not torch.allclose(model.train().log_prob(X), expected)
    torch.testing.assert_close(model.eval().log_prob(X), expected)


def test_neither_config_nor_state_nor_file_changes(
    pair: tuple[Shifted, Shifted], tmp_path: Path
) -> None:
    plain, compiled = pair
    compiled.log_prob(X)
    assert compiled.config == plain.config
    assert list(compiled.state_dict()) == list(plain.state_dict())
    zoo.register(Shifted)
    for name, model in (("plain", plain), ("compiled", compiled)):
        zoo.save(model, tmp_path / name)
    for file in ("config.json", "model.safetensors"):
        assert (tmp_path / "plain" / file).read_bytes() == (
            tmp_path / "compiled" / file
        ).read_bytes()
    loaded = zoo.load(str(tmp_path / "compiled"))
    assert torch.equal(loaded.log_prob(X), plain.eval().log_prob(X))
    assert loaded.runs == 1


def test_a_copy_is_not_compiled(pair: tuple[Shifted, Shifted]) -> None:
    compiled = pair[1]
    compiled.log_prob(X)
    twin = copy.deepcopy(compiled)
    with torch.no_grad():
        twin.last.bias.add_(1)
    torch.testing.assert_close(twin.log_prob(X), compiled.log_prob(X) + 1)
    assert (twin.runs, compiled.runs) == (1, 0)


def test_compiling_again_takes_the_new_options(pair: tuple[Shifted, Shifted]) -> None:
    plain, compiled = pair
    compiled.compile(backend="eager", dynamic=True, fullgraph=False)
    torch.testing.assert_close(compiled.log_prob(X), plain.log_prob(X))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"backend": "inductr"}, "inductor"),
        ({"mode": "fast"}, "reduce-overhead"),
        ({"full_graph": True}, "full_graph"),
    ],
)
def test_unknown_options_are_refused(options: dict[str, object], told: str) -> None:
    model = make()
    with pytest.raises(OptionError, match=told):
        model.compile(**options)
    model.log_prob(X)
    assert model.runs == 1


def test_the_name_is_the_cores() -> None:
    with pytest.raises(zoo.ZooError, match="final"):
        type("Own", (Shifted,), {"compile": lambda self: None})
