"""Tiny pipelines of sounds with random weights, of the libraries' own classes."""

from __future__ import annotations

from typing import Any

import diffusers as diffusers_module

from models.native_pipelines import lively
from models.prompted_pipelines import t5, t5_tokenizer

diffusers: Any = diffusers_module


def stable_audio() -> Any:
    """Make Stable Audio."""
    return diffusers.StableAudioPipeline(
        vae=lively(
            diffusers.AutoencoderOobleck(
                encoder_hidden_size=4,
                downsampling_ratios=[2, 2],
                decoder_channels=3,
                decoder_input_channels=3,
                channel_multiples=[1, 2],
                sampling_rate=8,
            )
        ),
        text_encoder=t5(),
        projection_model=lively(
            diffusers.StableAudioProjectionModel(
                text_encoder_dim=32, conditioning_dim=16, min_value=0, max_value=32
            )
        ),
        tokenizer=t5_tokenizer(),
        transformer=lively(
            diffusers.StableAudioDiTModel(
                sample_size=12,
                in_channels=3,
                num_layers=1,
                attention_head_dim=8,
                num_attention_heads=2,
                num_key_value_attention_heads=2,
                out_channels=3,
                cross_attention_dim=16,
                time_proj_dim=8,
                global_states_input_dim=32,
                cross_attention_input_dim=16,
            )
        ),
        scheduler=diffusers.EDMDPMSolverMultistepScheduler(
            solver_order=2, prediction_type="v_prediction", sigma_data=1.0
        ),
    )
