"""How naive Bayes learns: missing values, unknown classes, pieces, and data that are hard."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from zoo_core.errors import ConfigError, DataError, UnsupportedError
from zoo_core.interfaces.call import Observed
from zoo_core.interfaces.space import Space
from zoo_plugin_classical.bernoulli_naive_bayes import BernoulliNaiveBayes
from zoo_plugin_classical.categorical_naive_bayes import CategoricalNaiveBayes
from zoo_plugin_classical.complement_naive_bayes import ComplementNaiveBayes
from zoo_plugin_classical.gaussian_naive_bayes import GaussianNaiveBayes
from zoo_plugin_classical.multinomial_naive_bayes import MultinomialNaiveBayes
from zoo_plugin_classical.naive_bayes import NaiveBayes

SPACES = {
    GaussianNaiveBayes: Space.real(3, missing=True),
    BernoulliNaiveBayes: Space.binary(3, missing=True),
    CategoricalNaiveBayes: Space.categorical(3, 3, missing=True),
    MultinomialNaiveBayes: Space.count(3, missing=True),
}
LABEL = zoo.Part("core/label", {"classes": 3, "missing": True})


def drawn(cls: Any, n: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Draw rows whose entries depend on the class."""
    rng = torch.Generator().manual_seed(seed)
    y = torch.randint(3, (n,), generator=rng)
    noise = torch.randn(n, 3, generator=rng, dtype=torch.float64)
    x = noise * (1 + y[:, None]) + torch.tensor([0.0, 2.0, -1.0]) * y[:, None]
    if cls is GaussianNaiveBayes:
        return x, y
    return (x.abs() * 0.8).long().clamp_max(1 if cls is BernoulliNaiveBayes else 2), y


def holed(x: Tensor, share: float = 0.3) -> Tensor:
    gaps = torch.rand(x.shape, generator=torch.Generator().manual_seed(5)) < share
    return x.masked_fill(gaps, math.nan if x.is_floating_point() else -1)


def made(cls: Any, **fields: Any) -> NaiveBayes:
    return cls.create(space=SPACES[cls], conditioner=LABEL, **fields).double()


@pytest.fixture(params=list(SPACES), ids=lambda cls: cls.__name__)
def cls(request: pytest.FixtureRequest) -> Any:
    return request.param


def state(model: Any) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a: Any, b: Any, tolerance: float = 1e-9) -> None:
    first, second = state(a), state(b)
    for name, tensor in first.items():
        torch.testing.assert_close(tensor, second[name], rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("family", [BernoulliNaiveBayes, CategoricalNaiveBayes])
def test_missing_codes_are_summed_out(family: Any) -> None:
    """The probability of what is there is the sum over all that could be missing."""
    x, y = drawn(family, 100)
    model = made(family)
    model.fit(holed(x), condition=y)
    levels = SPACES[family].n_levels or 0
    for row in holed(x[:20], 0.5):
        gaps = (row < 0).nonzero()[:, 0].tolist()
        filled = row.repeat(levels ** len(gaps), 1)
        choices = list(itertools.product(range(levels), repeat=len(gaps)))
        filled[:, gaps] = torch.tensor(choices, dtype=torch.int64).reshape(len(choices), -1)
        expected = model.log_joint(filled).logsumexp(0)
        torch.testing.assert_close(model.log_joint(row[None])[0], expected, rtol=0, atol=1e-10)


def test_missing_counts_are_summed_out() -> None:
    """A sum over a missing count from 0 to 60 gives the probability of the others."""
    x, y = drawn(MultinomialNaiveBayes, 200)
    model = made(MultinomialNaiveBayes)
    model.fit(holed(x), condition=y)
    rows = torch.tensor([1, 0, 2]).repeat(61, 1)
    rows[:, 1] = torch.arange(61)
    seen = model.log_joint(torch.tensor([[1, -1, 2]]))[0]
    torch.testing.assert_close(seen, model.log_joint(rows).logsumexp(0), rtol=0, atol=1e-10)


def test_missing_numbers_drop_out_of_sums() -> None:
    """Means and variances are those of the known numbers, class by class."""
    x, y = drawn(GaussianNaiveBayes, 300)
    x = holed(x)
    model = made(GaussianNaiveBayes, var_smoothing=0.0)
    model.fit(x, condition=y)
    for k, (mean, variance) in enumerate(
        zip(model.taught.stack.mean, model.taught.stack.variance, strict=True)
    ):
        known = [x[y == k, j][~x[y == k, j].isnan()] for j in range(3)]
        expected = torch.stack([torch.stack(torch.var_mean(v, correction=0)) for v in known])
        torch.testing.assert_close(variance, expected[:, 0])
        torch.testing.assert_close(mean, expected[:, 1])


def test_missing_counts_are_learnt_by_the_likelihood() -> None:
    """With alpha 0 the gradient of the likelihood vanishes at what was learnt."""
    x, y = drawn(MultinomialNaiveBayes, 200)
    model = made(MultinomialNaiveBayes, alpha=0.0)
    model.fit(holed(x), condition=y)
    model.log_prob(holed(x), condition=y).sum().backward()
    stack = model.taught.stack
    assert float(stack.logits.grad.abs().max()) < 1e-6
    assert float(stack.log_total.grad.abs()) < 1e-6


def test_pieces_teach_what_the_whole_does(cls: Any) -> None:
    """partial_fit in five pieces, a fit of a stream and one of all rows leave the same tensors."""
    x, y = drawn(cls, 500)
    x, weight = holed(x), torch.rand(500, generator=torch.Generator().manual_seed(2)).double()
    whole, parts, stream = made(cls), made(cls), made(cls)
    report = whole.fit(x, condition=y, weight=weight)
    batches = [zoo.Batch(x[rows], y[rows], weight[rows]) for rows in torch.arange(500).split(123)]
    last = [parts.partial_fit(batch) for batch in batches][-1]
    stream.fit(batches)
    same(whole, parts)
    same(whole, stream)
    assert last.best is not None and report.best is not None
    assert last.best["loss"] == pytest.approx(report.best["loss"], abs=1e-9)


def test_the_report_tells_the_log_likelihood(cls: Any) -> None:
    """It is the weighted mean of log p(x, y)."""
    x, y = drawn(cls, 200)
    weight = torch.rand(200, generator=torch.Generator().manual_seed(2)).double()
    model = made(cls)
    report = model.fit(holed(x), condition=y, weight=weight, valid=(holed(x), y))
    scores = model.log_joint(holed(x)).gather(1, y[:, None])[:, 0]
    assert report.best is not None
    expected = float((weight @ scores / weight.sum()).detach())
    assert report.best["log_likelihood"] == pytest.approx(expected, abs=1e-6)
    assert report.best["valid"] == pytest.approx(-float(scores.detach().mean()), abs=1e-6)


def test_rows_of_unknown_class_help(cls: Any) -> None:
    """The objective never falls; of reals, unknown rows bring log p(x) of fresh ones up."""
    x, y = drawn(cls, 400)
    told = torch.where(torch.arange(400) < 30, y, -1)
    few, all_rows = made(cls), made(cls)
    few.fit(x[:30], condition=y[:30])
    report = all_rows.fit(holed(x, 0.1), condition=told, iterations=15, tolerance=0.0)
    losses = [entry["loss"] for entry in report.history]
    assert all(after <= before + 1e-9 for before, after in itertools.pairwise(losses))
    fresh, _ = drawn(cls, 500, seed=9)
    if cls is GaussianNaiveBayes:
        assert float((all_rows.log_prob(fresh) - few.log_prob(fresh)).mean().detach()) > 0


def test_the_objective_never_falls_where_features_collapse() -> None:
    """Smoothing that matters, features constant in a class, and rows of unknown class."""
    x, y = drawn(GaussianNaiveBayes, 200)
    x[:, 0] = (y == 1).double()
    told = torch.where(torch.arange(200) < 60, y, -1)
    for smoothing in ("largest", "per-feature"):
        model = made(GaussianNaiveBayes, var_smoothing=0.05, smoothing=smoothing)
        report = model.fit(x, condition=told, iterations=20, tolerance=0.0)
        losses = [entry["loss"] for entry in report.history]
        assert all(after <= before + 1e-9 for before, after in itertools.pairwise(losses))


def test_all_classes_unknown_is_a_mixture(cls: Any) -> None:
    """Without any label EM starts from chance, again and again, and stays finite."""
    x, _ = drawn(cls, 200)
    model = made(cls)
    report = model.fit(x, condition=[-1] * 200, restarts=2, rng=zoo.rng(0))
    assert report.restarts == 2
    assert all(not tensor.isnan().any() for tensor in model.state_dict().values())


def test_a_warm_start_goes_on() -> None:
    """From the present parameters the first figure is the last one of before."""
    x, y = drawn(GaussianNaiveBayes, 300)
    told = torch.where(torch.arange(300) < 30, y, -1)
    model = made(GaussianNaiveBayes)
    first = model.fit(x, condition=told, iterations=3, tolerance=0.0)
    second = model.fit(x, condition=told, iterations=3, tolerance=0.0, start="present")
    assert second.history[0]["loss"] == pytest.approx(first.history[-1]["loss"], abs=1e-9)


def test_partial_fit_refuses_unknown_classes_and_changes_nothing(cls: Any) -> None:
    """Also where only the second of two batches has one."""
    x, y = drawn(cls, 100)
    model = made(cls)
    model.fit(x, condition=y)
    before = state(model)
    batches = [zoo.Batch(x[:50], y[:50]), zoo.Batch(x[50:], torch.full((50,), -1))]
    with pytest.raises(DataError, match="class is known"):
        model.partial_fit(batches)
    assert all(torch.equal(tensor, before[name]) for name, tensor in state(model).items())


def test_classes_without_rows_and_with_one(cls: Any) -> None:
    """A class of no rows has the probability 0, one of one row no NaN; the posterior adds up."""
    x, y = drawn(cls, 50)
    y = torch.where(y == 2, 1, y)
    y[0], y[y == 0][1:] = 0, 1
    y = torch.tensor([0] + [1] * 49)
    model = made(cls)
    model.fit(holed(x), condition=y)
    chances = model.predict_proba(x)
    assert bool((chances[:, 2] == 0).all())
    torch.testing.assert_close(chances.sum(1), torch.ones(50, dtype=torch.float64))
    assert bool(model.log_prob(x, condition=2).isfinite().all())


def test_large_means_lose_no_digits() -> None:
    """Entries around 1e8 with a spread of 1, sorted, in pieces: variances to 1e-7."""
    x, y = drawn(GaussianNaiveBayes, 20_000)
    x = x.sort(0).values
    moved, near = made(GaussianNaiveBayes), made(GaussianNaiveBayes)
    for rows in torch.arange(20_000).split(7_000):
        moved.partial_fit(x[rows] + 1e8, condition=y[rows])
        near.partial_fit(x[rows], condition=y[rows])
    torch.testing.assert_close(
        moved.taught.stack.variance, near.taught.stack.variance, rtol=1e-7, atol=0
    )


def test_single_precision_is_near_double() -> None:
    """Posteriors of float32 agree with those of float64 to 1e-4, also after a million counts."""
    x, y = drawn(GaussianNaiveBayes, 1000)
    double, single = made(GaussianNaiveBayes), made(GaussianNaiveBayes).float()
    double.fit(x, condition=y)
    single.fit(x.float(), condition=y, weight=torch.full((1000,), 1e5))
    gap = double.predict_proba(x) - single.predict_proba(x.float())
    assert float(gap.detach().abs().max()) < 1e-4


def test_constant_features_and_duplicate_rows() -> None:
    """Without any spread, and without smoothing, everything stays a number."""
    x = torch.ones(10, 3, dtype=torch.float64) * torch.tensor([0.0, 5.0, -1e6])
    y = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
    for smoothing, share in itertools.product(("largest", "per-feature"), (0.0, 1e-9)):
        model = made(GaussianNaiveBayes, var_smoothing=share, smoothing=smoothing)
        model.fit(x, condition=y)
        torch.testing.assert_close(
            model.predict_proba(x)[0], torch.tensor([0.4, 0.3, 0.3]).double()
        )


def test_smoothing_of_each_feature_keeps_units() -> None:
    """With per-feature smoothing a change of a column's unit changes no posterior."""
    x, y = drawn(GaussianNaiveBayes, 200)
    units = torch.tensor([1e6, 1.0, 1e-6], dtype=torch.float64)
    models = [made(GaussianNaiveBayes, smoothing="per-feature", var_smoothing=0.1) for _ in "ab"]
    models[0].fit(x, condition=y)
    models[1].fit(x * units, condition=y)
    torch.testing.assert_close(models[0].predict_proba(x), models[1].predict_proba(x * units))


def test_linear_twins() -> None:
    """as_linear gives the same posteriors; what isn't linear is refused."""
    bare = zoo.Part("core/label", {"classes": 3})
    for family, space in (
        (GaussianNaiveBayes, Space.real(3)),
        (BernoulliNaiveBayes, Space.binary(3)),
    ):
        x, y = drawn(family, 200)
        shared = {"shared_variance": True} if family is GaussianNaiveBayes else {}
        model: Any = family.create(space=space, conditioner=bare, **shared).double()
        model.fit(x, condition=y)
        twin = model.as_linear()
        torch.testing.assert_close(twin.predict_proba(x), model.predict_proba(x))
        odds, joint = twin.logits(x), model.log_joint(x)
        torch.testing.assert_close(odds - odds[:, :1], joint - joint[:, :1])
    with pytest.raises(UnsupportedError, match="share their variances"):
        GaussianNaiveBayes.create(space=Space.real(3), conditioner=bare).as_linear()


def test_what_is_observed_leads_the_rest(cls: Any) -> None:
    """Draws given an entry have its conditional mean; the entry itself stays."""
    x, y = drawn(cls, 500)
    model = made(cls)
    model.fit(x, condition=y)
    mask = torch.tensor([False, True, False])
    known = Observed(x[:1].expand(4000, -1), mask)
    draws: Any = model.sample(4000, observed=known, rng=zoo.rng(1))
    assert bool((draws[:, 1] == x[0, 1]).all())
    if cls is not CategoricalNaiveBayes:  # whose categories have no mean
        mean = model.conditional_mean(Observed(x[:1], mask))[0]
        gap = (draws.double().mean(0) - mean).abs() / (draws.double().std(0) / 4000**0.5 + 1e-9)
        assert float(gap.max()) < 4.5


def test_gradients_are_those_of_plain_operations() -> None:
    """Of rows with gaps, means and scales; and second derivatives of the rows."""
    x, y = drawn(GaussianNaiveBayes, 30)
    model = made(GaussianNaiveBayes)
    model.fit(x, condition=y)
    stack = model.taught.stack
    rows = holed(x).requires_grad_()
    compiled = torch.autograd.grad(
        model.log_prob(rows).sum(), [rows, stack.mean, stack.log_scale], create_graph=True
    )
    away = (rows.nan_to_num()[:, None] - stack.mean) / stack.log_scale.exp()
    terms = -0.5 * away.square() - stack.log_scale - 0.5 * math.log(2 * math.pi)
    each = torch.where(rows.isnan()[:, None], 0.0, terms).sum(2) + model.class_log_prior
    plain = torch.autograd.grad(
        each.logsumexp(1).sum(), [rows, stack.mean, stack.log_scale], create_graph=True
    )
    for seen, wanted in zip(compiled, plain, strict=True):
        torch.testing.assert_close(seen, wanted)
    seen, wanted = (
        torch.autograd.grad(g[0].nan_to_num().sum(), rows)[0] for g in (compiled, plain)
    )
    torch.testing.assert_close(seen, wanted)


def test_mistakes_are_told() -> None:
    """Priors that don't fit, negative amounts, codes that are none."""
    with pytest.raises(ConfigError, match="add up to 1"):
        made(GaussianNaiveBayes, prior=[0.5, 0.1, 0.1])
    with pytest.raises(ConfigError, match="3 classes"):
        made(GaussianNaiveBayes, prior=[0.5, 0.5])
    complement = ComplementNaiveBayes.for_data(torch.rand(4, 2), condition=[0, 1, 0, 1])
    with pytest.raises(DataError, match="0 or more"):
        complement.fit(-torch.rand(4, 2), condition=[0, 1, 0, 1])
    with pytest.raises(DataError, match="zeros and ones"):
        BernoulliNaiveBayes.for_data(torch.tensor([[0, 3]]), condition=[0])
    with pytest.raises(DataError):
        made(GaussianNaiveBayes).fit(torch.rand(2, 3), condition=[0, 1], weight=[0.0, 0.0])
