"""Families of pipelines of sounds and films: what each makes unasked, and how it reads a prompt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, NamedTuple, final

from zoo_core.interfaces.space import Space
from zoo_plugin_diffusers.native_pipeline import called_with
from zoo_plugin_diffusers.prompt import PromptEncoding
from zoo_plugin_diffusers.served import PlainPipeline

Components = Mapping[str, Any]


@final
class Made(NamedTuple):
    """What a pipeline makes unasked, and by which arguments of its call that is fixed."""

    space: Space
    arguments: Mapping[str, Any]


@final
@dataclass(frozen=True)
class PlainFamily:
    """What a pipeline makes of its live components, and how it reads its prompt.

    `own_null`: without a negative prompt it leads away from a null of its own, which isn't an
    embedding of a text.
    """

    made: Callable[[Components], Made]
    encoding: PromptEncoding | None = None
    own_null: bool = False


def _dance(own: Components) -> Made:
    unet = own["unet"].config
    return Made(Space.real(unet.in_channels, unet.sample_size, rate=float(unet.sample_rate)), {})


def _spectrogram(own: Components) -> Made:
    """As long as the network's own spectrograms are, told by a vocoder."""
    vocoder = own["vocoder"].config
    upsampling = prod(vocoder.upsample_rates) / vocoder.sampling_rate
    seconds = own["unet"].config.sample_size * _factor(own) * upsampling
    samples = int(seconds * vocoder.sampling_rate)
    return Made(Space.real(1, samples, rate=float(vocoder.sampling_rate)), {})


def _waveform(own: Components) -> Made:
    """As long as the network's own latent sounds are, told by their autoencoder."""
    vae = own["vae"]
    seconds = own["transformer"].config.sample_size * vae.hop_length / vae.config.sampling_rate
    samples = int(seconds * vae.config.sampling_rate)
    space = Space.real(vae.config.audio_channels, samples, rate=float(vae.config.sampling_rate))
    return Made(space, {"audio_end_in_s": seconds})


def _square(name: PlainPipeline) -> Callable[[Components], Made]:
    """Films as large as the network's own pictures, eight frames a second."""

    def made(own: Components) -> Made:
        side = own["unet"].config.sample_size * _factor(own)
        return _frames(called_with(name.value)["num_frames"], side, side, rate=8)

    return made


def _cog_video(own: Components) -> Made:
    """CogVideoX, and 1.5, which alone joins frames to patches and has twice as many a second."""
    network = own["transformer"].config
    height, width = (side * _factor(own) for side in (network.sample_height, network.sample_width))
    rate = 8 if network.patch_size_t is None else 16
    return _frames(network.sample_frames, height, width, rate=rate)


def _by_call(name: PlainPipeline, rate: int) -> Callable[[Components], Made]:
    """Films of the size that the pipeline's call has by default."""

    def made(own: Components) -> Made:
        del own
        usual = called_with(name.value)
        return _frames(usual["num_frames"], usual["height"], usual["width"], rate=rate)

    return made


def _frames(frames: int, height: int, width: int, *, rate: int) -> Made:
    space = Space.unit(frames, 3, height, width, rate=float(rate))
    return Made(space, {"num_frames": frames, "height": height, "width": width})


def _factor(own: Components) -> int:
    return 2 ** (len(own["vae"].config.block_out_channels) - 1)


PLAIN_FAMILIES: Mapping[PlainPipeline, PlainFamily] = {
    PlainPipeline.ANIMATE_DIFF: PlainFamily(
        _square(PlainPipeline.ANIMATE_DIFF), PromptEncoding.SINGLE
    ),
    PlainPipeline.AUDIO_LDM: PlainFamily(_spectrogram, PromptEncoding.CLAP),
    PlainPipeline.COG_VIDEO_X: PlainFamily(_cog_video, PromptEncoding.SINGLE),
    PlainPipeline.DANCE_DIFFUSION: PlainFamily(_dance),
    PlainPipeline.LTX: PlainFamily(_by_call(PlainPipeline.LTX, 25), PromptEncoding.LTX),
    PlainPipeline.STABLE_AUDIO: PlainFamily(_waveform, PromptEncoding.STABLE_AUDIO, own_null=True),
    PlainPipeline.TEXT_TO_VIDEO_SD: PlainFamily(
        _square(PlainPipeline.TEXT_TO_VIDEO_SD), PromptEncoding.SINGLE
    ),
    PlainPipeline.WAN: PlainFamily(_by_call(PlainPipeline.WAN, 16), PromptEncoding.WAN),
}
"""What each pipeline that is known by its name makes, and how it reads its prompt."""
