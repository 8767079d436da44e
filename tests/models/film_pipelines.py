"""Tiny pipelines of films with random weights, of the libraries' own classes."""

from __future__ import annotations

from typing import Any

import diffusers as diffusers_module
import transformers as transformers_module

from models.native_pipelines import lively
from models.prompted_pipelines import clip, clip_tokenizer, t5, t5_tokenizer, vae

diffusers: Any = diffusers_module
transformers: Any = transformers_module


def _umt5() -> Any:
    """Make the encoder of UMT5."""
    config = transformers.UMT5Config(
        vocab_size=56, d_model=16, d_kv=8, d_ff=24, num_layers=1, num_heads=2
    )
    return lively(transformers.UMT5EncoderModel(config))


def _wan_network() -> Any:
    return lively(
        diffusers.WanTransformer3DModel(
            num_attention_heads=2,
            attention_head_dim=12,
            in_channels=4,
            out_channels=4,
            text_dim=16,
            freq_dim=8,
            ffn_dim=16,
            num_layers=1,
            rope_max_seq_len=16,
        )
    )


def wan(*, experts: bool = False) -> Any:
    """Make Wan, or with experts its 2.2, of one network a stage."""
    settings = {"transformer_2": _wan_network(), "boundary_ratio": 0.9} if experts else {}
    return diffusers.WanPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=_umt5(),
        vae=lively(
            diffusers.AutoencoderKLWan(
                base_dim=4,
                z_dim=4,
                dim_mult=[1, 1, 1, 1],
                num_res_blocks=1,
                latents_mean=[0.1, -0.2, 0.0, 0.3],
                latents_std=[1.5, 2.0, 1.0, 0.5],
            )
        ),
        scheduler=diffusers.UniPCMultistepScheduler(
            prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0
        ),
        transformer=_wan_network(),
        **settings,
    )


def wan_of_experts() -> Any:
    """Make Wan 2.2."""
    return wan(experts=True)


def cog_video(*, patch_size_t: int | None = None) -> Any:
    """Make CogVideoX, or 1.5, whose patches are of several frames."""
    rotary = patch_size_t is not None
    return diffusers.CogVideoXPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=t5(),
        vae=lively(
            diffusers.AutoencoderKLCogVideoX(
                down_block_types=("CogVideoXDownBlock3D",) * 4,
                up_block_types=("CogVideoXUpBlock3D",) * 4,
                block_out_channels=(4, 4, 4, 4),
                latent_channels=4,
                layers_per_block=1,
                norm_num_groups=2,
            )
        ),
        transformer=lively(
            diffusers.CogVideoXTransformer3DModel(
                num_attention_heads=2,
                attention_head_dim=16,
                in_channels=4,
                out_channels=4,
                time_embed_dim=4,
                text_embed_dim=32,
                num_layers=1,
                sample_width=2,
                sample_height=4,
                sample_frames=9,
                patch_size_t=patch_size_t,
                patch_bias=not rotary,
                use_rotary_positional_embeddings=rotary,
            )
        ),
        scheduler=diffusers.CogVideoXDDIMScheduler(),
    )


def cog_video_1_5() -> Any:
    """Make CogVideoX 1.5."""
    return cog_video(patch_size_t=2)


def ltx() -> Any:
    """Make LTX-Video, with an autoencoder that is told the time, as its newer ones are."""
    return diffusers.LTXPipeline(
        scheduler=diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=lively(
            diffusers.AutoencoderKLLTXVideo(
                latent_channels=8,
                block_out_channels=(8, 8, 8, 8),
                decoder_block_out_channels=(8, 8, 8, 8),
                layers_per_block=(1, 1, 1, 1, 1),
                decoder_layers_per_block=(1, 1, 1, 1, 1),
                timestep_conditioning=True,
            )
        ),
        text_encoder=t5(),
        tokenizer=t5_tokenizer(),
        transformer=lively(
            diffusers.LTXVideoTransformer3DModel(
                in_channels=8,
                out_channels=8,
                num_attention_heads=2,
                attention_head_dim=8,
                cross_attention_dim=16,
                num_layers=1,
                caption_channels=32,
            )
        ),
    )


def animate_diff() -> Any:
    """Make AnimateDiff: Stable Diffusion 1 with a motion adapter."""
    widths = (8, 16)
    adapter = diffusers.MotionAdapter(
        block_out_channels=widths,
        motion_layers_per_block=1,
        motion_num_attention_heads=2,
        motion_norm_num_groups=2,
        use_motion_mid_block=False,
    )
    unet = diffusers.UNetMotionModel(
        sample_size=4,
        down_block_types=("CrossAttnDownBlockMotion", "DownBlockMotion"),
        up_block_types=("UpBlockMotion", "CrossAttnUpBlockMotion"),
        block_out_channels=widths,
        layers_per_block=1,
        norm_num_groups=2,
        cross_attention_dim=16,
        num_attention_heads=2,
        motion_num_attention_heads=2,
        use_motion_mid_block=False,
    )
    return diffusers.AnimateDiffPipeline(
        vae=vae(),
        text_encoder=clip(),
        tokenizer=clip_tokenizer(),
        unet=lively(unet),
        motion_adapter=lively(adapter),
        scheduler=diffusers.DDIMScheduler(beta_schedule="linear", steps_offset=1),
    )
