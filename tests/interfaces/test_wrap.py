"""zoo.wrap: modules of any make answer as themselves, and pass for models of the zoo."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, final

import nflows.distributions
import nflows.flows
import nflows.transforms
import pytest
import torch
import zuko
from sklearn.neighbors import KernelDensity
from torch import Tensor, nn
from torch.distributions import Independent, Normal

import zoo_core as zoo
from models.bell import Bell
from zoo_core.conformance import CheckResult, Status, check_model
from zoo_core.errors import ConfigError, DefinitionError, UnsupportedError
from zoo_core.interfaces.wrapped import Wrapped

PLANE = zoo.Space.real(2)
X = torch.randn(7, 2, generator=zoo.rng(0))
LABEL = zoo.Part("core/label", {"classes": 3})


class Autoencoder(nn.Module):
    """A VAE of one hidden number; its figure is one draw of the ELBO."""

    def __init__(self) -> None:
        super().__init__()
        self.infer = nn.Linear(2, 2)
        self.emit = nn.Linear(1, 2)

    def elbo(self, x: Tensor) -> Tensor:
        mean, log_scale = self.infer(x).chunk(2, 1)
        posterior = Independent(Normal(mean, log_scale.tanh().exp()), 1)
        h = posterior.rsample()
        prior = Independent(Normal(torch.zeros_like(mean), 1.0), 1)
        emission = Independent(Normal(self.emit(h), 0.5), 1)
        return emission.log_prob(x) + prior.log_prob(h) - posterior.log_prob(h)

    def sample(self, n: int) -> Tensor:
        mean = self.emit(torch.randn(n, 1, dtype=self.emit.weight.dtype))
        return mean + 0.5 * torch.randn_like(mean)


class Estimated(nn.Module):
    """What another library fitted, without any tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.density = KernelDensity(bandwidth=0.5).fit(X.numpy())

    def log_prob(self, x: Tensor) -> Tensor:
        return torch.as_tensor(self.density.score_samples(x.detach().numpy()))

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        seed = int(torch.randint(2**31, (), generator=rng))
        return torch.as_tensor(self.density.sample(n, random_state=seed))


class Walk(nn.Module):
    """Sequences of independent codes."""

    def __init__(self) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.tensor([0.2, -0.5, 1.0]))

    def log_prob(self, x: zoo.Ragged) -> Tensor:
        return x.segment_sum(self.logits.log_softmax(0)[x.values])

    def sample(self, n: int, lengths: Tensor | None) -> zoo.Ragged:
        lengths = torch.full((n,), 4) if lengths is None else lengths
        weights = self.logits.softmax(0)
        return zoo.Ragged(
            weights.multinomial(max(int(lengths.sum()), 1), True)[: lengths.sum()], lengths
        )


def bell(**functions: Any) -> Wrapped:
    return zoo.wrap(
        Bell(), space=PLANE, **(functions or {"log_prob": "log_prob", "sample": "sample"})
    )


def spline() -> Wrapped:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        flow = zuko.flows.NSF(2, transforms=2, hidden_features=[16])
    return zoo.wrap(flow, space=PLANE, distribution=flow)


def told_spline() -> Wrapped:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        flow = zuko.flows.NSF(2, context=3, transforms=2, hidden_features=[16])
    return zoo.wrap(flow, space=PLANE, distribution=flow, conditioner=LABEL)


def autoregressive(context: int | None) -> Wrapped:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        transform = nflows.transforms.MaskedAffineAutoregressiveTransform(
            2, 8, context_features=context
        )
        flow = nflows.flows.Flow(transform, nflows.distributions.StandardNormal([2]))
    if context is None:
        return zoo.wrap(flow, space=PLANE, log_prob=flow.log_prob, sample=flow.sample)
    return zoo.wrap(
        flow,
        space=PLANE,
        log_prob=flow.log_prob,
        sample=lambda flow, n, context: flow.sample(1, context)[:, 0],
        conditioner=LABEL,
    )


def autoencoder() -> Wrapped:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = Autoencoder()
    return zoo.wrap(
        module,
        space=PLANE,
        log_prob=module.elbo,
        sample=module.sample,
        density=zoo.DensityKind.LOWER_BOUND,
        how="ELBO",
    )


def sampler() -> Wrapped:
    network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    return zoo.wrap(
        network,
        space=PLANE,
        sample=lambda network, n: network(torch.randn(n, 3, dtype=network[0].weight.dtype)),
    )


SOUND: dict[str, Callable[[], Wrapped]] = {
    "methods": bell,
    "a generator of its own": lambda: bell(log_prob=Bell.log_prob, sample=Bell.draw),
    "a distribution": lambda: bell(distribution="distribution"),
    "zuko": spline,
    "zuko, conditional": told_spline,
    "a bound": autoencoder,
    "a sampler": sampler,
    "sequences": lambda: zoo.wrap(
        Walk(), space=zoo.Space.categorical(3, ragged=True), log_prob="log_prob", sample="sample"
    ),
}


def failures(model: zoo.Model) -> dict[str, CheckResult]:
    return {r.name: r for r in check_model(model, rng=zoo.rng(0)) if r.status is Status.FAILED}


@pytest.mark.parametrize("make", SOUND.values(), ids=SOUND.keys())
def test_a_sound_module_keeps_every_promise_that_can_be_checked(
    make: Callable[[], Wrapped],
) -> None:
    results = check_model(make(), rng=zoo.rng(0))
    assert [str(result) for result in results if result.status is Status.FAILED] == []
    # What needs building says why it isn't checked.
    skipped = {r.name: r.reason for r in results if r.status is Status.SKIPPED}
    assert skipped["the-seed-fixes-the-initial-weights"].startswith("a wrapped module")
    assert skipped["a-saved-model-loads-to-the-bit"] == "a wrapped module can't be saved"


def test_a_density_without_gradients_keeps_all_other_promises() -> None:
    model = zoo.wrap(Estimated(), space=PLANE, log_prob="log_prob", sample="sample")
    detached = {"the-gradient-of-log-prob-is-its-derivative": "scikit-learn knows no gradients"}
    results = check_model(model, rng=zoo.rng(0), expected_failures=detached)
    assert [str(result) for result in results if result.status is Status.FAILED] == []


def test_the_kit_tells_what_is_wrong_with_another_library() -> None:
    found = failures(autoregressive(None))
    assert "degrees" in found["every-tensor-is-registered"].reason  # they stay when it moves
    assert "Float and Double" in found["double-precision-works"].reason  # samples are float32


def test_the_kit_catches_what_is_wrong_with_a_module() -> None:
    wide = bell(log_prob="log_prob", sample=lambda m, n: m.loc + 2 * (m.sample(n) - m.loc))
    assert "samples-follow-the-density" in failures(wide)
    unnormalised = bell(log_prob=lambda m, x: m.log_prob(x) + 0.1, sample="sample")
    assert "the-density-integrates-to-one" in failures(unnormalised)
    other = Bell()
    closure = bell(
        log_prob=lambda module, x: other.log_prob(x), sample=lambda module, n: other.sample(n)
    )
    assert "a-copy-stands-alone" in failures(closure)


def test_log_prob_is_the_module_s_own_to_the_bit() -> None:
    for make in (spline, told_spline):
        model = make()
        context = None if make is spline else nn.functional.one_hot(torch.arange(7) % 3, 3).float()
        told = None if context is None else torch.arange(7) % 3
        assert torch.equal(model.log_prob(X, condition=told), model.module(context).log_prob(X))
    plain, told = autoregressive(None), autoregressive(3)
    assert torch.equal(plain.log_prob(X), plain.module.log_prob(X))
    context = nn.functional.one_hot(torch.full((7,), 2), 3).float()
    assert torch.equal(told.log_prob(X, condition=2), told.module.log_prob(X, context))


def test_samples_follow_the_rng_and_leave_torch_s_generator_alone() -> None:
    for make in (bell, sampler, spline, told_spline, autoencoder, lambda: autoregressive(3)):
        model = make()
        told = 1 if model.is_conditional else None
        before = torch.get_rng_state()
        first = model.sample(5, condition=told, rng=zoo.rng(1))
        torch.randn(3)
        torch.set_rng_state(before)
        again = model.sample(5, condition=told, rng=zoo.rng(1))
        assert torch.equal(first, again)
        assert not torch.equal(first, model.sample(5, condition=told, rng=zoo.rng(2)))
        assert torch.equal(before, torch.get_rng_state())


def test_a_generator_is_handed_to_who_takes_one() -> None:
    model = bell(sample=Bell.draw)
    child = torch.randint(2**63 - 1, (), generator=zoo.rng(3))
    expected = model.module.draw(4, generator=zoo.rng(int(child)))
    assert torch.equal(model.sample(4, rng=zoo.rng(3)), expected)


def test_a_method_is_found_by_name_by_dots_and_by_itself() -> None:
    outer = nn.Module()
    outer.inner = Bell()
    truth = outer.inner.log_prob(X)
    for given in ("inner.log_prob", outer.inner.log_prob, lambda m, x: m.inner.log_prob(x)):
        assert torch.equal(zoo.wrap(outer, space=PLANE, log_prob=given).log_prob(X), truth)


def test_what_it_provides_is_what_was_given() -> None:
    assert bell(log_prob="log_prob").provides == {zoo.DensityModel}
    assert bell(sample="sample").provides == {zoo.Generator}
    assert bell(distribution="distribution").provides == {zoo.Generator, zoo.DensityModel}
    with pytest.raises(UnsupportedError, match="The wrapped Bell is no Generator"):
        bell(log_prob="log_prob").sample(2)
    with pytest.raises(UnsupportedError, match="The wrapped Bell has no loss"):
        bell(sample="sample").loss(zoo.Batch(X))
    assert autoencoder().density == zoo.Density(
        zoo.DensityKind.LOWER_BOUND, zoo.Measure.DENSITY, "ELBO"
    )


def test_the_module_s_tensors_are_the_model_s() -> None:
    model = bell()
    assert model.state_dict()["module.loc"].data_ptr() == model.module.loc.data_ptr()
    loss = model.loss(zoo.Batch(X)).sum()
    loss.backward()
    expected = torch.autograd.grad(-model.module.log_prob(X).sum(), model.module.loc)[0]
    assert torch.equal(model.module.loc.grad, expected)
    x = X.clone().requires_grad_()
    (score,) = torch.autograd.grad(model.log_prob(x).sum(), x)
    assert torch.allclose(score, -(X - model.module.loc) / (2 * model.module.log_scale).exp())


def test_a_copy_asks_its_own_module_and_casts_reach_it() -> None:
    for functions in ({"log_prob": "log_prob"}, {"log_prob": lambda m, x: m.log_prob(x)}):
        model = bell(**functions)
        before = model.log_prob(X)
        twin = copy.deepcopy(model)
        with torch.no_grad():
            twin.module.loc.add_(1)
        assert torch.equal(model.log_prob(X), before)
        assert not torch.equal(twin.log_prob(X), before)
    double = copy.deepcopy(model).double()
    assert double.log_prob(X).dtype is torch.float64
    assert model.eval().module.training is False


def test_a_loss_of_its_own_is_what_training_lowers() -> None:
    model = bell(sample="sample", loss=lambda m, x: (x - m.loc).square().sum(1))
    assert torch.equal(model.loss(zoo.Batch(X)), (X - model.module.loc).square().sum(1))
    assert "the-loss-is-one-number-a-row" not in failures(model)


def test_a_condition_goes_to_each_function() -> None:
    model = told_spline()
    assert model.is_conditional
    one = model.given(2)
    assert torch.equal(one.log_prob(X), model.log_prob(X, condition=2))
    assert torch.equal(one.sample(3, rng=zoo.rng(0)), model.sample(3, condition=2, rng=zoo.rng(0)))
    live = zoo.create("core/label", classes=3, width=3)
    flow = zuko.flows.NSF(2, context=3, transforms=1, hidden_features=[8])
    learned = zoo.wrap(flow, space=PLANE, distribution=flow, conditioner=live)
    assert learned.conditioner is live
    learned.log_prob(X, condition=torch.arange(7) % 3).sum().backward()
    assert live.embedding.weight.grad is not None


def test_sequences_are_told_their_lengths() -> None:
    model = SOUND["sequences"]()
    made = model.sample(3, lengths=torch.tensor([2, 0, 5]), rng=zoo.rng(0))
    assert made.lengths.tolist() == [2, 0, 5]
    assert model.log_prob([[0, 1], [2]]).shape == (2,)
    fixed = zoo.wrap(
        Walk(), space=model.space, sample=lambda walk, n: zoo.Ragged.of([torch.zeros(2).long()] * n)
    )
    assert fixed.sample(2).lengths.tolist() == [2, 2]
    with pytest.raises(UnsupportedError, match="can't be told how long"):
        fixed.sample(2, lengths=3)


@final
class Shift(zoo.Generator):
    """A part's samples, moved."""

    architecture = "test/shift"

    @final
    class Config(zoo.Config):
        space: zoo.Space
        prior: Annotated[zoo.Part, zoo.Provides(zoo.Generator)]

    config: Config

    def _sample(self, n: int, call: zoo.Call) -> Tensor:
        return self.prior.sample(n, rng=call.rng) + 1


def test_it_is_a_part_in_memory(tmp_path: Path) -> None:
    model = bell()
    parent = Shift.create(space=PLANE, prior=model)
    assert parent.prior is model
    child = zoo.rng(int(torch.randint(2**63 - 1, (), generator=zoo.rng(0))))
    assert torch.equal(parent.sample(3, rng=zoo.rng(0)), model.sample(3, rng=child) + 1)
    assert not failures(parent)
    zoo.register(Shift)
    try:
        with pytest.raises(UnsupportedError, match="a wrapped Bell"):
            zoo.save(parent, tmp_path / "parent")
    finally:
        from zoo_core.registry import forget

        forget("test/shift")


def test_saving_says_what_is_missing(tmp_path: Path) -> None:
    model = bell()
    for attempt in (lambda: zoo.save(model, tmp_path / "bell"), lambda: zoo.push(model, "me/bell")):
        with pytest.raises(
            UnsupportedError, match=r"write its class as a zoo\.Model with a Config"
        ):
            attempt()
    assert not (tmp_path / "bell").exists()
    with pytest.raises(UnsupportedError, match="doesn't say how to build it"):
        Wrapped(model.config)


REFUSED: dict[str, tuple[type[Exception], dict[str, Any]]] = {
    "neither log_prob, nor sample": (ConfigError, {"loss": "log_prob"}),
    "scores and samples": (ConfigError, {"distribution": "distribution", "sample": "sample"}),
    "names a method of Bell. Received: logprob": (DefinitionError, {"log_prob": "logprob"}),
    "names a method of Bell. Received: loc": (DefinitionError, {"log_prob": "loc"}),
    r"called with \(module, x\).*It uses the module": (DefinitionError, {"log_prob": lambda x: x}),
    r"called with \(x, context\)": (
        DefinitionError,
        {"log_prob": "log_prob", "conditioner": LABEL},
    ),
    "a method's name, a bound method": (DefinitionError, {"log_prob": 3}),
    "Put all modules that it needs into the one": (DefinitionError, {"log_prob": Bell()}),
}


@pytest.mark.parametrize(("message", "case"), REFUSED.items())
def test_what_does_not_fit_is_refused_at_once(
    message: str, case: tuple[type[Exception], dict[str, Any]]
) -> None:
    error, functions = case
    with pytest.raises(error, match=message):
        bell(**functions)


def test_only_modules_that_are_no_models_are_wrapped() -> None:
    with pytest.raises(ConfigError, match="Received: Wrapped. Use the model as it is"):
        zoo.wrap(bell(), space=PLANE, log_prob="log_prob")
    with pytest.raises(ConfigError, match=r"Hold what isn't one as an attribute of an nn\.Module"):
        zoo.wrap(KernelDensity(), space=PLANE, log_prob="score_samples")
