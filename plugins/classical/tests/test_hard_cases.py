"""Hard cases: a right answer or a clear error, and never NaN."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import DataError, ZooError
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.conditionable import Conditionable
from zoo_core.interfaces.density import DensityModel
from zoo_core.interfaces.fitting import FitReport
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.ragged import Ragged

Fields = dict[str, Any]
CLASSES, ROWS = 3, 30
LABEL = zoo.Part("core/label", {"classes": CLASSES, "missing": True})
REAL, WHOLE = zoo.Space.real(2, missing=True), zoo.Space.real(2)
CODES, BITS = zoo.Space.categorical(4, 2, missing=True), zoo.Space.binary(2, missing=True)
COUNTS = zoo.Space.count(2)
TABLE = zoo.Space.mixed(
    {"x": zoo.Space.real(), "colour": zoo.Space.categorical(3), "n": zoo.Space.count()},
    missing=True,
)
FORMS = ("full", "tied", "diagonal", "spherical")

MODELS: dict[str, tuple[str, Fields]] = {
    "gaussian-nb": ("gaussian-nb", {"space": REAL, "conditioner": LABEL}),
    "gaussian-nb, shared": (
        "gaussian-nb",
        {"space": REAL, "conditioner": LABEL, "shared_variance": True},
    ),
    "categorical-nb": ("categorical-nb", {"space": CODES, "conditioner": LABEL}),
    "categorical-nb, unsmoothed": (
        "categorical-nb",
        {"space": CODES, "conditioner": LABEL, "alpha": 0.0},
    ),
    "bernoulli-nb": ("bernoulli-nb", {"space": BITS, "conditioner": LABEL}),
    "bernoulli-nb, unsmoothed": (
        "bernoulli-nb",
        {"space": BITS, "conditioner": LABEL, "alpha": 0.0},
    ),
    "multinomial-nb": ("multinomial-nb", {"space": COUNTS, "conditioner": LABEL}),
    "multinomial-nb, unsmoothed": (
        "multinomial-nb",
        {"space": COUNTS, "conditioner": LABEL, "alpha": 0.0},
    ),
    "complement-nb": ("complement-nb", {"space": COUNTS, "conditioner": LABEL}),
    "mixed-nb": ("mixed-nb", {"space": TABLE, "conditioner": LABEL}),
    "kernel-density-nb": (
        "kernel-density-nb",
        {"space": WHOLE, "conditioner": LABEL, "rows": ROWS, "bandwidth": 0.5},
    ),
    "kernel-density": ("kernel-density", {"space": WHOLE, "rows": ROWS}),
    "logistic-regression": ("logistic-regression", {"space": WHOLE, "conditioner": LABEL}),
    "gaussian": ("gaussian", {"space": REAL}),
    "bernoulli": ("bernoulli", {"space": BITS}),
    "categorical": ("categorical", {"space": CODES}),
    "poisson": ("poisson", {"space": zoo.Space.count(2, missing=True)}),
    **{
        f"gmm, {c}": ("gmm", {"space": REAL, "n_components": 3, "covariance": c})
        for c in ("full", "diagonal")
    },
}
CHAINS: dict[str, tuple[str, Fields]] = {
    "categorical-hmm": (
        "categorical-hmm",
        {"space": zoo.Space.categorical(4, ragged=True, missing=True)},
    ),
    "poisson-hmm": ("poisson-hmm", {"space": zoo.Space.count(2, ragged=True, missing=True)}),
    "gaussian-hmm": (
        "gaussian-hmm",
        {"space": zoo.Space.real(2, ragged=True, missing=True), "covariance": "full"},
    ),
}


def _made(table: dict[str, tuple[str, Fields]], name: str, **fields: Any) -> Any:
    architecture, own = table[name]
    return zoo.create(f"classical/{architecture}", **{**own, **fields})


def _rows(space: zoo.Space, n: int) -> Tensor:
    """Draw rows, columns unlike each other."""
    rng = zoo.rng(0)
    columns: list[Tensor] = []
    for entry in space.entry_spaces or (space,):
        if entry.n_levels is not None:
            columns.append(torch.randint(entry.n_levels, (n,), generator=rng).float())
        elif entry.kind.discrete:
            columns.append(torch.poisson(torch.full((n,), 3.0), generator=rng))
        else:
            columns.append(torch.randn(n, generator=rng))
    x = torch.stack(columns, 1).reshape(n, *space.shape)
    return x.long() if space.kind.discrete else x


def _labels(n: int) -> Tensor:
    return torch.arange(n) % CLASSES


def _missing(x: Tensor) -> float:
    return math.nan if x.is_floating_point() else -1


Case = Callable[[Tensor, Tensor], tuple[Tensor, Tensor, Tensor | None]]


def _with(x: Tensor, rows: Any, value: float) -> Tensor:
    x = x.clone()
    x[rows] = value
    return x


CASES: dict[str, Case] = {
    "one class with one row": lambda x, y: (x, _with(y.clamp(max=1), 5, 2), None),
    "one row in all": lambda x, y: (x[:1], y[:1], None),
    "a constant feature": lambda x, y: (
        torch.cat([x[:, :1], x[:1, 1:].expand(len(x), -1)], 1),
        y,
        None,
    ),
    "a single row again and again": lambda x, y: (x[:1].repeat(len(x), 1), y, None),
    "fewer distinct rows than components": lambda x, y: (x[[0, 1] * (len(x) // 2)], y, None),
    "a class without rows": lambda x, y: (x, y.clamp(max=1), None),
    "a class without weight": lambda x, y: (x, y, (y != 2).double()),
    "one row with weight": lambda x, y: (x, y, (torch.arange(len(x)) == 4).double()),
    "labels that some know": lambda x, y: (x, _with(y, slice(9, None), -1), None),
    "labels that nobody knows": lambda x, y: (x, torch.full_like(y, -1), None),
    "a row all missing": lambda x, y: (_with(x, 3, _missing(x)), y, None),
    "a column all missing": lambda x, y: (_with(x, (slice(None), 1), _missing(x)), y, None),
    "a class all missing": lambda x, y: (_with(x, y == 2, _missing(x)), y, None),
    "all missing": lambda x, y: (torch.full_like(x, _missing(x)), y, None),
    "no rows": lambda x, y: (x[:0], y[:0], None),
    "no weight at all": lambda x, y: (x, y, torch.zeros(len(x))),
    "a label that the model doesn't have": lambda x, y: (x, y + 1, None),
}
REAL_CASES: dict[str, Case] = {
    "infinity": lambda x, y: (_with(x, (2, 0), math.inf), y, None),
    "a far outlier": lambda x, y: (_with(x, 2, 1e15), y, None),
    "numbers of 1e18": lambda x, y: (1e18 * x, y, None),
    "numbers of 1e-18": lambda x, y: (1e-18 * x, y, None),
    "numbers around 1e6": lambda x, y: (x + 1e6, y, None),
}


def _fits(name: str) -> dict[str, Case]:
    real = _made(MODELS, name).space.kind is zoo.Space.real().kind
    return {**CASES, **(REAL_CASES if real else {})}


@pytest.mark.parametrize("name", MODELS)
def test_a_fit_gives_sound_answers_or_a_clear_error(name: str) -> None:
    for case, make in _fits(name).items():
        model = _made(MODELS, name)
        x, y, weight = make(_rows(model.space, ROWS), _labels(ROWS))
        before = {key: tensor.clone() for key, tensor in model.state_dict().items()}
        told: Fields = {"condition": y} if model.is_conditional else {}
        told |= {"iterations": 5} if name.startswith("gmm") else {}
        try:
            report = model.fit(x, **told, weight=weight, rng=zoo.rng(0))
        except ZooError:
            same = [torch.equal(t, before[key]) for key, t in model.state_dict().items()]
            assert all(same), f"{case}: a failed fit has changed the model"
            continue
        assert math.isfinite(_loss(report)), case
        _require_sound(model, x, case)


@pytest.mark.parametrize("name", CHAINS)
def test_a_fit_to_sequences_gives_sound_answers_or_a_clear_error(name: str) -> None:
    for case, make in SEQUENCES.items():
        model = _made(CHAINS, name, n_states=3)
        steps = _rows(zoo.Space.parse({**model.space.to_json(), "ragged": False}), 23)
        x, weight = make(steps)
        try:
            report = model.fit(x, weight=weight, rng=zoo.rng(0), iterations=5)
        except ZooError:
            continue
        assert math.isfinite(_loss(report)), case
        _require_sound(model, x, case)
        for answer in (model.filter(x), model.smooth(x)):
            assert not bool(answer.values.isnan().any()), case


SEQUENCES: dict[str, Callable[[Tensor], tuple[Ragged, Tensor | None]]] = {
    "single steps": lambda s: (Ragged(s, torch.ones(23)), None),
    "one step": lambda s: (Ragged(s[:1], torch.ones(1)), None),
    "an empty sequence": lambda s: (Ragged(s, torch.tensor([7, 0, 13, 3])), None),
    "empty sequences alone": lambda s: (Ragged(s[:0], torch.zeros(2)), None),
    "no sequences": lambda s: (Ragged(s[:0], torch.zeros(0)), None),
    "gaps": lambda s: (Ragged(_with(s, slice(5, 9), _missing(s)), torch.tensor([11, 12])), None),
    "all missing": lambda s: (Ragged(torch.full_like(s, _missing(s)), torch.tensor([23])), None),
    "one state's worth": lambda s: (
        Ragged(s[:1].repeat(23, *[1] * (s.ndim - 1)), torch.tensor([23])),
        None,
    ),
    "a sequence without weight": lambda s: (
        Ragged(s, torch.tensor([11, 12])),
        torch.tensor([0, 1.0]),
    ),
}


def _loss(report: FitReport) -> float:
    """Give the last loss; 0 of a fit that has none."""
    return report.history[-1].get("loss", 0.0) if report.history else 0.0


def _require_sound(model: Any, x: Any, case: str) -> None:
    """Ask everything of a model: no answer is NaN."""
    for key, tensor in model.state_dict().items():
        assert not bool(tensor.isnan().any()), f"{case}: {key}"
    with torch.no_grad():
        if isinstance(model, DensityModel):
            log_prob = model.log_prob(x)
            assert not bool((log_prob.isnan() | (log_prob == math.inf)).any()), case
        if isinstance(model, Classifier):
            chances = model.predict_proba(x)
            assert torch.allclose(chances.sum(1), torch.ones(len(x)), atol=1e-4), case
        if isinstance(model, Generator):
            lengths = 4 if isinstance(x, Ragged) else None
            made: Any = model.sample(20, rng=zoo.rng(1), lengths=lengths)
            values = made.values if isinstance(made, Ragged) else made
            assert not bool(model.space.is_missing(values).any()), case
            model.space.check(values)
        if isinstance(model, Conditionable) and isinstance(x, Tensor):
            known = ~model.space.is_missing(x)
            assert bool(model.conditional_mean(zoo.Observed(x, known)).isfinite().all()), case


LEARNERS = sorted(set(MODELS) - {"kernel-density", "kernel-density-nb"})


@pytest.mark.parametrize("name", LEARNERS)
def test_rows_without_weight_are_as_if_they_were_not_there(name: str) -> None:
    with_, without = (_made(MODELS, name).double() for _ in range(2))
    x, y = _rows(with_.space, ROWS), _labels(ROWS)
    x = x.double() if x.is_floating_point() else x
    kept = torch.arange(ROWS) < 24
    other = x.clone()
    other[~kept] = 7 * x[~kept] if x.is_floating_point() else 0
    if with_.space.entries is not None:
        other = x
    told = with_.is_conditional
    # From the same start: what k-means++ draws depends on which rows there are.
    start: Fields = {"start": "present", "iterations": 5} if name.startswith("gmm") else {}
    with_.fit(
        other, **({"condition": y} if told else {}), weight=kept.double(), rng=zoo.rng(0), **start
    )
    without.fit(x[kept], **({"condition": y[kept]} if told else {}), rng=zoo.rng(0), **start)
    torch.testing.assert_close(
        with_.log_prob(x) if isinstance(with_, DensityModel) else with_.predict_proba(x),
        without.log_prob(x) if isinstance(without, DensityModel) else without.predict_proba(x),
        rtol=1e-6,
        atol=1e-6,
    )


@pytest.mark.parametrize("name", ["gaussian-nb", "categorical-nb", "bernoulli-nb", "mixed-nb"])
def test_a_column_that_nobody_knows_tells_nothing(name: str) -> None:
    model = _made(MODELS, name).double()
    x, y = _rows(model.space, ROWS), _labels(ROWS)
    x = x.double() if x.is_floating_point() else x
    gone = _with(x, (slice(None), 1), _missing(x))
    model.fit(gone, condition=y, rng=zoo.rng(0))
    full = _made(MODELS, name).double()
    full.fit(x, condition=y, rng=zoo.rng(0))
    # Of the other columns both know the same.
    torch.testing.assert_close(model.log_prob(gone), full.log_prob(gone))


def test_a_category_that_was_never_seen_has_the_smoothed_probability() -> None:
    space = zoo.Space.categorical(4, 1)
    model = zoo.create("classical/categorical-nb", space=space, conditioner=LABEL, alpha=1.0)
    x, y = torch.tensor([[0], [0], [1], [2], [2], [2]]), torch.tensor([0, 0, 0, 1, 1, 2])
    model.fit(x, condition=y)
    never: Any = torch.tensor([[3]])
    expected = torch.tensor([[1 / 7, 1 / 6, 1 / 5]])
    torch.testing.assert_close(
        model.log_joint(never).exp(), expected * torch.tensor([[3, 2, 1]]) / 6
    )


def test_without_smoothing_such_a_row_is_impossible_and_no_class_is_nan() -> None:
    space = zoo.Space.categorical(4, 1)
    model = zoo.create("classical/categorical-nb", space=space, conditioner=LABEL, alpha=0.0)
    x, y = torch.tensor([[0], [0], [1], [2], [2], [2]]), torch.tensor([0, 0, 0, 1, 1, 2])
    model.fit(x, condition=y)
    told: Any = model
    assert told.predict_proba(torch.tensor([[1]])).tolist()[0] == pytest.approx([1, 0, 0])
    assert told.log_prob(torch.tensor([[3]])).item() < -600
    assert not bool(told.predict_proba(torch.tensor([[3]])).isnan().any())


def test_a_class_of_one_row_is_found_where_it_lies() -> None:
    x = torch.cat([torch.randn(40, 2, generator=zoo.rng(0)), torch.tensor([[30.0, 30.0]])])
    y = torch.cat([torch.arange(40) % 2, torch.tensor([2])])
    model: Any = zoo.create("classical/gaussian-nb", space=WHOLE, conditioner=LABEL)
    model.fit(x, condition=y)
    assert int(model.predict(x[-1:])) == 2
    assert bool((model.predict(x[:-1]) < 2).all())
    assert model.class_log_prior.exp().tolist() == pytest.approx([20 / 41, 20 / 41, 1 / 41])


@pytest.mark.parametrize("covariance", FORMS)
def test_columns_that_say_the_same_are_no_obstacle(covariance: str) -> None:
    a = 1e4 * torch.randn(300, 1, generator=zoo.rng(0))
    fields = {"space": zoo.Space.real(3), "n_components": 2, "covariance": covariance}
    model: Any = zoo.create("classical/gmm", **fields)
    model.fit(a.repeat(1, 3), rng=zoo.rng(0))
    assert bool(model.log_prob(a.repeat(1, 3)).isfinite().all())


@pytest.mark.parametrize("covariance", FORMS)
def test_each_distinct_row_may_have_a_component(covariance: str) -> None:
    """Five components for two rows: the likelihood is that of two normals at the floor."""
    rows = torch.tensor([[0.0, 0.0], [3.0, 4.0]]).repeat(20, 1).double()
    fields = {"space": WHOLE, "n_components": 5, "covariance": covariance, "covariance_floor": 1e-2}
    model: Any = zoo.create("classical/gmm", **fields).double()
    model.fit(rows, rng=zoo.rng(0), restarts=3)
    best = math.log(0.5) - math.log(2 * math.pi * 1e-2)
    assert model.log_prob(rows).tolist() == pytest.approx([best] * 40, abs=1e-6)


def test_a_million_values_of_which_a_third_is_missing_take_no_time() -> None:
    """The size that a test allows; a million rows take as many times longer."""
    n, d = 100_000, 10
    rng = zoo.rng(0)
    y = torch.randint(CLASSES, (n,), generator=rng)
    x = torch.randn(n, d, generator=rng) + y[:, None]
    x[torch.rand(n, d, generator=rng) < 0.3] = math.nan
    space = zoo.Space.real(d, missing=True)
    began = time.perf_counter()
    naive: Any = zoo.create("classical/gaussian-nb", space=space, conditioner=LABEL)
    naive.fit(x, condition=y)
    accuracy = (naive.predict(x) == y).double().mean()
    fields = {"space": space, "n_components": 3, "covariance": "diagonal"}
    mixture: Any = zoo.create("classical/gmm", **fields)
    mixture.fit(x, rng=zoo.rng(0), iterations=5)
    assert time.perf_counter() - began < 10
    means = torch.stack([naive.taught.stack.mean_each()[k] for k in range(CLASSES)])
    assert means.mean(1).tolist() == pytest.approx([0, 1, 2], abs=0.01)
    assert accuracy > 0.8
    assert bool(mixture.log_prob(x[:1000]).isfinite().all())


def test_the_errors_say_what_to_do() -> None:
    model: Any = zoo.create("classical/gmm", space=WHOLE, n_components=2)
    with pytest.raises(DataError, match="missing values"):
        model.fit(torch.tensor([[0.0, math.nan]]))
    with pytest.raises(DataError, match="at least one row"):
        model.fit(torch.zeros(0, 2))
