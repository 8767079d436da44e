"""JointModel: p(x, y) against closed forms, unknown classes, and what is refused."""

from __future__ import annotations

import math
from typing import Any, final

import pytest
import torch
from torch import Tensor
from torch.distributions import Independent, Normal

import zoo_core as zoo
from models.classes import CodedClasses, GaussianClasses
from zoo_core.errors import ConditionError, DataError, DefinitionError, UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.classifier import Classifier
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.preprocessing import Dequantize, Standardize

_LABEL = zoo.Part("core/label", {"classes": 3, "missing": True})


@pytest.fixture
def model() -> GaussianClasses:
    return GaussianClasses.create(space=zoo.Space.real(2), conditioner=_LABEL).double()


@pytest.fixture
def x() -> Tensor:
    return 2 * torch.randn(7, 2, generator=zoo.rng(1), dtype=torch.float64)


def each_of(model: GaussianClasses, x: Tensor) -> Tensor:
    """log p(x | y), by torch.distributions."""
    classes = Independent(Normal(model.loc, model.log_scale.exp()), 1)
    return classes.log_prob(x[:, None])


def test_the_joint_is_prior_and_density_and_the_rest_follows(
    model: GaussianClasses, x: Tensor
) -> None:
    each, prior = each_of(model, x), model.logits.log_softmax(0)
    assert torch.allclose(model.class_log_prior, prior)
    assert torch.allclose(model.log_joint(x), each + prior)
    assert torch.allclose(model.log_prob(x), (each + prior).logsumexp(1))
    assert torch.allclose(model.log_class_prob(x), (each + prior).log_softmax(1))
    assert torch.equal(model.predict(x), (each + prior).argmax(1))
    for y in range(3):
        assert torch.equal(model.log_prob(x, condition=y), model.log_prob(x, condition=[y] * 7))
        assert torch.allclose(model.log_prob(x, condition=y), each[:, y])


@pytest.mark.parametrize(
    "unknown",
    [
        [0, -1, 2, 1, -1, -1, 0],
        [0, None, 2, 1, None, None, 0],
        [0.0, math.nan, 2.0, 1.0, math.nan, math.nan, 0.0],
        torch.tensor([0, -1, 2, 1, -1, -1, 0]),
    ],
)
def test_a_class_that_nobody_knows_is_summed_out(
    model: GaussianClasses, x: Tensor, unknown: Any
) -> None:
    told = torch.tensor([0, -1, 2, 1, -1, -1, 0])
    each = each_of(model, x)
    expected = torch.where(
        told < 0,
        (each + model.class_log_prior).logsumexp(1),
        each.gather(1, told.clamp_min(0)[:, None])[:, 0],
    )
    assert torch.allclose(model.log_prob(x, condition=unknown), expected)


def test_a_context_may_leave_several_classes_open(model: GaussianClasses, x: Tensor) -> None:
    open_ones = zoo.Context(vector=torch.tensor([[1.0, 0.0, 1.0]]))
    joint, prior = model.log_joint(x)[:, [0, 2]], model.class_log_prior[[0, 2]]
    expected = joint.logsumexp(1) - prior.logsumexp(0)
    assert torch.allclose(model.log_prob(x, condition=open_ones), expected)
    assert len(model.given(open_ones).sample(64, rng=zoo.rng(0))) == 64
    null = model.conditioner.null
    assert torch.allclose(model.log_prob(x, condition=null), model.log_prob(x))


def test_shares_of_classes_are_no_context(model: GaussianClasses, x: Tensor) -> None:
    soft = zoo.Context(vector=torch.tensor([[0.3, 0.3, 0.4]]))
    with pytest.raises(ConditionError, match="ones for the classes that are possible"):
        model.log_prob(x, condition=soft)


def test_a_view_has_its_class_bound(model: GaussianClasses, x: Tensor) -> None:
    view = model.given(1)
    assert torch.allclose(view.log_prob(x), each_of(model, x)[:, 1])
    unknown = model.given(-1)
    assert torch.allclose(unknown.log_prob(x), model.log_prob(x))
    with pytest.raises(ConditionError):
        view.sample_joint(3)


def test_a_class_of_no_probability_can_be_told(model: GaussianClasses, x: Tensor) -> None:
    with torch.no_grad():
        model.logits[1] = -torch.inf
    each = each_of(model, x)
    assert torch.allclose(model.log_prob(x, condition=1), each[:, 1])
    assert model.log_joint(x)[:, 1].isneginf().all()
    assert model.predict_proba(x)[:, 1].eq(0).all()
    assert model.log_prob(x).isfinite().all()
    mixed = model.log_prob(x, condition=[1, -1, 0, 1, 1, 2, -1])
    assert torch.allclose(mixed[[0, 3, 4]], each[[0, 3, 4], 1])
    made = model.sample(5, condition=1, rng=zoo.rng(0))
    assert isinstance(made, Tensor)
    assert made.isfinite().all()
    assert 1 not in model.sample_joint(500, rng=zoo.rng(0))[1]
    model.log_prob(x, condition=[1, -1, 0, 1, 1, 2, -1]).sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_a_row_that_no_class_makes_possible_has_the_prior() -> None:
    model = CodedClasses.create(space=zoo.Space.categorical(3, 1), conditioner=_LABEL).double()
    with torch.no_grad():
        model.scores[:, :, 2] = -torch.inf
    x = torch.tensor([[2], [0]])
    assert model.log_prob(x)[0].isneginf()
    assert torch.allclose(model.log_class_prob(x)[0], model.class_log_prior)
    assert model.predict_proba(x).sum(1).allclose(torch.ones(2).double())


def test_small_differences_stay_where_log_probabilities_are_large() -> None:
    label = zoo.Part("core/label", {"classes": 2})
    model = GaussianClasses.create(space=zoo.Space.real(4000), conditioner=label)
    x = model.sample(20, rng=zoo.rng(0))
    total = model.predict_proba(x).sum(1)
    assert model.log_joint(x).max() < -1000
    assert (total - 1).abs().max() < 1e-5


def test_the_loss_is_that_of_the_pair(model: GaussianClasses, x: Tensor) -> None:
    told = torch.tensor([0, 1, 2, 2, 1, 0, 0])
    batch = Batch(x, model.conditioner.prepare(told))
    expected = -model.log_joint(x).gather(1, told[:, None])[:, 0]
    assert torch.allclose(model.loss(batch), expected)
    some = torch.tensor([0, -1, 2, -1, 1, 0, -1])
    loss = model.loss(Batch(x, model.conditioner.prepare(some)))
    assert torch.allclose(loss, torch.where(some < 0, -model.log_prob(x), expected))


def test_the_map_to_network_space_counts_once() -> None:
    @final
    class Standardized(GaussianClasses):
        def _preprocessing(self) -> tuple[Any, ...]:
            return (Standardize(),)

    model = Standardized.create(space=zoo.Space.real(2), conditioner=_LABEL).double()
    data = 3 * torch.randn(100, 2, generator=zoo.rng(0)).double() - 2
    model.fit_preprocessing(Batch(data), zoo.rng(0))
    maps: Any = model.preprocessing.maps[0]
    z = (data - maps.loc) / maps.scale
    joint = each_of(model, z) + model.class_log_prior - maps.scale.log().sum()
    assert torch.allclose(model.log_joint(data), joint)
    assert torch.allclose(model.log_prob(data), joint.logsumexp(1))
    batch = Batch(data, model.conditioner.prepare(2, 100))
    assert torch.allclose(model.loss(batch), -joint[:, 2])
    known = torch.tensor([True, False])
    first = Normal(maps.loc[0] + maps.scale[0] * model.loc[:, 0], maps.scale[0] * _scales(model)[0])
    marginal = (first.log_prob(data[:, :1]) + model.class_log_prior).logsumexp(1)
    rest = model.log_prob(data, observed=known)
    assert torch.allclose(rest, joint.logsumexp(1) - marginal)


def _scales(model: GaussianClasses) -> Tensor:
    return model.log_scale.exp().T


def test_dequantised_codes_are_a_bound() -> None:
    @final
    class Dequantized(GaussianClasses):
        def _preprocessing(self) -> tuple[Any, ...]:
            return (Dequantize(),)

    model = Dequantized.create(space=zoo.Space.ordinal(4, 2), conditioner=_LABEL).double()
    assert model.density.kind is zoo.DensityKind.LOWER_BOUND
    x = torch.randint(4, (50, 2), generator=zoo.rng(0))
    joint = model.log_joint(x)
    assert torch.allclose(joint.logsumexp(1), model.log_prob(x))
    assert torch.allclose(joint.log_softmax(1), model.log_class_prob(x))


def test_pairs_repeat_and_stream_by_class(model: GaussianClasses) -> None:
    x, y = model.sample_joint(50, rng=zoo.rng(0), batch_size=16)
    again = model.sample_joint(50, rng=zoo.rng(0), batch_size=16)
    assert isinstance(x, Tensor)
    assert isinstance(again[0], Tensor)
    assert torch.equal(x, again[0])
    assert torch.equal(y, again[1])
    rng = zoo.rng(0)
    same = model.class_log_prior.detach().exp().multinomial(50, replacement=True, generator=rng)
    chunks = list(model.sample_batches(50, condition=same, rng=rng, batch_size=16))
    assert torch.equal(torch.cat([chunk for chunk in chunks if isinstance(chunk, Tensor)]), x)


@pytest.mark.parametrize("n", [0, -3])
def test_no_pairs_are_refused(model: GaussianClasses, n: int) -> None:
    with pytest.raises(DataError):
        model.sample_joint(n)


def test_sequences_are_classified_too() -> None:
    @final
    class Chain(zoo.JointModel):
        """Steps that are independent given the class."""

        @final
        class Config(zoo.Config):
            space: zoo.Space
            conditioner: zoo.Part

        def _build(self) -> None:
            self.loc = torch.nn.Parameter(torch.randn(self.classes))

        def _class_log_prior(self) -> Tensor:
            return torch.zeros(3).log_softmax(0)

        def _log_prob_each(self, z: zoo.Ragged, call: zoo.Call) -> Tensor:
            steps = Normal(self.loc, 1.0).log_prob(z.values[:, None])
            owner = torch.arange(len(z)).repeat_interleave(z.lengths)
            return torch.zeros(len(z), 3).index_add(0, owner, steps)

    model = Chain.create(space=zoo.Space.real(ragged=True), conditioner=_LABEL)
    x = zoo.Ragged(torch.randn(6, generator=zoo.rng(0)), torch.tensor([2, 0, 4]))
    joint = model.log_joint(x)
    assert torch.allclose(joint[1], model.class_log_prior)
    assert torch.allclose(model.log_prob(x), joint.logsumexp(1))
    assert model.predict(x).shape == (3,)
    with pytest.raises(UnsupportedError, match="no Generator"):
        model.sample_joint(2)


@pytest.mark.parametrize(
    "conditioner",
    [zoo.Part("core/label", {"classes": 3, "width": 2}), zoo.Part("core/vector", {"width": 3})],
)
def test_a_condition_that_is_no_class_is_refused(conditioner: zoo.Part) -> None:
    with pytest.raises(DefinitionError, match="as a one-hot vector"):
        GaussianClasses.create(space=zoo.Space.real(2), conditioner=conditioner)


def test_what_is_narrowed_away_is_refused(x: Tensor) -> None:
    @final
    class ClassifierAlone(GaussianClasses):
        def _provides(self) -> frozenset[type[Model]]:
            return frozenset({Classifier})

    model = ClassifierAlone.create(space=zoo.Space.real(2), conditioner=_LABEL).double()
    assert model.predict(x).shape == (7,)
    observed = zoo.Observed(x, torch.zeros(7, 2).bool())
    for call in (
        lambda: model.log_prob(x),
        lambda: model.density,
        lambda: model.sample(2),
        lambda: model.sample_batches(2),
        lambda: model.log_joint(x),
        lambda: model.sample_joint(2),
        lambda: model.class_log_prior,
        lambda: model.conditional_mean(observed),
        lambda: model.as_distribution().sample(),
    ):
        with pytest.raises(UnsupportedError, match="a model that provides Classifier"):
            call()


def test_names_of_classes_are_inferred_and_told(x: Tensor) -> None:
    names = ["no", "yes", None, "no", "yes", "yes", None]
    model = GaussianClasses.for_data(x.float(), condition=names)
    assert model.config.conditioner.config == {
        "classes": 2,
        "names": ("no", "yes"),
        "missing": True,
    }
    report = model.fit(x.float(), condition=names, rng=zoo.rng(0))
    assert report.history[-1]["loss"] <= report.history[0]["loss"]
    yes = model.log_prob(x.float(), condition="yes")
    assert torch.equal(yes, model.log_prob(x.float(), condition=1))
    with pytest.raises(ConditionError, match="'maybe'"):
        model.log_prob(x.float(), condition="maybe")


def test_unknown_labels_are_refused_where_all_are_known(x: Tensor) -> None:
    label = zoo.Part("core/label", {"classes": 3})
    model = GaussianClasses.create(space=zoo.Space.real(2), conditioner=label)
    with pytest.raises(ConditionError, match="missing=True"):
        model.fit(x, condition=[0, 1, 2, -1, 0, 1, 2])


def test_classes_of_samples_go_with_what_is_observed(model: GaussianClasses) -> None:
    with torch.no_grad():
        model.loc.copy_(torch.tensor([[-9.0, 0.0], [0.0, 50.0], [9.0, 0.0]]))
    observed = zoo.Observed(torch.tensor([0.0, 7.0]), torch.tensor([True, False]))
    drawn = model.sample(64, observed=observed, rng=zoo.rng(0))
    assert isinstance(drawn, Tensor)
    assert drawn[:, 0].eq(0).all()
    assert (drawn[:, 1] - 50).abs().max() < 10


def test_a_fit_with_no_class_at_all_needs_no_names(x: Tensor) -> None:
    model = GaussianClasses.create(space=zoo.Space.real(2), conditioner=_LABEL)
    with pytest.raises(ConditionError):
        model.fit(x)
    report = model.fit(x, condition=-1, rng=zoo.rng(0))
    assert report.history[-1]["loss"] < report.history[0]["loss"]
