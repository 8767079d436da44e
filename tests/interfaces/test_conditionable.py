"""Conditionable: means given a part, imputation, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from conformance.mutants_conditionable import SoundPair
from models.classes import CodedClasses, GaussianClasses
from zoo_core.errors import DataError, DefinitionError, UnsupportedError
from zoo_core.interfaces.call import Observed

_LABEL = zoo.Part("core/label", {"classes": 3, "missing": True})
_CORRELATION = 0.6


@pytest.fixture
def pair() -> SoundPair:
    return SoundPair.create().double()


@pytest.fixture
def classes() -> GaussianClasses:
    return GaussianClasses.create(space=zoo.Space.real(3), conditioner=_LABEL).double()


def rows(n: int, d: int) -> Tensor:
    return torch.randn(n, d, generator=zoo.rng(1), dtype=torch.float64)


def test_the_mean_of_the_rest_is_the_regression(pair: SoundPair) -> None:
    x, mask = rows(5, 2), torch.tensor([True, False])
    expected = pair.loc[1] + _CORRELATION * (x[:, 0] - pair.loc[0])
    mean = pair.conditional_mean(Observed(x, mask))
    assert torch.equal(mean[:, 0], x[:, 0])
    assert torch.allclose(mean[:, 1], expected)
    assert not mean.requires_grad


def test_each_row_may_lack_other_entries(pair: SoundPair) -> None:
    x = torch.tensor([[1.0, math.nan], [math.nan, 2.0], [math.nan, math.nan], [3.0, 4.0]])
    loc = pair.loc.detach().float()
    expected = torch.stack(
        [
            torch.stack([torch.tensor(1.0), loc[1] + _CORRELATION * (1 - loc[0])]),
            torch.stack([loc[0] + _CORRELATION * (2 - loc[1]), torch.tensor(2.0)]),
            loc,
            torch.tensor([3.0, 4.0]),
        ]
    )
    assert torch.allclose(pair.imputed(x).float(), expected, atol=1e-6)
    assert torch.allclose(pair.imputed(x.numpy()).float(), expected, atol=1e-6)


def test_a_class_that_nobody_knows_counts_by_its_posterior(classes: GaussianClasses) -> None:
    x, mask = rows(6, 3), torch.tensor([True, False, True])
    known = torch.distributions.Normal(classes.loc[:, mask], classes.log_scale.exp()[:, mask])
    joint = known.log_prob(x[:, None, mask]).sum(2) + classes.class_log_prior
    expected = joint.softmax(1) @ classes.loc[:, 1]
    assert torch.allclose(classes.conditional_mean(Observed(x, mask))[:, 1], expected)
    told = classes.conditional_mean(Observed(x, mask), condition=[0, 1, 2, -1, 0, 1])
    each = classes.loc[[0, 1, 2, 0, 0, 1], 1].detach()
    each[3] = expected[3]
    assert torch.allclose(told[:, 1], each)


def test_codes_have_a_mean_and_categories_their_most_probable_one() -> None:
    x, mask = torch.tensor([[0, 3], [2, -1]]), torch.tensor([True, False])
    for space, probable in ((zoo.Space.ordinal(4, 2), False), (zoo.Space.categorical(4, 2), True)):
        model = CodedClasses.create(space=space, conditioner=_LABEL).double()
        first = model.scores.log_softmax(2)[:, 0, x[:, 0]].T + model.class_log_prior
        table = first.softmax(1) @ model.scores.softmax(2)[:, 1]
        expected = table.argmax(1).double() if probable else table @ torch.arange(4.0).double()
        mean = model.conditional_mean(Observed(x, mask))
        assert mean.is_floating_point()
        assert torch.allclose(mean[:, 1], expected)
        assert torch.equal(model.imputed(torch.where(mask, x, -1)), mean)


def test_what_is_observed_is_checked(classes: GaussianClasses) -> None:
    x, mask = rows(4, 3), torch.tensor([True, False, True])
    spoiled = x.clone()
    spoiled[2, 0] = math.nan
    wrong: dict[str, tuple[Any, Any]] = {
        "without the batch": (x[0], mask),
        "an entry more": (rows(4, 4), torch.ones(4).bool()),
        "a mask of another shape": (x, torch.ones(2).bool()),
        "a known value that is missing": (spoiled, mask),
        "an infinite one": (x / 0, mask),
        "text": ("text", mask),
        "no rows": (x[:0], mask),
    }
    for what, pair in wrong.items():
        with pytest.raises(DataError):
            classes.conditional_mean(Observed(*pair))
            pytest.fail(what)
    assert classes.conditional_mean(Observed(spoiled, ~mask)).isfinite().all()


@pytest.mark.parametrize("value", [-1, 4, 9])
def test_known_codes_outside_the_space_are_refused(value: int) -> None:
    model = CodedClasses.create(space=zoo.Space.ordinal(4, 2), conditioner=_LABEL)
    observed = Observed(torch.tensor([[value, 0]]), torch.tensor([True, False]))
    with pytest.raises(DataError):
        model.conditional_mean(observed)
    with pytest.raises(DataError):
        model.sample(1, observed=observed)


def test_samples_take_what_is_known_as_it_comes(classes: GaussianClasses) -> None:
    x = torch.tensor([[1.0, math.nan, 2.0], [math.nan, math.nan, 0.5]])
    drawn = classes.sample(2, observed=Observed(x, ~x.isnan()), rng=zoo.rng(0))
    assert isinstance(drawn, Tensor)
    assert drawn.isfinite().all()
    assert torch.equal(drawn[~x.isnan()], x[~x.isnan()].double())


def test_sequences_have_no_fixed_entries() -> None:
    model = GaussianClasses.create(space=zoo.Space.real(2, ragged=True), conditioner=_LABEL)
    with pytest.raises(UnsupportedError):
        model.conditional_mean(Observed(rows(3, 2), torch.ones(2).bool()))


def test_a_mean_of_another_shape_is_the_authors_mistake(pair: SoundPair) -> None:
    pair._conditional_mean = lambda values, mask, call: values[:, :1]  # type: ignore[method-assign]
    with pytest.raises(DefinitionError, match="_conditional_mean gives a row a row"):
        pair.conditional_mean(Observed(rows(3, 2), torch.ones(2).bool()))


def test_every_part_has_its_density_and_its_mean(classes: GaussianClasses) -> None:
    """The chain rule over masks, and the mean by Monte Carlo."""
    x: Any = classes.sample(40, rng=zoo.rng(0))
    first, both = torch.tensor([True, False, False]), torch.tensor([True, True, False])
    last = classes.log_prob(x, observed=both)
    whole, rest = classes.log_prob(x), classes.log_prob(x, observed=first)
    assert torch.allclose(classes.log_prob(x, observed=torch.zeros(3).bool()), whole)
    assert classes.log_prob(x, observed=torch.ones(3).bool()).abs().max() < 1e-12
    assert (whole - rest).isfinite().all()
    assert (rest - last).isfinite().all()
    row = x[:1]
    drawn = classes.sample(40_000, observed=Observed(row[0], first), rng=zoo.rng(2))
    mean = classes.conditional_mean(Observed(row, first))
    assert isinstance(drawn, Tensor)
    assert torch.allclose(drawn.mean(0), mean[0], atol=0.03)
