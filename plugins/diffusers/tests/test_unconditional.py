"""Unconditional pipelines, against diffusers' own pipelines and schedulers to the bit."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import pytest
import torch
from torch import Tensor

import zoo_core as zoo
from models import native_pipelines
from zoo_core.errors import ConfigError, OptionError, UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.guidance import BoundGuidance, Denoise, Guidance
from zoo_core.interfaces.noise import Noise
from zoo_core.interfaces.prediction import Prediction
from zoo_core.interfaces.randomness import child_rng
from zoo_plugin_diffusers.component import described
from zoo_plugin_diffusers.served import UnconditionalPipeline
from zoo_plugin_diffusers.unconditional import Unconditional

PIPELINES = {
    "DDPMPipeline": ("DDPMScheduler", {}),
    "DDIMPipeline": ("DDPMScheduler", {"timestep_spacing": "trailing"}),
    "PNDMPipeline": ("DDPMScheduler", {}),
    "ScoreSdeVePipeline": ("ScoreSdeVeScheduler", {}),
}


def _bridged(pipeline: Any) -> Unconditional:
    kind = UnconditionalPipeline(type(pipeline).__name__)
    return Unconditional.of(kind, unet=pipeline.unet, scheduler=pipeline.scheduler).eval()


def _ddpm(unet: Any = None, **fields: Any) -> tuple[Any, Unconditional]:
    """Make a pipeline with fields of its scheduler, and its bridge."""
    pipeline = native_pipelines.unconditional("DDPMPipeline", "DDPMScheduler", **fields)
    pipeline.unet = pipeline.unet if unet is None else unet
    pipeline.set_progress_bar_config(disable=True)
    return pipeline, _bridged(pipeline)


def _pictures(pipeline: Any, n: int, **asked: Any) -> Tensor:
    """Ask the pipeline itself with the generator that the first chunk has."""
    rng = child_rng(zoo.rng(0), "cpu")
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(batch_size=n, generator=rng, output_type="np", **asked).images
    return torch.from_numpy(made).permute(0, 3, 1, 2)


@pytest.mark.parametrize("name", PIPELINES)
def test_pictures_are_the_pipelines_own(name: str) -> None:
    scheduler, fields = PIPELINES[name]
    pipeline = native_pipelines.unconditional(name, scheduler, **fields)
    model = _bridged(pipeline)
    made = model.sample(3, rng=zoo.rng(0), steps=5)
    assert torch.equal(made, _pictures(pipeline, 3, num_inference_steps=5))
    assert model.space == zoo.Space.unit(3, 8, 8)
    assert float(made.std()) > 0.05


def test_ddim_takes_eta_and_others_refuse_it() -> None:
    pipeline = native_pipelines.ddim()
    made = _bridged(pipeline).sample(2, rng=zoo.rng(0), steps=4, eta=0.7)
    assert torch.equal(made, _pictures(pipeline, 2, num_inference_steps=4, eta=0.7))
    with pytest.raises(OptionError, match="eta"):
        _ddpm()[1].sample(1, steps=2, eta=0.7)
    with pytest.raises(OptionError, match="less than or equal to 1"):
        _bridged(pipeline).sample(1, steps=2, eta=1.5)


def test_by_default_there_are_as_many_steps_as_the_pipeline_takes() -> None:
    pipeline, model = _ddpm(num_train_timesteps=6)
    made = model.sample(2, rng=zoo.rng(0))
    assert torch.equal(made, _pictures(pipeline, 2, num_inference_steps=6))
    ddim = native_pipelines.ddim()
    assert torch.equal(_bridged(ddim).sample(1, rng=zoo.rng(0)), _pictures(ddim, 1))
    with pytest.raises(OptionError, match="at most 6"):
        model.sample(1, steps=7)


def test_sampling_is_quiet_unless_a_bar_is_asked_for(capfd: pytest.CaptureFixture[str]) -> None:
    _, model = _ddpm()
    model.sample(1, steps=3)
    assert capfd.readouterr() == ("", "")
    model.sample(1, steps=3, progress=True)
    assert "3/3" in capfd.readouterr().err


@pytest.mark.parametrize("time", [0, 1, 250, 998, 999])
def test_predicted_noise_is_the_networks_own_on_the_schedule(time: int) -> None:
    pipeline, model = _ddpm()
    signal = pipeline.scheduler.alphas_cumprod[time]
    noise = Noise(signal.sqrt(), (1 - signal).sqrt() / 2)
    x = torch.randn(3, 3, 8, 8, generator=zoo.rng(1))
    with torch.no_grad():
        wanted = pipeline.unet(2 * x - signal.sqrt(), time).sample
        prediction = model.denoise(x, noise)
    assert torch.equal(prediction.eps, wanted)
    assert torch.allclose(noise.add(prediction.x0, prediction.eps), x, atol=1e-4)


def test_noise_of_any_size_is_brought_to_the_networks_sphere() -> None:
    _, model = _ddpm()
    model = model.double()
    x = torch.randn(3, 3, 8, 8, generator=zoo.rng(1), dtype=torch.float64)
    (level, *_) = model.path(3)
    scaled = Noise(3 * float(level.alpha), 3 * float(level.sigma))
    with torch.no_grad():
        one, three = model.denoise(x, level), model.denoise(3 * x, scaled)
    assert torch.allclose(one.eps, three.eps, rtol=1e-9)
    assert torch.allclose(one.x0, three.x0, rtol=1e-9)


SCHEDULES: dict[str, dict[str, Any]] = {
    "default": {},
    "trailing": {"clip_sample": False, "timestep_spacing": "trailing"},
    "v": {"clip_sample": False, "prediction_type": "v_prediction"},
    "data": {"clip_sample": False, "prediction_type": "sample"},
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_sampler_of_anybodys_reproduces_ddim(name: str) -> None:
    fields = SCHEDULES[name]
    pipeline = native_pipelines.unconditional("DDIMPipeline", "DDIMScheduler", **fields)
    model, path = _bridged(pipeline), _bridged(pipeline).path(10)
    x = model.start(2, path[0], rng=zoo.child_rng(zoo.rng(0), "cpu"))
    clips = fields.get("clip_sample", True)
    for here, there in itertools.pairwise(path):
        with torch.no_grad():
            prediction = model.denoise(x, here)
        x0 = prediction.x0.clamp(0, 1) if clips else prediction.x0
        x = there.add(x0, prediction.eps)
    wanted = _pictures(pipeline, 2, num_inference_steps=10)
    assert torch.allclose(x.clamp(0, 1), wanted, atol=1e-4)


@dataclass(frozen=True)
class _Kept(Guidance, BoundGuidance):
    """Gives what the denoiser says, with x0 led towards a value by a share."""

    value: float = 0.5
    share: float = 0.0

    def bind(self, model: Any, n: int) -> BoundGuidance:
        return self

    def take(self, rows: slice) -> Self:
        return self

    def __call__(
        self, denoise: Denoise, x: Tensor, noise: Noise, contexts: Sequence[Context | None]
    ) -> list[Prediction]:
        return [self._led(one, x, noise) for one in denoise(x, noise, contexts)]

    def _led(self, one: Prediction, x: Tensor, noise: Noise) -> Prediction:
        led = Prediction.from_x0(x, torch.full_like(x, self.value), noise)
        return one.lerp(led, self.share)


@pytest.mark.parametrize("name", ["DDPMPipeline", "DDIMPipeline", "PNDMPipeline"])
def test_guidance_that_leads_nowhere_leaves_the_samples(name: str) -> None:
    scheduler, fields = PIPELINES[name]
    model = _bridged(native_pipelines.unconditional(name, scheduler, **fields))
    plain, led = (
        model.sample(2, rng=zoo.rng(0), steps=5, guidance=guidance) for guidance in ((), [_Kept()])
    )
    assert torch.allclose(plain, led, atol=1e-4)


def test_guidance_leads_the_samples() -> None:
    _, model = _ddpm()
    ends = model.sample(2, rng=zoo.rng(0), steps=5, guidance=[_Kept(0.25, 1.0)])
    assert torch.allclose(ends, torch.full_like(ends, 0.25), atol=1e-4)
    nearer, plain = (
        (model.sample(2, rng=zoo.rng(0), steps=5, guidance=[_Kept(0.25, share)]) - 0.25).abs()
        for share in (0.5, 0.0)
    )
    assert float(nearer.mean()) < float(plain.mean())


def test_learned_variances_are_used_in_sampling_and_left_out_of_predictions() -> None:
    unet = native_pipelines.unet(out_channels=6)
    pipeline, model = _ddpm(unet, variance_type="learned_range")
    made = model.sample(2, rng=zoo.rng(0), steps=4)
    assert torch.equal(made, _pictures(pipeline, 2, num_inference_steps=4))
    assert model.denoise(made, model.path(2)[0]).eps.shape == made.shape
    with pytest.raises(UnsupportedError, match="learned variances"):
        model.sample(1, steps=2, guidance=[_Kept()])


@pytest.mark.parametrize("target", ["epsilon", "v_prediction", "sample"])
def test_the_loss_is_the_simple_one_at_a_random_time(target: str) -> None:
    pipeline, model = _ddpm(prediction_type=target)
    x = torch.rand(4, 3, 8, 8, generator=zoo.rng(2))
    loss = model.loss(Batch(x), rng=zoo.rng(3))
    rng = zoo.rng(3)
    times = torch.randint(1000, (4,), generator=rng)
    eps = torch.randn(x.shape, generator=rng)
    noised = pipeline.scheduler.add_noise(2 * x - 1, eps, times)
    v = pipeline.scheduler.get_velocity(2 * x - 1, eps, times)
    wanted = {"epsilon": eps, "v_prediction": v, "sample": 2 * x - 1}[target]
    with torch.no_grad():
        error = (pipeline.unet(noised, times).sample - wanted).square().mean((1, 2, 3))
    signal = pipeline.scheduler.alphas_cumprod[times]
    error = error * signal / (1 - signal) if target == "sample" else error
    assert torch.allclose(loss, error, rtol=1e-3)


def test_a_bridged_model_is_fine_tuned() -> None:
    _, model = _ddpm(num_train_timesteps=20)
    x = torch.rand(32, 3, 8, 8, generator=zoo.rng(2))
    before = _mean_loss(model, x)
    model.fit(x, steps=30, batch_size=16, learning_rate=0.01, rng=zoo.rng(0))
    assert _mean_loss(model.eval(), x) < before


def _mean_loss(model: Unconditional, x: Tensor) -> float:
    with torch.no_grad():
        losses = [model.loss(Batch(x), rng=zoo.rng(seed)).mean() for seed in range(8)]
    return float(torch.stack(losses).mean())


def test_without_discrete_times_there_is_no_denoiser() -> None:
    model = _bridged(native_pipelines.unconditional("ScoreSdeVePipeline", "ScoreSdeVeScheduler"))
    assert model.provides == {zoo.Generator}
    x = torch.rand(1, 3, 8, 8)
    asked: list[Callable[[], Any]] = [
        lambda: model.denoise(x, Noise(1.0, 1.0)),
        lambda: model.path(2),
        lambda: model.loss(Batch(x)),
        lambda: model.sample(1, steps=2, guidance=[_Kept()]),
    ]
    for ask in asked:
        with pytest.raises(UnsupportedError):
            ask()


def test_networks_that_are_told_a_class_are_refused() -> None:
    unet = native_pipelines.unet(num_class_embeds=4)
    with pytest.raises(UnsupportedError, match="told a class"):
        _ddpm(unet)


@pytest.mark.parametrize("fields", [{"sample_size": None}, {"_class_name": "UNet2DConditionModel"}])
def test_networks_of_another_kind_are_refused(fields: dict[str, Any]) -> None:
    native = {**described(native_pipelines.unet()), **fields}
    with pytest.raises(ConfigError, match="UNet2DModel with a sample_size"):
        Unconditional.create(unet=native, scheduler={"_class_name": "DDPMScheduler"})


def test_sides_may_differ() -> None:
    pipeline, model = _ddpm(native_pipelines.unet(sample_size=(8, 4)))
    assert model.space == zoo.Space.unit(3, 8, 4)
    made = model.sample(2, rng=zoo.rng(0), steps=3)
    assert torch.equal(made, _pictures(pipeline, 2, num_inference_steps=3))
