"""diffusers/unconditional: pipelines of one U-Net and a scheduler, told nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, final

import pydantic
import torch
from torch import Tensor, nn

from zoo_core.config import Config, FrozenDict
from zoo_core.errors import ConfigError, OptionError, UnsupportedError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.denoiser import Denoiser
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.model import Model
from zoo_core.interfaces.noise import Noise, over_rows
from zoo_core.interfaces.prediction import Prediction
from zoo_core.interfaces.space import Space
from zoo_plugin_diffusers.component import build_component, described, module
from zoo_plugin_diffusers.schedule import Schedule, Target, times_of
from zoo_plugin_diffusers.served import UnconditionalPipeline

_NETWORK = "UNet2DModel"


@final
class UnconditionalConfig(Config):
    """The pipeline's class and the native configurations of its components.

    unet: a UNet2DModel's config.json, with `_class_name`. scheduler: a scheduler_config.json.
    """

    pipeline: UnconditionalPipeline = UnconditionalPipeline.DDPM
    unet: FrozenDict
    scheduler: FrozenDict


@final
class UnconditionalSampleOptions(Config):
    """Options of `sample`.

    steps: how often the network is asked; the pipeline's own default, or as many as the schedule
    has times if those are fewer. eta: how much new noise each step of DDIM brings, from 0
    (none) to 1 (as DDPM), Song et al. 2021, arXiv:2010.02502, eq. 16. progress: show a bar.
    """

    steps: pydantic.PositiveInt | None = None
    eta: float | None = pydantic.Field(default=None, ge=0, le=1)
    progress: bool = False


@final
class Unconditional(Generator, Denoiser):
    """DDPM, DDIM and their like in diffusers' format: pictures `[c, h, w]` between 0 and 1.

    `sample` gives what the pipeline itself gives with the same generator, to the bit; with
    guidance the same loop runs over `guided(call)`. The network's own units are −1 … 1, so that
    noise of size sigma in data units is 2·sigma to it. `denoise` is the network's prediction as
    it is: thresholds of the scheduler belong to sampling. Levels of noise beyond the schedule's
    ends are asked at its ends. Only schedules with discrete times (`alphas_cumprod`) make a
    Denoiser; others are Generators alone.
    """

    architecture = "diffusers/unconditional"
    Config = UnconditionalConfig
    SampleOptions = UnconditionalSampleOptions
    guides = True

    config: UnconditionalConfig
    unet: nn.Module

    @classmethod
    def of(cls, pipeline: UnconditionalPipeline, *, unet: Any, scheduler: Any) -> Unconditional:
        """Put live components of a pipeline behind the interfaces; the network is taken as it is.

        The scheduler becomes what the pipeline makes of it: DDIM's own for DDIM, for example.
        """
        import diffusers

        native = getattr(diffusers, pipeline.value)(unet=unet, scheduler=scheduler)
        fields = {"unet": described(unet), "scheduler": described(native.scheduler)}
        config = UnconditionalConfig.parse({"pipeline": pipeline.value, **fields})
        return cls(config, parts={"unet": unet})

    def _space(self) -> Space:
        unet = self.config.unet
        size, channels = unet.get("sample_size"), unet.get("in_channels", 3)
        if unet.get("_class_name") != _NETWORK or not isinstance(size, int | tuple):
            raise ConfigError(
                f"An unconditional pipeline's network is a {_NETWORK} with a sample_size",
                received=f"{unet.get('_class_name')} with sample_size {size}",
            )
        height, width = (size, size) if isinstance(size, int) else size
        return Space.unit(channels, height, width)

    def _build(self) -> None:
        unet = self.config.unet
        if unet.get("num_class_embeds") is not None or unet.get("class_embed_type") is not None:
            raise UnsupportedError(
                f"{self.architecture} is told nothing", received="a network that is told a class"
            )
        self.unet = self._taken("unet") or module(unet)
        self._schedule = Schedule.of(build_component(self.config.scheduler))

    def _provides(self) -> frozenset[type[Model]]:
        return super()._provides() - (frozenset() if self._schedule else {Denoiser})

    def native(self) -> Any:
        """Give the pipeline of diffusers' that shares this model's network, quiet.

        Its scheduler is a new one, so that what was sampled before changes nothing.
        """
        import diffusers

        kind = getattr(diffusers, self.config.pipeline.value)
        pipeline = kind(unet=self.unet, scheduler=build_component(self.config.scheduler))
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def _sample(self, n: int, call: Call) -> Tensor:
        pipeline, options = self.native(), call.options
        pipeline.set_progress_bar_config(disable=not options.progress)
        asked = self._asked(pipeline, options)
        if call.guidance:
            return self._guided_pictures(pipeline, n, asked, call)
        with self._in_its_precision():
            made = pipeline(batch_size=n, generator=call.rng, output_type="pt", **asked).images
        # Older pipelines know no "pt", and give NumPy's order for it.
        made = made if isinstance(made, Tensor) else _channels_first(made, self.device)
        return made.to(self.dtype)

    @contextmanager
    def _in_its_precision(self) -> Iterator[None]:
        """Cast what the network is given: older pipelines begin in single precision always."""

        def cast(network: nn.Module, given: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            del network
            return given[0].to(self.dtype), given[1]

        handle = self.unet.register_forward_pre_hook(cast)
        try:
            yield
        finally:
            handle.remove()

    def _asked(self, pipeline: Any, options: UnconditionalSampleOptions) -> dict[str, Any]:
        """Give the pipeline's own arguments. Raises OptionError for what it doesn't take."""
        takes = inspect.signature(type(pipeline).__call__).parameters
        times = int(pipeline.scheduler.config.num_train_timesteps)
        steps = options.steps or min(takes["num_inference_steps"].default, times)
        if self._schedule is not None and steps > times:
            raise OptionError(f"steps is at most {times}, the schedule's times", received=steps)
        if options.eta is None:
            return {"num_inference_steps": steps}
        if "eta" not in takes:
            raise OptionError(
                f"A {self.config.pipeline} takes no eta",
                received=options.eta,
                remedy=f"A {UnconditionalPipeline.DDIM} does; leave it out.",
            )
        return {"num_inference_steps": steps, "eta": options.eta}

    def _guided_pictures(self, pipeline: Any, n: int, asked: dict[str, Any], call: Call) -> Tensor:
        """Run the pipeline's loop over the guided denoiser."""
        schedule, scheduler = self._guidable(pipeline), pipeline.scheduler
        scheduler.set_timesteps(asked["num_inference_steps"])
        denoise, step = self.guided(call), _stepping(scheduler, call.rng, asked.get("eta"))
        shape = (n, *self.space.shape)
        y = torch.randn(shape, generator=call.rng, device=self.device, dtype=self.dtype)
        for time in pipeline.progress_bar(scheduler.timesteps):
            (level,) = schedule.levels([int(time)])
            prediction = denoise(_to_data(y, level), _noise_in_data(level))
            inner = Prediction(2 * prediction.x0 - 1, prediction.eps)
            y = step(schedule.output(inner, level), time, y)
        return (y / 2 + 0.5).clamp(0, 1)

    def _guidable(self, pipeline: Any) -> Schedule:
        """Give the schedule where a sampler can go by predictions alone."""
        learned = str(pipeline.scheduler.config.get("variance_type", "")).startswith("learned")
        if self._schedule is None or learned or pipeline.scheduler.init_noise_sigma != 1:
            raise UnsupportedError(
                "Guidance leads samplers of discrete times with variances that aren't learned",
                received=f"a {type(pipeline.scheduler).__name__}"
                + (" with learned variances" if learned else ""),
                remedy="Sample without guidance, or by a sampler of your own over `denoise`.",
            )
        return self._schedule

    def _denoise(self, x: Tensor, noise: Noise, call: Call) -> Prediction:
        del call
        schedule = self._times()
        alpha, sigma = (torch.as_tensor(part).double() for part in (noise.alpha, noise.sigma))
        size = (alpha.square() + (2 * sigma).square()).sqrt()
        # On the schedule the size is 1, and the network is asked about x itself, to the bit.
        rounding = 8 * torch.finfo(x.dtype).eps
        size = torch.where((size - 1).abs() <= rounding, 1.0, size)
        level = Noise(alpha / size, 2 * sigma / size)
        y = (2 * x - over_rows(alpha, x)) / over_rows(size, x)
        output = self._output(y, schedule.time(level, x.dtype))
        inner = schedule.prediction(y, output, level)
        return Prediction((inner.x0 + 1) / 2, inner.eps)

    def _path(self, steps: int) -> Sequence[Noise]:
        times = times_of(build_component(self.config.scheduler), steps)
        return [*map(_noise_in_data, self._times().levels(times)), Noise(1.0, 0.0)]

    def _start(self, eps: Tensor, noise: Noise) -> Tensor:
        # Pipelines begin with N(0, I) in the network's units, in which a level of the schedule is
        # of size 1: with the spread of data that vary as much as they can around grey.
        alpha, sigma = noise.over(eps)
        return (alpha + (alpha.square() + (2 * sigma).square()).sqrt() * eps) / 2

    def _loss(self, batch: Batch, call: Call) -> Tensor:
        """Give the simple loss of each row at a random time, the mean over its entries.

        Ho et al. 2020, arXiv:2006.11239, eq. 14. A network that predicts v is asked for v
        (Salimans & Ho 2022, arXiv:2202.00512, section 4); one that predicts data has its error
        weighted by the signal-to-noise ratio, which makes it that of the noise. Learned variances
        aren't trained.
        """
        x: Any = batch.x
        schedule, y = self._times(), 2 * x.to(self.dtype) - 1
        times = torch.randint(
            len(schedule.signal), (len(y),), generator=call.rng, device=self.device
        )
        eps = torch.randn(y.shape, generator=call.rng, device=self.device, dtype=y.dtype)
        level = Noise(*schedule.at(times))
        wanted = schedule.output(Prediction(y, eps), level)
        error = (self._output(level.add(y, eps), times) - wanted).square().flatten(1).mean(1)
        return error * level.snr.to(error) if schedule.target is Target.SAMPLE else error

    def _output(self, y: Tensor, times: Tensor) -> Tensor:
        """Ask the network in its own units; variances that it gives too are left out."""
        if self.config.unet.get("time_embedding_type") == "learned":
            times = times.round().long()
        return self.unet(y, times).sample[:, : y.shape[1]]

    def _times(self) -> Schedule:
        if self._schedule is None:
            raise UnsupportedError(
                "A diffusion of discrete times is needed here",
                received=self.config.scheduler.get("_class_name"),
            )
        return self._schedule


def _stepping(
    scheduler: Any, rng: torch.Generator, eta: float | None
) -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Give a scheduler's step with those of the arguments that it takes."""
    takes = inspect.signature(scheduler.step).parameters
    extra: dict[str, Any] = {"generator": rng} if "generator" in takes else {}
    extra |= {"eta": eta} if "eta" in takes and eta is not None else {}
    return lambda output, time, y: scheduler.step(output, time, y, **extra).prev_sample


def _noise_in_data(level: Noise) -> Noise:
    """Give a level of noise on pictures between 0 and 1 for one between −1 and 1."""
    return Noise(level.alpha, level.sigma / 2)


def _to_data(y: Tensor, level: Noise) -> Tensor:
    """Give noised pictures in data units."""
    return (y + level.over(y)[0]) / 2


def _channels_first(pictures: Any, device: torch.device) -> Tensor:
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous().to(device)
