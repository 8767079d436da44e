"""Several objectives, accumulation, precision and the sources of batches."""

from __future__ import annotations

import math
from typing import Any, final

import pytest
import torch
from torch import Tensor, nn

import zoo_core as zoo
from zoo_core.errors import OptionError, TrainingError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.rows import Rows
from zoo_core.interfaces.space import Space
from zoo_plugin_training import loop
from zoo_plugin_training.order import BatchOrder
from zoo_plugin_training.sources import Share, source_of
from zoo_plugin_training.streams import Purpose, stream

QUIET: dict[str, Any] = {"progress": "none"}


@final
class Game(Model):
    """min over a of max over b of a quadratic, with a body that both objectives go through."""

    architecture = "test/game"

    def _space(self) -> Space:
        return Space.real(2)

    def _build(self) -> None:
        self.player = nn.Linear(2, 1)
        self.rival = nn.Module()
        self.rival.inner = nn.Linear(2, 1)

    def _objectives(self) -> tuple[zoo.Objective, ...]:
        return zoo.Objective("rival", ("rival",), steps=3), zoo.Objective("player", ("player",))

    def _loss(self, batch: Batch, call: Call) -> Tensor:
        noise = torch.randn(len(batch), 1, generator=call.rng)
        ours, theirs = self.player(batch.x), self.rival.inner(batch.x)
        value = ((ours - theirs + noise).square() - theirs.square() * 2).squeeze(-1)
        return -value if call.objective == "rival" else value


def _by_hand(rows: Tensor, rounds: int, seed: int) -> Model:
    """Do by torch's own optimisers, line by line, what a round is said to do."""
    model = Game.create()
    optimizers = [
        torch.optim.AdamW(model.rival.parameters(), lr=0.02, weight_decay=0.1),
        torch.optim.AdamW(model.player.parameters(), lr=0.01, weight_decay=0.0),
    ]
    order, batch = BatchOrder(len(rows), 16, seed=seed), 0
    for number in range(rounds):
        for objective, steps in enumerate((3, 1)):
            name = model.objectives[objective].name
            for step in range(number * steps, (number + 1) * steps):
                numbers = (step, objective, 0, 0)
                rng = stream(seed, Purpose.STEP, *numbers, device=torch.device("cpu"))
                taken = Batch(rows[order.at(batch)])
                batch += 1
                model.zero_grad()
                model.loss(taken, objective=name, rng=rng).mean().backward()
                if objective == 0:
                    nn.utils.clip_grad_norm_(model.rival.parameters(), 0.3)
                optimizers[objective].step()
    return model


def test_two_objectives_are_trained_as_by_hand() -> None:
    rows = torch.randn(40, 2, generator=zoo.rng(0))
    model = Game.create()
    rival = {"learning_rate": 0.02, "weight_decay": 0.1, "clip_norm": 0.3}
    report = model.fit(
        rows, steps=10, batch_size=16, learning_rate=0.01, schedule="constant",
        objectives={"rival": rival}, rng=zoo.rng(7), **QUIET,
    )  # fmt: skip
    seed = int(torch.randint(2**62, (), generator=zoo.rng(7)))
    expected = _by_hand(rows, 10, seed)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter, expected.get_parameter(name), rtol=1e-5, atol=1e-6)
        assert parameter.requires_grad
    assert {"loss", "loss.rival", "loss.player"} <= set(report.history[0])


def test_options_of_an_objective_stand_before_those_of_the_run() -> None:
    rows = torch.randn(40, 2, generator=zoo.rng(0))
    model, still = Game.create(), Game.create()
    rival = {"steps": 1, "learning_rate": 1e-12, "schedule": "constant"}
    model.fit(rows, steps=5, objectives={"rival": rival}, **QUIET)
    torch.testing.assert_close(model.rival.inner.weight, still.rival.inner.weight)
    assert not torch.allclose(model.player.weight, still.player.weight)
    with pytest.raises(OptionError, match="rival, player"):
        model.fit(rows, steps=5, objectives={"critic": rival}, **QUIET)
    with pytest.raises(OptionError, match="learning_rate"):
        model.fit(rows, steps=5, objectives={"rival": {"learning_rate": -1.0}}, **QUIET)


def test_an_epoch_counts_the_batches_of_every_objective() -> None:
    rows = torch.randn(160, 2, generator=zoo.rng(0))
    assert Game.create().fit(rows, epochs=2, batch_size=16, **QUIET).steps == 5


def test_an_objective_that_breaks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = torch.randn(40, 2, generator=zoo.rng(0))
    loss = Game._loss

    def breaking(self: Game, batch: Batch, call: Call) -> Tensor:
        value = loss(self, batch, call)
        return value * math.nan if call.objective == "player" else value

    monkeypatch.setattr(Game, "_loss", breaking)
    model, before = Game.create(), Game.create()
    with pytest.raises(TrainingError, match="step 1: the objective 'player'"):
        model.fit(rows, steps=5, **QUIET)
    assert torch.equal(model.rival.inner.weight, before.rival.inner.weight)


def test_a_gradient_that_is_not_finite_stops_before_the_weights_move(
    gaussian: Any, rows: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_prob = gaussian._log_prob

    def breaking(self: Any, z: Tensor, call: Any) -> Tensor:
        return log_prob(self, z, call) + (self.mean.sum() * 0).sqrt()

    monkeypatch.setattr(gaussian, "_log_prob", breaking)
    model = gaussian.create()
    with pytest.raises(TrainingError, match="gradient of norm nan"):
        model.fit(rows, steps=5, **QUIET)
    assert torch.equal(model.mean, torch.zeros(2))


def test_accumulation_gives_the_gradient_of_the_whole_batch(gaussian: Any, rows: Tensor) -> None:
    """Parts of unequal size and rows of unequal weight count as they do in one piece."""
    options = {"steps": 20, "batch_size": 50, "learning_rate": 0.02, "clip_norm": 0.7, **QUIET}
    weight = torch.arange(len(rows)) % 4
    whole, parts = gaussian.create(), gaussian.create()
    one = whole.fit(rows, weight=weight, rng=zoo.rng(0), **options)
    other = parts.fit(rows, weight=weight, accumulate=7, rng=zoo.rng(0), **options)
    torch.testing.assert_close(parts.mean, whole.mean, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(parts.log_scale, whole.log_scale, rtol=1e-4, atol=1e-5)
    assert other.history[-1]["loss"] == pytest.approx(one.history[-1]["loss"], rel=1e-5)


def test_accumulated_parts_have_noise_of_their_own(gaussian: Any, rows: Tensor) -> None:
    """The same row many times: with one stream for all parts, every part would be the same."""
    seen: list[Tensor] = []
    model = gaussian.create(noise=1.0)
    same = rows[:1].expand(40, 2)
    log_prob = type(model)._log_prob
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            type(model),
            "_log_prob",
            lambda self, z, call: (seen.append(z.detach()), log_prob(self, z, call))[1],
        )
        model.fit(same, steps=1, batch_size=40, accumulate=4, rng=zoo.rng(0), **QUIET)
    assert [len(z) for z in seen] == [10] * 4
    assert len({float(z[0, 0]) for z in seen}) == 4


@final
class Regression(Model):
    """A layer whose products bf16 rounds."""

    architecture = "test/regression"

    def _space(self) -> Space:
        return Space.real(16)

    def _build(self) -> None:
        self.layer = nn.Linear(16, 16)
        self.types: set[torch.dtype] = set()

    def _loss(self, batch: Batch, call: Call) -> Tensor:
        made = self.layer(batch.x)
        self.types.add(made.dtype)
        return (made - 2 * batch.x).square().mean(-1)


def test_bf16_multiplies_in_bfloat16_and_keeps_weights_in_float32() -> None:
    rows = torch.randn(500, 16, generator=zoo.rng(0))
    model = Regression.create()
    report = model.fit(
        rows, valid=rows[:50], steps=90, learning_rate=0.05, precision="bf16", rng=zoo.rng(0),
        evaluate_every=30, **QUIET,
    )  # fmt: skip
    assert model.types == {torch.bfloat16, torch.float32}
    assert model.layer.weight.dtype is torch.float32
    assert report.history[-1]["valid"] < 0.1 < report.history[0]["loss"]
    model.types.clear()
    model.fit(rows, steps=1, **QUIET)
    assert model.types == {torch.float32}


@final
class Fetched(Rows):
    """Rows that count how many were asked for."""

    def __init__(self, data: Batch) -> None:
        self.data, self.taken = data, 0

    def __len__(self) -> int:
        return len(self.data)

    def take(self, rows: Tensor) -> Batch:
        self.taken += len(rows)
        return self.data.take(rows)


def test_rows_that_are_fetched_come_in_the_order_of_rows_in_memory(rows: Tensor) -> None:
    weight = torch.arange(len(rows)).double()
    data = Batch(rows, None, weight)
    memory, fetched = source_of(data, 70, seed=3), source_of(Fetched(data), 70, seed=3)
    assert memory.mean_weight == pytest.approx(fetched.mean_weight)
    assert memory.steps_per_epoch == fetched.steps_per_epoch
    pairs = zip(memory.portions(5, Share()), fetched.portions(5, Share()), strict=False)
    for (one, other), _ in zip(pairs, range(40), strict=False):
        assert torch.equal(one.batch.x, other.batch.x)


def test_shares_of_a_batch_are_the_batch(rows: Tensor) -> None:
    """Each process fetches its own rows only."""
    data = Fetched(Batch(rows))
    source = source_of(data, 50, seed=0)
    data.taken = 0
    portions = [next(source.portions(2, Share(rank, 3))) for rank in range(3)]
    assert data.taken == 50
    whole = next(source.portions(2, Share())).batch.x
    assert torch.equal(torch.cat([portion.batch.x for portion in portions]), whole)
    assert [portion.rows for portion in portions] == [50] * 3


def test_validated_weights_are_in_the_model_while_observers_look(
    gaussian: Any, rows: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = gaussian.create(dropout=0.5)
    seen: list[tuple[float, float, bool]] = []

    def observer(event: Any) -> None:
        if event.kind == "validated":
            with torch.no_grad():
                figure = -float(model.log_prob(rows[:50]).mean())
            seen.append((figure, event.values["valid"], model.training))

    monkeypatch.setattr(loop, "observe_training", lambda model, request: observer)
    model.fit(rows, valid=rows[:50], steps=9, evaluate_every=3, ema=0.9, learning_rate=0.1, **QUIET)
    assert len(seen) == 3
    for figure, valid, training in seen:
        assert figure == pytest.approx(valid, rel=1e-5)
        assert not training
