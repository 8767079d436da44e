"""Randomness as a function of (seed, purpose, numbers): no generator state is ever kept."""

from __future__ import annotations

import contextlib
import hashlib
import struct
from collections.abc import Iterator
from enum import StrEnum
from typing import final

import torch


@final
class Purpose(StrEnum):
    """What a stream of random numbers is for; streams of different purposes are independent."""

    ORDER = "order"
    STEP = "step"
    GLOBAL = "global"
    VALIDATION = "validation"
    PREPROCESSING = "preprocessing"


def stream_seed(seed: int, purpose: Purpose, *numbers: int) -> int:
    """Give the 63-bit seed of one stream, e.g. of (seed, STEP, step)."""
    text = purpose.encode() + struct.pack(f"<{1 + len(numbers)}q", seed, *numbers)
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1


def stream(seed: int, purpose: Purpose, *numbers: int, device: torch.device) -> torch.Generator:
    """Give a fresh generator on `device` for one stream."""
    return torch.Generator(device).manual_seed(stream_seed(seed, purpose, *numbers))


@contextlib.contextmanager
def global_stream(
    seed: int, purpose: Purpose, *numbers: int, device: torch.device
) -> Iterator[None]:
    """Let torch's global generators draw from one stream, and put their state back afterwards.

    Dropout takes no generator: it draws from the global one of its device.
    """
    others = [] if device.type == "cpu" else [device]
    kind = "cuda" if device.type == "cpu" else device.type
    with torch.random.fork_rng(devices=others, device_type=kind):
        torch.default_generator.manual_seed(stream_seed(seed, purpose, *numbers))
        if others:
            torch.get_device_module(device).manual_seed(stream_seed(seed, purpose, *numbers))
        yield
