"""Model: construction, parts, views, and what an author may not do."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Annotated, Any, final

import pytest
import torch
from torch import Tensor, nn

import zoo_core as zoo
from models.gaussian import Gaussian
from zoo_core.conditioners.label import Label
from zoo_core.conditioners.vector import Vector
from zoo_core.errors import (
    ConditionError,
    ConfigError,
    DataError,
    DefinitionError,
    UnsupportedError,
)
from zoo_core.interfaces.fitting import FitReport, FitRequest, StopReason


def _conditional() -> Gaussian:
    return Gaussian.create(
        space=zoo.Space.real(2), conditioner=zoo.Part("core/label", {"classes": 3})
    )


def test_final_methods_cannot_be_overridden() -> None:
    for name in ("sample", "sample_batches", "provides", "create", "__init__", "loss", "given"):
        with pytest.raises(DefinitionError, match="final"):
            type("Bad", (zoo.Generator,), {name: lambda self: None})


def test_a_seed_decides_the_initial_weights() -> None:
    same = [Gaussian.create(space=zoo.Space.real(2), seed=3) for _ in range(2)]
    other = Gaussian.create(space=zoo.Space.real(2), seed=4)
    assert torch.equal(same[0].loc, same[1].loc)
    assert not torch.equal(same[0].loc, other.loc)


def test_a_configuration_rebuilds_the_model() -> None:
    model = _conditional()
    again = Gaussian(Gaussian.Config.parse(model.config.to_json()))
    assert again.config == model.config
    assert again.state_dict().keys() == model.state_dict().keys()


def test_a_live_model_can_be_given_for_a_part() -> None:
    label = Label.create(classes=3, width=4, seed=9)
    model = Gaussian.create(space=zoo.Space.real(2), conditioner=label)
    assert model.get_submodule("conditioner") is label
    rebuilt = Gaussian(Gaussian.Config.parse(model.config.to_json()))
    rebuilt.load_state_dict(model.state_dict())
    x = torch.zeros(3, 2)
    assert torch.equal(
        rebuilt.log_prob(x, condition=[0, 1, 2]), model.log_prob(x, condition=[0, 1, 2])
    )


def test_a_live_part_that_learns_nothing_is_frozen_after_loading_too(tmp_path: Path) -> None:
    zoo.register(Gaussian)
    label = Label.create(classes=3, width=4, seed=9)
    assert Gaussian.create(space=zoo.Space.real(2), conditioner=label).config.conditioner == (
        label.as_part()
    )
    model = Gaussian.create(space=zoo.Space.real(2), conditioner=label.requires_grad_(False))
    assert model.config.conditioner == label.as_part(frozen=True)
    zoo.save(model, tmp_path / "model")
    loaded = zoo.load(str(tmp_path / "model"))
    weights = list(loaded.conditioner.parameters())
    assert weights and not any(weight.requires_grad for weight in weights)
    assert loaded.loc.requires_grad
    assert all(torch.equal(a, b) for a, b in zip(weights, label.parameters(), strict=True))


@final
class Nested(zoo.Generator):
    """A model with a part over another space, as a VAE's prior is."""

    architecture = "test/nested"

    @final
    class Config(zoo.Config):
        space: zoo.Space
        prior: Annotated[zoo.Part, zoo.Provides(zoo.Generator, zoo.DensityModel)]

    config: Config

    def _part_space(self, name: str) -> zoo.Space:
        return zoo.Space.real(1)

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return self.get_submodule("prior").sample(n, rng=call.rng).expand(n, *self.space.shape)  # pyright: ignore


def test_parts_get_their_space_from_the_parent_and_must_provide_what_is_declared() -> None:
    zoo.register(Gaussian)
    model = Nested.create(
        space=zoo.Space.real(4), prior=zoo.Part("test/gaussian", frozen=True), seed=1
    )
    prior = model.get_submodule("prior")
    assert isinstance(prior, Gaussian)
    assert prior.space == zoo.Space.real(1)
    assert not any(p.requires_grad for p in prior.parameters())
    assert "space" not in model.config.prior.config
    assert model.sample(5, rng=zoo.rng(0)).shape == (5, 4)
    with pytest.raises(ConfigError, match="provides Generator and DensityModel"):
        Nested.create(space=zoo.Space.real(4), prior=zoo.Part("core/label", {"classes": 2}))


def test_a_live_part_is_frozen_where_it_has_weights_and_none_learns() -> None:
    prior = Gaussian.create(space=zoo.Space.real(1))
    first, *others = prior.parameters()
    assert others
    first.requires_grad_(False)
    partly = Nested.create(space=zoo.Space.real(4), prior=prior)
    assert not partly.config.prior.frozen and others[0].requires_grad
    wholly = Nested.create(space=zoo.Space.real(4), prior=prior.requires_grad_(False))
    assert wholly.config.prior.frozen and wholly.get_submodule("prior") is prior
    weightless = Label.create(classes=3)
    assert not list(weightless.parameters())
    told = Gaussian.create(space=zoo.Space.real(2), conditioner=weightless)
    assert told.config.conditioner == weightless.as_part()


def test_what_is_no_part_is_refused_with_what_would_be() -> None:
    space = zoo.Space.real(4)
    with pytest.raises(ConfigError, match=r"a live model: zoo.load\('./clip'\)"):
        Nested.create(space=space, prior="./clip")
    with pytest.raises(ConfigError, match="provides Generator and DensityModel, or give a live"):
        Nested.create(space=space, prior=Label.create(classes=3))
    inner = Nested.create(space=space, prior=Gaussian.create(space=zoo.Space.real(1)))
    with pytest.raises(ConfigError, match="Give its part that does: prior=model.prior"):
        Nested.create(space=space, prior=inner)


def test_wrap_refuses_what_is_no_conditioner_with_what_would_be() -> None:
    def wrap(given: Any) -> zoo.Generator:
        module, space = nn.Linear(2, 1), zoo.Space.real(2)
        return zoo.wrap(module, space=space, log_prob="forward", conditioner=given)

    with pytest.raises(ConfigError, match="Received: './clip'. Give a live one"):
        wrap("./clip")
    with pytest.raises(ConfigError, match="Give its part that does: conditioner=model.conditioner"):
        wrap(_conditional())


def test_a_view_with_a_condition_shares_tensors_and_cannot_be_saved_or_told_again() -> None:
    model = _conditional()
    view = model.given(2)
    assert type(view) is Gaussian
    x = torch.zeros(4, 2)
    assert torch.equal(view.log_prob(x), model.log_prob(x, condition=2))
    assert torch.equal(view.sample(4, rng=zoo.rng(0)), model.sample(4, condition=2, rng=zoo.rng(0)))
    with torch.no_grad():
        model.loc.add_(1.0)
    assert torch.equal(view.log_prob(x), model.log_prob(x, condition=2))
    assert not model.is_given
    for refused in (lambda: view.given(1), lambda: view.log_prob(x, condition=1)):
        with pytest.raises(ConditionError):
            refused()
    with pytest.raises(UnsupportedError, match="be a Part"):
        view.as_part()


def test_conditions_one_for_all_one_each_a_context_or_none() -> None:
    model, x = _conditional(), torch.zeros(3, 2)
    each = model.log_prob(x, condition=[0, 1, 2])
    single = torch.cat([model.log_prob(x[:1], condition=k) for k in range(3)])
    assert torch.allclose(each, single)
    context = Label.create(classes=3).context([0, 1, 2])
    assert torch.equal(each, model.log_prob(x, condition=context))
    assert not torch.equal(each[0], each[1])
    for bad in (None, 7, -1, "seven", [0, 1], 0.5, zoo.Context(vector=torch.zeros(3, 5))):
        with pytest.raises(ConditionError):
            model.log_prob(x, condition=bad)
        with pytest.raises(ConditionError):
            model.sample(3, condition=bad)


def test_label_names_and_embeddings() -> None:
    label = Label.create(classes=2, names=["cat", "dog"], width=3)
    assert torch.equal(label.context("dog").as_vector(), label.context(1).as_vector())
    assert label.context(["dog", "cat"]).shape == label.context_shape
    assert label.null.as_vector().abs().sum() == 0
    with pytest.raises(ConditionError, match="cat, dog"):
        label.context("cow")
    with pytest.raises(ConfigError):
        Label.create(classes=3, names=["cat", "dog"])


def test_vector_conditions() -> None:
    vector = Vector.create(width=2)
    assert vector.context([1.0, 2.0], 3).as_vector().tolist() == [[1.0, 2.0]] * 3
    assert len(vector.context(torch.zeros(4, 2))) == 4
    with pytest.raises(ConditionError):
        vector.context([1.0])
    with pytest.raises(ConditionError):
        vector.context([1.0, float("nan")])


def test_fit_checks_everything_before_a_trainer_sees_it() -> None:
    seen: list[FitRequest] = []

    class Fitted(zoo.Generator):
        architecture = "test/fitted"

        class Config(zoo.Config):
            space: zoo.Space

        def _sample(self, n: int, call: zoo.Call) -> Tensor:
            return torch.zeros(n, 2)

        def _fit(self, request: FitRequest) -> FitReport:
            seen.append(request)
            return FitReport(1, 0.0, StopReason.FINISHED)

    model = Fitted.create(space=zoo.Space.real(2))
    x = torch.zeros(4, 2)
    for data, weight in [
        (x[:, :1], None),
        (x, torch.ones(3)),
        (x, -torch.ones(4)),
        (x, torch.zeros(4)),
        (x, [1.0, 1.0, 1.0, float("inf")]),
        (x * float("nan"), None),
        (x[:0], None),
        (iter([zoo.Batch(x)]), None),
    ]:
        with pytest.raises(DataError):
            model.fit(data, weight=weight)
    with pytest.raises(ConditionError):
        model.fit(x, condition=[0, 1, 0, 1])
    assert not seen
    assert model.fit(x, weight=[1, 0, 2, 1], valid=x).stopped is StopReason.FINISHED
    assert isinstance(seen[0].data, zoo.Batch)
    assert isinstance(seen[0].valid, zoo.Batch)
    model.fit([zoo.Batch(x), zoo.Batch(x)])
    assert [len(batch) for batch in seen[1].data] == [4, 4]  # pyright: ignore


def test_for_data_infers_space_and_conditioner() -> None:
    model = Gaussian.for_data(torch.zeros(6, 2), condition=[0, 1, 2, 0, 1, 2])
    assert model.space == zoo.Space.real(2)
    assert model.config.conditioner == zoo.Part("core/label", {"classes": 3})
    assert Gaussian.for_data(torch.zeros(6, 2)).config.conditioner is None


def test_copies_and_dtypes() -> None:
    model = _conditional()
    twin = copy.deepcopy(model).double()
    assert model.dtype is torch.float32
    assert twin.dtype is torch.float64
    x = torch.zeros(2, 2)
    assert twin.log_prob(x, condition=1).dtype is torch.float64
    assert torch.allclose(twin.log_prob(x, condition=1).float(), model.log_prob(x, condition=1))


def test_loss_is_minus_log_prob_and_takes_codes() -> None:
    model, x = _conditional(), torch.randn(3, 2, generator=zoo.rng(0))
    codes = Label.create(classes=3).prepare([0, 2, 1])
    loss = model.loss(zoo.Batch(x, codes))
    assert torch.allclose(loss, -model.log_prob(x, condition=[0, 2, 1]))


def test_building_with_the_wrong_configuration_is_refused() -> None:
    with pytest.raises(ConfigError, match="create"):
        Gaussian(Label.Config(classes=2))
    with pytest.raises(ConfigError, match="Did you mean space"):
        Gaussian.create(spase=zoo.Space.real(2))
