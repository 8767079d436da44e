"""Any pipeline: sounds, films and pictures by diffusers' pipelines, as plain Generators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, Self, final

import pydantic
import torch
from torch import Tensor, nn

from zoo_core import config as configuration
from zoo_core.config import FrozenDict, thaw
from zoo_core.errors import ConfigError, OptionError
from zoo_core.interfaces.call import Call
from zoo_core.interfaces.conditioner import Conditioner
from zoo_core.interfaces.context import Context
from zoo_core.interfaces.generator import Generator
from zoo_core.interfaces.part import Part, Provides
from zoo_core.interfaces.space import Space
from zoo_plugin_diffusers.component import is_module, module
from zoo_plugin_diffusers.guidance_scale import require_option
from zoo_plugin_diffusers.native_pipeline import (
    assembled,
    called_with,
    components_of,
    constructed_with,
    drawn_at_once,
)

_OUTPUTS = ("audios", "frames", "images")
"""Where pipelines put what they make."""
_MASKS = ("prompt_attention_mask", "attention_mask")
"""What pipelines call the mask of a prompt, where they take it."""


@final
class PipelineConfig(configuration.Config):
    """A pipeline's class, its components, what it is always called with, and what it makes.

    components: native configurations. settings: what else its constructor is told. arguments: of
    its call, such as num_frames; they are JSON. space: what one sample is, unit pictures
    [3, h, w] or frames [t, 3, h, w], or a waveform [channels, t]. conditioner: what reads a
    prompt, where the pipeline takes one. own_null: unasked, the pipeline leads away from a null of
    its own, not from the conditioner's. steps, guidance_scale: by default the pipeline's own.
    """

    pipeline: str
    components: FrozenDict
    space: Space
    settings: FrozenDict = FrozenDict()
    arguments: FrozenDict = FrozenDict()
    conditioner: Annotated[Part, Provides(Conditioner)] | None = None
    own_null: bool = False
    steps: pydantic.PositiveInt | None = None
    guidance_scale: pydantic.NonNegativeFloat | None = None

    @pydantic.model_validator(mode="after")
    def _own_arguments(self) -> Self:
        ours = {"generator", "output_type", "batch_size", "return_dict"} & set(self.arguments)
        if ours:
            raise ValueError(f"arguments are none of {', '.join(sorted(ours))}")
        return self


@final
class PipelineOptions(configuration.Config):
    """Options of `sample`, as far as the pipeline takes them.

    steps: how often the network is asked. guidance_scale: how far samples follow the prompt,
    at least 1, which is unguided.
    negative: a text that they are led away from. at_once: how many are drawn together, by default
    as many as have six million numbers. progress: show a bar.
    """

    steps: pydantic.PositiveInt | None = None
    guidance_scale: pydantic.NonNegativeFloat | None = None
    negative: str | None = None
    at_once: pydantic.PositiveInt | None = None
    progress: bool = False


@final
class Pipeline(Generator):
    """What a pipeline of diffusers makes, to the bit: waveforms, frames, or pictures.

    Its object is called with `call.rng`, and with the embeddings of the condition where there is
    a conditioner. Pipelines that draw from torch's global generator beside theirs find it seeded
    for the call.
    """

    architecture = "diffusers/pipeline"
    Config = PipelineConfig
    SampleOptions = PipelineOptions

    config: PipelineConfig

    def _build(self) -> None:
        for name, native in self.config.components.items():
            if is_module(native):
                self.add_module(name, self._taken(name) or module(native))
        _forget_computed(self)
        self._check_call()

    def _check_call(self) -> None:
        """Raise ConfigError for arguments that the pipeline doesn't take, and a prompt likewise."""
        takes, name = called_with(self.config.pipeline), self.config.pipeline
        foreign = set(self.config.arguments) - set(takes)
        if foreign:
            raise ConfigError(
                f"{name} is called with what it takes", received=", ".join(sorted(foreign))
            )
        told = self.config.conditioner is not None
        if told and "prompt_embeds" not in takes:
            raise ConfigError(f"{name} takes no prompt", received="a conditioner")
        if not told and "batch_size" not in takes:
            raise ConfigError(f"{name} is told what to make", received="no conditioner")

    def _sample(self, n: int, call: Call) -> Tensor:
        pipeline = self._assembled(progress=call.options.progress)
        at_once = call.options.at_once or drawn_at_once(self.space)
        rows = [slice(start, min(start + at_once, n)) for start in range(0, n, at_once)]
        with _seeded(call.rng):
            samples = torch.cat([self._drawn(pipeline, each, call) for each in rows])
        _forget_computed(self)
        return samples

    def _assembled(self, *, progress: bool) -> Any:
        """Put the pipeline together; some ask their text encoder for its dtype, though read."""
        wanted = constructed_with(self.config.pipeline)
        told = () if self._conditioner() is None else self._conditioner().named_children()
        encoders = {name: encoder for name, encoder in told if name in wanted}
        settings = thaw(self.config.settings)
        components = settings | encoders | components_of(self, self.config.components)
        return assembled(self.config.pipeline, components, progress=progress)

    def _drawn(self, pipeline: Any, rows: slice, call: Call) -> Tensor:
        """Draw a few rows by one call."""
        count = rows.stop - rows.start
        told = self._prompted(count, rows, call)
        made = pipeline(**self._asked(call.options), **told, **self._form(count, call.rng))
        values = torch.as_tensor(next(made[name] for name in _OUTPUTS if name in made))
        return self._shaped(values.to(self.device, self.dtype))

    def _shaped(self, values: Tensor) -> Tensor:
        """Give a channel to sounds that have one and don't say so."""
        shape = tuple(values.shape[1:])
        if shape not in (self.space.shape, self.space.shape[1:]):
            raise ConfigError(
                f"The configuration's space is what {self.config.pipeline} makes",
                received=f"samples {list(shape)} in {self.space}",
                remedy="Mend the space, or the arguments of the call.",
            )
        return values.reshape(-1, *self.space.shape)

    def _form(self, count: int, rng: torch.Generator) -> dict[str, Any]:
        """Say how many, by which generator, and in which form."""
        form = {"generator": rng, "output_type": "pt"}
        if self._conditioner() is None:
            form["batch_size"] = count
        return {key: value for key, value in form.items() if key in self._arguments()}

    def _asked(self, options: PipelineOptions) -> dict[str, Any]:
        """Give the fixed arguments and the options. Raises OptionError for what isn't taken."""
        asked = {"num_inference_steps": options.steps, "guidance_scale": options.guidance_scale}
        refused = [key for key, value in asked.items() if value is not None]
        refused = [key for key in refused if key not in self._arguments()]
        if refused or (options.negative is not None and self._conditioner() is None):
            raise OptionError(
                f"{self.config.pipeline} takes its own options",
                received=", ".join(refused) or "negative, without a prompt",
                remedy="Leave it out.",
            )
        if "true_cfg_scale" not in self._arguments():  # the classifier-free one where it's there
            require_option(options.guidance_scale)
        usual = {
            "num_inference_steps": self.config.steps,
            "guidance_scale": self.config.guidance_scale,
        }
        chosen = {key: usual[key] if value is None else value for key, value in asked.items()}
        fixed = thaw(self.config.arguments)
        return fixed | {key: value for key, value in chosen.items() if value is not None}

    def _prompted(self, count: int, rows: slice, call: Call) -> dict[str, Tensor]:
        """Give the embeddings of the condition and of what is led away from."""
        conditioner, text = self._conditioner(), call.options.negative
        if conditioner is None or call.context is None:
            return {}
        told = _named(call.context.take(rows), "", self._arguments())
        if text is None and self.config.own_null:
            return told
        null = conditioner.null if text is None else conditioner.context(text)
        null = null.to(self.device, self.dtype).expand(count)
        return told | _named(null, "negative_", self._arguments())

    def _arguments(self) -> Any:
        return called_with(self.config.pipeline)


def _named(context: Context, sign: str, takes: Mapping[str, Any]) -> dict[str, Tensor]:
    """Give a context under the names of the pipelines' arguments; CLAP's vector is all there is."""
    if context.sequence is None:
        return {} if context.vector is None else {f"{sign}prompt_embeds": context.vector}
    sequence, mask = context.as_sequence()
    masked = {f"{sign}{name}": mask for name in _MASKS if f"{sign}{name}" in takes}
    named = {f"{sign}prompt_embeds": sequence, **masked}
    pooled = context.vector
    return named if pooled is None else named | {f"{sign}pooled_prompt_embeds": pooled}


def _forget_computed(module: nn.Module) -> None:
    """Drop the weights that weight norm computes of its two parameters, anew in each pass.

    They are tensors beside the registered ones, and at first have a graph, so that they can't be
    copied.
    """
    for one in module.modules():
        for name in [key for key in vars(one) if f"{key}_v" in one._parameters]:
            delattr(one, name)


@contextmanager
def _seeded(rng: torch.Generator) -> Iterator[None]:
    """Seed torch's global generator by a generator's own seed, drawing nothing from it.

    Some pipelines don't hand their generator to the scheduler.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(rng.initial_seed())
        yield
