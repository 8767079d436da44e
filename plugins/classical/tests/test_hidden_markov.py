"""Hidden Markov models: exact cases, learning, and what is hard."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch

import zoo_core as zoo
from zoo_core.errors import ConfigError, DataError, OptionError, UnsupportedError
from zoo_plugin_classical.gaussian_hmm import GaussianHMM
from zoo_plugin_classical.poisson_hmm import PoissonHMM

QUAKES = (
    "13 14 8 10 16 26 32 27 18 32 36 24 22 23 22 18 25 21 21 14 8 11 14 23 18 17 19 20 22 19 13 26 "
    "13 14 22 24 21 22 26 21 23 24 27 41 31 27 35 26 28 36 39 21 17 22 17 19 15 34 10 15 22 18 15 "
    "20 15 22 19 16 30 27 29 23 20 16 21 21 25 16 18 15 18 14 10 15 8 15 6 11 8 7 18 16 13 12 13 20 "
    "15 16 12 18 15 16 13 15 16 11 11"
)
COUNTS = zoo.Ragged(torch.tensor([int(count) for count in QUAKES.split()]), torch.tensor([107]))


def gaussian(**fields: Any) -> Any:
    fields = {"space": zoo.Space.real(2, ragged=True, missing=True), "n_states": 3, **fields}
    return zoo.create("classical/gaussian-hmm", **fields).double()


def codes(**fields: Any) -> Any:
    space = zoo.Space.categorical(3, ragged=True, missing=True)
    return zoo.create("classical/categorical-hmm", space=space, **fields).double()


def sequences(*lengths: int, seed: int = 0) -> zoo.Ragged:
    values = torch.randn(sum(lengths), 2, generator=zoo.rng(seed), dtype=torch.float64)
    return zoo.Ragged(3 * values.cumsum(0).sin() + 0.5 * values, torch.tensor(lengths))


@pytest.mark.parametrize(
    ("states", "expected", "rates"),
    [
        (1, 391.9189, [19.36]),
        (2, 341.8787, [15.42, 26.02]),
        (3, 328.5275, [13.13, 19.71, 29.71]),
    ],
)
def test_earthquakes(states: int, expected: float, rates: list[float]) -> None:
    model: Any = PoissonHMM.for_data(COUNTS, n_states=states).double()
    report = model.fit(COUNTS, rng=zoo.rng(0), restarts=3, iterations=500, tolerance=1e-7)
    assert -model.log_prob(COUNTS).item() == pytest.approx(expected, abs=1e-4)
    assert sorted(model.rates.tolist()) == pytest.approx(rates, abs=0.005)
    assert report.restarts == 3


def test_a_step_that_is_missing_is_summed_out() -> None:
    model = codes(n_states=2)
    both = [zoo.Ragged(torch.tensor([0, code, 2]), torch.tensor([3])) for code in (0, 1, 2, -1)]
    *known, missing = [model.log_prob(x) for x in both]
    torch.testing.assert_close(torch.stack(known).logsumexp(0), missing)


def test_states_that_do_not_matter_make_a_mixture_a_million_steps_long() -> None:
    rates = torch.tensor([2.0, 9.0]).double()
    weights = torch.tensor([0.3, 0.7]).double()
    space = zoo.Space.count(ragged=True)
    model: Any = zoo.create("classical/poisson-hmm", space=space, n_states=2).double()
    model.set_chain(initial=weights, transition=weights.expand(2, 2))
    with torch.no_grad():
        model.stack.log_rate.copy_(rates.log()[:, None])
    x = model.sample(1, lengths=1_000_000, rng=zoo.rng(0))
    joint = weights.log() + torch.distributions.Poisson(rates).log_prob(x.values[:, None].double())
    torch.testing.assert_close(model.log_prob(x)[0], joint.logsumexp(1).sum(), rtol=1e-11, atol=0)
    torch.testing.assert_close(model.smooth(x).values, joint.log_softmax(1))
    assert torch.equal(model.viterbi(x)[0].values, joint.argmax(1))


@pytest.mark.parametrize("missing", [False, True])
def test_the_penalised_objective_never_falls(missing: bool) -> None:
    model = gaussian(initial_prior=2.0, transition_prior=5.0, covariance="full")
    x = sequences(30, 0, 1, 50)
    if missing:
        hidden = torch.rand(x.values.shape, generator=zoo.rng(1)) < 0.3
        x = zoo.Ragged(x.values.masked_fill(hidden, torch.nan), x.lengths)
    weight = torch.tensor([1.0, 1.0, 0.5, 2.0])
    report = model.fit(x, weight=weight, rng=zoo.rng(0), iterations=60, tolerance=0.0)
    losses = torch.tensor([entry["loss"] for entry in report.history])
    assert bool((losses.diff() < 1e-9).all())
    told = [entry["log_likelihood"] for entry in report.history]
    mean = (weight * model.log_prob(x)).sum() / weight.sum()
    assert told[-1] == pytest.approx(mean.item(), rel=1e-9)
    assert losses[-1] < losses[0] - 1


def test_a_sequence_of_weight_zero_was_never_there() -> None:
    x = sequences(20, 30, 10)
    spoiled = zoo.Ragged(x.values.clone(), x.lengths)
    spoiled.values[20:50] += 1e3
    few = zoo.Ragged(torch.cat([x.values[:20], x.values[50:]]), torch.tensor([20, 10]))
    models = [gaussian(), gaussian()]
    models[0].fit(spoiled, weight=[1.0, 0.0, 1.0], rng=zoo.rng(0), iterations=5)
    models[1].fit(few, rng=zoo.rng(0), iterations=5)
    torch.testing.assert_close(models[0].log_prob(x), models[1].log_prob(x))


def test_states_that_are_all_known_are_counted() -> None:
    x = sequences(6, 4)
    states = torch.tensor([0, 0, 1, 1, 2, 0, 1, 1, 1, 2])
    model = gaussian(covariance="diagonal")
    model.fit(x, states=zoo.Ragged(states, x.lengths), rng=zoo.rng(0))
    expected = torch.tensor([[1 / 2, 1 / 2, 0], [0, 3 / 5, 2 / 5], [1, 0, 0]]).double()
    torch.testing.assert_close(model.initial, torch.tensor([0.5, 0.5, 0]).double())
    torch.testing.assert_close(model.transition, expected)
    for state in range(3):
        own = x.values[states == state]
        torch.testing.assert_close(model.means[state], own.mean(0))
        torch.testing.assert_close(model.covariances[state].diagonal(), own.var(0, correction=0))


def test_some_known_states_name_the_others() -> None:
    truth: Any = gaussian(n_states=2)
    truth.set_chain(initial=[0.5, 0.5], transition=[[0.9, 0.1], [0.2, 0.8]])
    with torch.no_grad():
        truth.stack.mean.copy_(torch.tensor([[-2.0, 0.0], [2.0, 0.0]]))
    x = truth.sample(20, lengths=50, rng=zoo.rng(0))
    path = truth.viterbi(x)[0].values
    known = torch.where(torch.arange(1000) % 50 == 0, 1 - path, -1)  # the names change places
    for seed in range(3):
        model = gaussian(n_states=2)
        model.fit(x, states=zoo.Ragged(known, x.lengths), rng=zoo.rng(seed))
        assert (model.viterbi(x)[0].values != path).double().mean() > 0.97


@pytest.mark.parametrize(
    ("states", "match"),
    [
        (torch.zeros(10), "Ragged"),
        (zoo.Ragged(torch.zeros(10), torch.tensor([10])), "each step"),
        (zoo.Ragged(torch.zeros(10), torch.tensor([6, 4])), "whole numbers"),
        (zoo.Ragged(torch.full((10,), 3), torch.tensor([6, 4])), "whole numbers"),
    ],
)
def test_wrong_states_are_refused(states: Any, match: str) -> None:
    model = gaussian()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(DataError, match=match):
        model.fit(sequences(6, 4), states=states)
    assert all(torch.equal(before[name], t) for name, t in model.state_dict().items())


def test_wrong_requests_are_refused() -> None:
    model = gaussian()
    with pytest.raises(OptionError, match="random"):
        model.fit(sequences(5), start="best")
    with pytest.raises(OptionError):
        model.fit(sequences(5), iteration=5)
    with pytest.raises(DataError, match="add up to 1"):
        model.set_chain(initial=[0.5, 0.5, 0.5])
    with pytest.raises(DataError, match="shape"):
        model.set_chain(transition=[0.5, 0.5, 0.5])
    with pytest.raises(DataError, match="at least one step"):
        model.forecast(sequences(5), 0)
    for fields in ({"topology": "circle"}, {"allowed": ((True,),)}, {"transition_prior": 0.5}):
        with pytest.raises(ConfigError):
            gaussian(**fields)


@pytest.mark.parametrize("part", ["initial", "transition", "emissions"])
def test_what_is_not_learnt_stays(part: str) -> None:
    learnt = tuple(p for p in ("initial", "transition", "emissions") if p != part)
    model = gaussian(learnt=learnt)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model.fit(sequences(40, 30), rng=zoo.rng(0), iterations=3)
    kept = {n for n, tensor in model.state_dict().items() if torch.equal(tensor, before[n])}
    own = {"emissions": "stack."}.get(part, f"chain.{part}")
    assert kept == {name for name in before if name.startswith(own)}
    assert {n for n, p in model.named_parameters() if not p.requires_grad} == kept


@pytest.mark.parametrize("topology", ["left-right", "linear"])
def test_forbidden_moves_are_never_learnt(topology: str) -> None:
    model = gaussian(n_states=4, topology=topology, transition_prior=2.0)
    model.fit(sequences(60, 60), rng=zoo.rng(0), iterations=20)
    allowed = torch.ones(4, 4).triu().bool()
    if topology == "linear":
        allowed &= torch.ones(4, 4).tril(1).bool()
    assert bool((model.transition[~allowed] == 0).all())
    assert model.initial.tolist() == [1, 0, 0, 0]
    torch.testing.assert_close(model.transition.sum(1), torch.ones(4).double())
    path = model.viterbi(sequences(60, 60))[0]
    moved = torch.stack([p.diff().clamp(-1, 4) for p in path])
    assert bool((moved >= 0).all())


def test_a_state_that_is_never_left_or_reached_keeps_its_probabilities() -> None:
    model = gaussian(n_states=3, topology="linear")
    before = model.transition.clone()
    model.fit(sequences(1, 1), start="present", iterations=3, tolerance=0.0)
    torch.testing.assert_close(model.transition, before)
    assert bool(torch.cat([t.flatten() for t in model.state_dict().values()]).isfinite().all())


def test_data_that_no_path_explains_are_refused() -> None:
    model: Any = zoo.create(
        "classical/categorical-hmm",
        space=zoo.Space.categorical(2, ragged=True),
        n_states=2,
        topology="linear",
    ).double()
    with torch.no_grad():
        model.stack.logits.copy_(torch.tensor([[[0.0, -torch.inf]], [[-torch.inf, 0.0]]]))
    x = zoo.Ragged(torch.tensor([0, 1, 0]), torch.tensor([2, 1]))
    back = zoo.Ragged(torch.tensor([0, 1, 0]), torch.tensor([3]))
    assert bool(model.log_prob(x).isfinite().all())
    assert model.log_prob(back).item() == -torch.inf
    for ask in (model.smooth, model.filter, model.sample_states):
        with pytest.raises(DataError, match="probability 0"):
            ask(back)
    with pytest.raises(DataError, match="finite likelihood"):
        model.fit(back, start="present")


@pytest.mark.parametrize("case", ["one vector", "constant", "few"])
def test_poor_data_leave_numbers(case: str) -> None:
    values = {
        "one vector": torch.ones(40, 2),
        "constant": torch.stack([torch.ones(40), torch.randn(40, generator=zoo.rng(0))], 1),
        "few": torch.randn(2, 2, generator=zoo.rng(0)),
    }[case].double()
    model = gaussian(n_states=5, covariance="full")
    x = zoo.Ragged(values, torch.tensor([len(values)]))
    model.fit(x, rng=zoo.rng(0), iterations=30)
    assert bool(torch.linalg.eigvalsh(model.covariances).gt(0).all())
    assert bool(model.log_prob(x).isfinite().all())


def test_paths_are_drawn_as_often_as_they_are_probable() -> None:
    model = codes(n_states=2)
    x = zoo.Ragged(torch.tensor([0, 2, 1] * 20_000), torch.full((20_000,), 3))
    drawn = model.sample_states(x, rng=zoo.rng(0)).values.view(-1, 3)
    one = x[0:1]
    for path in itertools.product(range(2), repeat=3):
        states = zoo.Ragged(torch.tensor(path), torch.tensor([3]))
        chance = (model.path_log_prob(one, states) - model.log_prob(one)).exp().item()
        share = (drawn == torch.tensor(path)).all(1).double().mean().item()
        assert share == pytest.approx(chance, abs=5 * (chance / 20_000) ** 0.5 + 1e-4)


def test_forecasts_follow_the_chain() -> None:
    model = gaussian()
    x = sequences(5, 0, 9)
    ahead = model.forecast(x, 4)
    last = model.filter(x).values[torch.tensor([4, 13])].exp()
    for steps in range(4):
        power = torch.linalg.matrix_power(model.transition, steps + 1)
        torch.testing.assert_close(ahead[[0, 2], steps], last @ power)
    first = model.initial @ torch.linalg.matrix_power(model.transition, 3)
    torch.testing.assert_close(ahead[1, 3], first)
    torch.testing.assert_close(model.forecast_mean(x, 4), ahead @ model.means)
    same = zoo.Ragged(x.values[:5].repeat(4000, 1), torch.full((4000,), 5))
    drawn = model.sample_forecast(same, 2, rng=zoo.rng(0))
    assert drawn.shape == (4000, 2, 2)
    error = drawn.std(0) / 4000**0.5
    assert bool(((drawn.mean(0) - model.forecast_mean(x, 2)[0]).abs() < 5 * error).all())
    far = model.forecast(x, 500)[:, -1]
    torch.testing.assert_close(far, model.stationary().expand(3, -1))
    with pytest.raises(UnsupportedError, match="no mean"):
        codes(n_states=2).forecast_mean(zoo.Ragged(torch.tensor([0]), torch.tensor([1])), 1)


def test_two_ends_have_no_one_stationary_distribution() -> None:
    model = gaussian(n_states=2)
    model.set_chain(transition=torch.eye(2))
    with pytest.raises(UnsupportedError, match="stationary"):
        model.stationary()


def test_parts_of_one_kind_are_the_model_of_that_kind() -> None:
    x = sequences(40, 30)
    part = {"architecture": "classical/gaussian", "config": {"covariance": "diagonal"}}
    space = zoo.Space.real(2, ragged=True)
    general: Any = zoo.create("classical/hmm", space=space, n_states=3, emissions=[part]).double()
    special = gaussian()
    for model in (general, special):
        model.fit(x, rng=zoo.rng(0), iterations=4, tolerance=0.0)
    torch.testing.assert_close(general.log_prob(x), special.log_prob(x))
    assert general.free_parameters == special.free_parameters
    mixed: Any = zoo.create(
        "classical/hmm", space=space, emissions=[part, {"architecture": "classical/gaussian"}]
    )
    assert mixed.n_states == 2
    with pytest.raises(ConfigError, match="one part"):
        zoo.create("classical/hmm", space=space, n_states=3, emissions=[part, part])


def test_gradients_reach_the_maximum_that_baum_welch_finds() -> None:
    model = codes(n_states=2)
    x = zoo.Ragged(torch.tensor([0, 0, 1, 2, 2, 2, 1, 0, 0] * 4), torch.tensor([20, 16]))
    model.fit(x, rng=zoo.rng(0), iterations=2000, tolerance=1e-12)
    gradients = torch.autograd.grad(model.log_prob(x).sum(), list(model.parameters()))
    assert max(g.abs().max().item() for g in gradients) < 1e-3


def test_batches_teach_what_all_rows_teach() -> None:
    x = sequences(20, 30, 10)
    models = [gaussian(), gaussian()]
    batches = [zoo.Batch(x[i : i + 1]) for i in range(3)]
    models[0].fit(x, start="present", iterations=4, tolerance=0.0)
    models[1].fit(batches, start="present", iterations=4, tolerance=0.0)
    torch.testing.assert_close(models[0].log_prob(x), models[1].log_prob(x))


def test_a_list_of_arrays_is_as_good_as_a_ragged() -> None:
    sequences = [torch.randn(5, 2, generator=zoo.rng(0)), torch.randn(3, 2, generator=zoo.rng(1))]
    model = GaussianHMM.for_data([s.numpy() for s in sequences], n_states=2)
    model.fit([s.numpy() for s in sequences], rng=zoo.rng(0), iterations=3)
    whole = zoo.Ragged.of(sequences)
    assert torch.equal(model.log_prob(sequences), model.log_prob(whole))
