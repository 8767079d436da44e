"""Tiny pipelines of texts, sounds and films with random weights, of the libraries' own classes."""

from __future__ import annotations

import json
import string
import tempfile
from pathlib import Path
from typing import Any

import diffusers as diffusers_module
import transformers as transformers_module

from models.native_pipelines import lively

diffusers: Any = diffusers_module
transformers: Any = transformers_module

LENGTH = 8
"""How many codes a prompt has, and how wide CLAP's vectors are."""
_LETTERS = list(string.ascii_lowercase)


def clip_tokenizer() -> Any:
    """Make a byte-pair tokenizer of single letters and one merge: 55 codes."""
    marks = ["at</w>", "<|startoftext|>", "<|endoftext|>"]
    words = [*_LETTERS, *(letter + "</w>" for letter in _LETTERS), *marks]
    with tempfile.TemporaryDirectory() as folder:
        vocabulary, merges = Path(folder) / "vocab.json", Path(folder) / "merges.txt"
        vocabulary.write_text(json.dumps({word: code for code, word in enumerate(words)}))
        merges.write_text("#version: 0.2\na t</w>\n")
        return transformers.CLIPTokenizer(
            vocab=str(vocabulary), merges=str(merges), model_max_length=LENGTH
        )


def t5_tokenizer() -> Any:
    """Make a unigram tokenizer of single letters: 56 codes."""
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(letter, -3.0) for letter in _LETTERS] + [("▁" + one, -3.5) for one in _LETTERS]
    return transformers.T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=LENGTH)


def clip(*, width: int = 16, projection: bool = False) -> Any:
    """Make CLIP's text encoder, with or without its projection."""
    config = transformers.CLIPTextConfig(
        vocab_size=55,
        hidden_size=width,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=LENGTH,
        projection_dim=12,
        bos_token_id=53,
        eos_token_id=54,
        pad_token_id=54,
    )
    cls = transformers.CLIPTextModelWithProjection if projection else transformers.CLIPTextModel
    return lively(cls(config))


def t5(*, width: int = 32) -> Any:
    """Make T5's encoder."""
    config = transformers.T5Config(
        vocab_size=56, d_model=width, d_kv=8, d_ff=24, num_layers=1, num_heads=2
    )
    return lively(transformers.T5EncoderModel(config))


def vae(*, channels: int = 4, shift: float | None = None) -> Any:
    """Make an autoencoder of pictures, that halves their sides."""
    return lively(
        diffusers.AutoencoderKL(
            in_channels=3,
            out_channels=3,
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            block_out_channels=(8, 8),
            layers_per_block=1,
            latent_channels=channels,
            shift_factor=shift,
            norm_num_groups=2,
            sample_size=8,
        )
    )


def unet(*, width: int = 16, channels: int = 4, **fields: Any) -> Any:
    """Make the network of Stable Diffusion."""
    blocks = {
        "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
    }
    return lively(
        diffusers.UNet2DConditionModel(
            sample_size=4,
            in_channels=channels,
            out_channels=4,
            **blocks,
            block_out_channels=(8, 16),
            layers_per_block=1,
            norm_num_groups=2,
            attention_head_dim=2,
            cross_attention_dim=width,
            **fields,
        )
    )


def stable_diffusion() -> Any:
    """Make Stable Diffusion 1."""
    return diffusers.StableDiffusionPipeline(
        vae=vae(),
        text_encoder=clip(),
        tokenizer=clip_tokenizer(),
        unet=unet(),
        scheduler=diffusers.PNDMScheduler(
            beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_xl() -> Any:
    """Make Stable Diffusion XL."""
    return diffusers.StableDiffusionXLPipeline(
        vae=vae(),
        text_encoder=clip(),
        text_encoder_2=clip(projection=True),
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        unet=unet(
            width=32,
            addition_embed_type="text_time",
            addition_time_embed_dim=4,
            projection_class_embeddings_input_dim=12 + 6 * 4,
        ),
        scheduler=diffusers.EulerDiscreteScheduler(steps_offset=1),
        add_watermarker=False,
    )


def stable_diffusion_3(*, with_t5: bool = True) -> Any:
    """Make Stable Diffusion 3."""
    return diffusers.StableDiffusion3Pipeline(
        transformer=lively(
            diffusers.SD3Transformer2DModel(
                sample_size=4,
                patch_size=1,
                in_channels=16,
                num_layers=1,
                attention_head_dim=8,
                num_attention_heads=2,
                joint_attention_dim=32,
                caption_projection_dim=16,
                pooled_projection_dim=24,
                out_channels=16,
            )
        ),
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=vae(channels=16, shift=0.05),
        text_encoder=clip(projection=True),
        tokenizer=clip_tokenizer(),
        text_encoder_2=clip(projection=True),
        tokenizer_2=clip_tokenizer(),
        text_encoder_3=t5() if with_t5 else None,
        tokenizer_3=t5_tokenizer() if with_t5 else None,
    )


def flux() -> Any:
    """Make Flux."""
    return diffusers.FluxPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(),
        vae=vae(shift=0.05),
        text_encoder=clip(),
        tokenizer=clip_tokenizer(),
        text_encoder_2=t5(),
        tokenizer_2=t5_tokenizer(),
        transformer=lively(
            diffusers.FluxTransformer2DModel(
                patch_size=1,
                in_channels=16,
                num_layers=1,
                num_single_layers=1,
                attention_head_dim=16,
                num_attention_heads=2,
                joint_attention_dim=32,
                pooled_projection_dim=16,
                guidance_embeds=True,
                axes_dims_rope=(4, 4, 8),
            )
        ),
    )


def dance_diffusion() -> Any:
    """Make Dance Diffusion: sounds, told nothing."""
    return diffusers.DanceDiffusionPipeline(
        unet=lively(
            diffusers.UNet1DModel(
                sample_size=64,
                sample_rate=16,
                in_channels=2,
                out_channels=2,
                extra_in_channels=8,
                time_embedding_dim=8,
                block_out_channels=(32,),
                down_block_types=("DownBlock1DNoSkip",),
                up_block_types=("UpBlock1DNoSkip",),
            )
        ),
        scheduler=diffusers.IPNDMScheduler(),
    )


def audio_ldm() -> Any:
    """Make AudioLDM: sounds of a text."""
    text = transformers.ClapTextConfig(
        vocab_size=55,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=64,
        projection_dim=LENGTH,
        pad_token_id=54,
    )
    vocoder = transformers.SpeechT5HifiGanConfig(
        model_in_dim=8,
        sampling_rate=64,
        upsample_initial_channel=8,
        upsample_rates=[2, 2],
        upsample_kernel_sizes=[4, 4],
        resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3]],
        normalize_before=False,
    )
    return diffusers.AudioLDMPipeline(
        vae=lively(
            diffusers.AutoencoderKL(
                in_channels=1,
                out_channels=1,
                down_block_types=("DownEncoderBlock2D",) * 2,
                up_block_types=("UpDecoderBlock2D",) * 2,
                block_out_channels=(8, 8),
                layers_per_block=1,
                norm_num_groups=2,
            )
        ),
        text_encoder=lively(transformers.ClapTextModelWithProjection(text)),
        tokenizer=clip_tokenizer(),
        unet=lively(
            diffusers.UNet2DConditionModel(
                sample_size=4,
                block_out_channels=(8, 16),
                layers_per_block=1,
                norm_num_groups=2,
                attention_head_dim=2,
                down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
                up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
                cross_attention_dim=(8, 16),
                class_embed_type="simple_projection",
                projection_class_embeddings_input_dim=LENGTH,
                class_embeddings_concat=True,
            )
        ),
        scheduler=diffusers.DDIMScheduler(clip_sample=False, steps_offset=1),
        vocoder=lively(transformers.SpeechT5HifiGan(vocoder)),
    )


def text_to_video() -> Any:
    """Make ModelScope's text to video."""
    return diffusers.TextToVideoSDPipeline(
        vae=vae(),
        text_encoder=clip(),
        tokenizer=clip_tokenizer(),
        unet=lively(
            diffusers.UNet3DConditionModel(
                sample_size=4,
                block_out_channels=(8, 16),
                layers_per_block=1,
                norm_num_groups=2,
                attention_head_dim=4,
                cross_attention_dim=16,
                down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
                up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
            )
        ),
        scheduler=diffusers.DDIMScheduler(clip_sample=False, steps_offset=1),
    )


def stable_diffusion_3_without_t5() -> Any:
    """Make Stable Diffusion 3 without its largest text encoder, as those short of memory do."""
    return stable_diffusion_3(with_t5=False)
