"""The pipelines of diffusers' that are served, by their classes' names, known without torch."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import final


@final
class UnconditionalPipeline(StrEnum):
    """Pipelines of a U-Net and a scheduler, told nothing."""

    DDPM = "DDPMPipeline"
    DDIM = "DDIMPipeline"
    PNDM = "PNDMPipeline"
    SCORE_SDE_VE = "ScoreSdeVePipeline"


@final
class TextToImagePipeline(StrEnum):
    """Pipelines that make pictures of texts."""

    STABLE_DIFFUSION = "StableDiffusionPipeline"
    STABLE_DIFFUSION_XL = "StableDiffusionXLPipeline"
    STABLE_DIFFUSION_3 = "StableDiffusion3Pipeline"
    FLUX = "FluxPipeline"


@final
class PlainPipeline(StrEnum):
    """Pipelines that make sounds and films."""

    ANIMATE_DIFF = "AnimateDiffPipeline"
    AUDIO_LDM = "AudioLDMPipeline"
    COG_VIDEO_X = "CogVideoXPipeline"
    DANCE_DIFFUSION = "DanceDiffusionPipeline"
    LTX = "LTXPipeline"
    STABLE_AUDIO = "StableAudioPipeline"
    TEXT_TO_VIDEO_SD = "TextToVideoSDPipeline"
    WAN = "WanPipeline"


SERVED = (*UnconditionalPipeline, *TextToImagePipeline, *PlainPipeline)

_UNSERVED: Mapping[str, str] = {
    "AudioLDM2Pipeline": "a language model continues its prompts, padded to the longest of a call",
    "HunyuanVideoPipeline": "a template for a language model frames its prompts",
    "MusicLDMPipeline": "with transformers 5 the pipeline itself reads no text",
}


def named_unserved(name: str) -> str:
    """Name a pipeline that isn't served, with the reason where one is known."""
    return f"a {name} ({_UNSERVED[name]})" if name in _UNSERVED else f"a {name}"
