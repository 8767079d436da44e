"""Samples as .wav files, and back."""

from __future__ import annotations

import io
import wave
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.space import Kind, Space

_FULL = 2**15
_CHANNELS = (1, 2)

WaveFile = bytes | str | PathLike[str]


def is_waveform(space: Space) -> bool:
    """Say whether samples are waveforms: real `[1, time]` (mono) or `[2, time]`, with a rate."""
    real = space.kind is Kind.REAL and space.rate is not None
    return real and len(space.shape) == 2 and space.shape[0] in _CHANNELS


def to_waveforms(space: Space, x: Any, *, clip: bool = False) -> list[bytes]:
    """Turn samples `[n, channels, time]` into n .wav files of 16 bits, the loudest being ±1.

    The numbers k of a file stand for k/2¹⁵, so that 1 becomes the largest there is, 1 − 2⁻¹⁵.
    With `clip` louder values are cut off. Raises DataError for them without it, for samples that
    are no waveforms, and for a rate that is no whole number.
    """
    rate = _rate(space)
    data = space.check(space.tensor(x).detach().cpu()).double()
    if not clip and bool((data.abs() > 1).any()):
        raise DataError(
            "Values of a waveform lie between -1 and 1",
            received=f"{data.abs().max():.4g}",
            remedy="Give clip=True, or scale them: x / x.abs().max().",
        )
    codes = (data * _FULL).round().clamp(-_FULL, _FULL - 1).to(torch.int16)
    return [_file(one.T.contiguous().numpy(), rate) for one in codes]


def clipped_share(x: Tensor) -> float:
    """Give the share of values that are too loud for a .wav file."""
    return float((x.abs() > 1).double().mean())


def _file(codes: np.ndarray, rate: int) -> bytes:
    """Write codes `[time, channels]`."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(codes.shape[1])
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(codes.astype("<i2").tobytes())
    return file.getvalue()


def from_waveforms(space: Space, files: Sequence[WaveFile]) -> Tensor:
    """Turn .wav files, as bytes or by their paths, into samples `[n, channels, time]`.

    They are of 8, 16, 24 or 32 bits a value. Raises DataError for what is no such file, or is of
    other channels, another rate or another length.
    """
    _rate(space)
    if not files:
        raise DataError("At least one waveform is needed", received="an empty list")
    return torch.stack([_values(space, file) for file in files]).to(torch.get_default_dtype())


def _values(space: Space, file: WaveFile) -> Tensor:
    content = file if isinstance(file, bytes) else Path(file).read_bytes()
    name = "The file" if isinstance(file, bytes) else str(file)
    try:
        with wave.open(io.BytesIO(content), "rb") as read:
            about = read.getparams()
            frames = read.readframes(about.nframes)
    except (wave.Error, EOFError) as error:
        raise DataError(f"{name} is a .wav file of whole numbers", received=str(error)) from None
    channels, time = space.shape
    found = (about.nchannels, len(frames) // (about.nchannels * about.sampwidth), about.framerate)
    if found != (channels, time, space.rate):
        raise DataError(
            f"{name} has {channels} channel(s) of {time} values, {space.rate:g} a second",
            received=f"{found[0]} of {found[1]}, {found[2]} a second",
            remedy="Resample it, and cut or pad it.",
        )
    return torch.from_numpy(_decoded(frames, about.sampwidth).reshape(time, channels).T.copy())


def _decoded(frames: bytes, width: int) -> np.ndarray:
    """Read numbers of so many bytes as values between −1 and 1; those of one byte have no sign."""
    if width == 1:
        return np.frombuffer(frames, np.uint8).astype(np.float64) / 128 - 1
    raw = np.frombuffer(frames, np.uint8).reshape(-1, width)
    wide = np.zeros((len(raw), 4), np.uint8)
    wide[:, 4 - width :] = raw
    return wide.view("<i4")[:, 0] / 2.0**31


def _rate(space: Space) -> int:
    if not is_waveform(space):
        raise DataError(
            "Waveforms are real [1, time] or [2, time] with a rate",
            received=f"{space.kind} values of shape {list(space.shape)}, rate {space.rate}",
            remedy="Write .npy, or say the rate: Space.real(1, time, rate=16000).",
        )
    rate = space.rate or 0.0
    if rate != round(rate):
        raise DataError("A .wav file has a whole number of values a second", received=rate)
    return round(rate)
