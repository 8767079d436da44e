"""Waveforms become .wav files and back, frames .gif files."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from zoo_core.errors import DataError
from zoo_core.exchange import (
    clipped_share,
    from_waveforms,
    is_animation,
    is_picture,
    is_waveform,
    to_animations,
    to_waveforms,
)
from zoo_core.interfaces.space import Space

STEREO = Space.real(2, 6, rate=8000)
MONO = Space.real(1, 5, rate=16000)


def wav(codes: np.ndarray, width: int, rate: int = 16000) -> bytes:
    """Write integers `[time]` little-endian by the standard library alone."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(width)
        out.setframerate(rate)
        signed = width > 1
        out.writeframes(b"".join(int(c).to_bytes(width, "little", signed=signed) for c in codes))
    return file.getvalue()


def test_a_waveform_is_written_by_channel_and_comes_back_to_half_a_step() -> None:
    x = torch.linspace(-1, 1 - 2**-15, 24).reshape(2, 2, 6)
    files = to_waveforms(STEREO, x)
    with wave.open(io.BytesIO(files[1]), "rb") as read:
        assert read.getparams()[:4] == (2, 2, 8000, 6)
        codes = np.frombuffer(read.readframes(6), "<i2").reshape(6, 2)
    assert codes[:, 0].tolist() == (x[1, 0].double() * 2**15).round().int().tolist()
    back = from_waveforms(STEREO, files)
    assert float((back - x).abs().max()) <= 2**-16
    assert to_waveforms(STEREO, back) == files


def test_the_loudest_value_is_the_largest_there_is() -> None:
    back = from_waveforms(MONO, to_waveforms(MONO, [[[1.0, -1.0, 0.0, 2**-15, 0.5]]]))
    assert back[0, 0].tolist() == [1 - 2**-15, -1.0, 0.0, 2**-15, 0.5]


@pytest.mark.parametrize(("width", "lowest"), [(1, 0), (2, -(2**15)), (3, -(2**23)), (4, -(2**31))])
def test_files_of_every_width_are_read(width: int, lowest: int, tmp_path: Path) -> None:
    middle, step = (128, 64) if width == 1 else (0, 2 ** (8 * width - 2))
    file = tmp_path / "x.wav"
    file.write_bytes(wav(np.array([lowest, middle - step, middle, middle + step, middle]), width))
    for given in (file, str(file), file.read_bytes()):
        assert from_waveforms(MONO, [given])[0, 0].tolist() == [-1.0, -0.5, 0.0, 0.5, 0.0]


def test_too_loud_values_are_refused_or_cut_off() -> None:
    x = torch.tensor([[[0.0, 1.5, -3.0, 0.5, 1.0]]])
    with pytest.raises(DataError, match=r"lie between -1 and 1\. Received: 3"):
        to_waveforms(MONO, x)
    (file,) = to_waveforms(MONO, x, clip=True)
    assert from_waveforms(MONO, [file])[0, 0].tolist() == [0, 1 - 2**-15, -1, 0.5, 1 - 2**-15]
    assert clipped_share(x) == 0.4


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"RIFFnothing", "is a .wav file"),
        (b"", "is a .wav file"),
        (wav(np.zeros(4), 2), "1 of 4, 16000 a second"),
        (wav(np.zeros(5), 2, rate=44100), "1 of 5, 44100 a second"),
        (to_waveforms(Space.real(2, 5, rate=16000), torch.zeros(1, 2, 5))[0], "2 of 5"),
    ],
)
def test_other_files_are_refused(content: bytes, told: str) -> None:
    with pytest.raises(DataError, match=told):
        from_waveforms(MONO, [content])


def test_what_is_a_recording_is_said_by_the_rate() -> None:
    assert is_waveform(STEREO) and not is_waveform(Space.real(2, 6))
    assert not is_waveform(Space.real(3, 6, rate=8000))
    assert not is_picture(Space.unit(2, 6, rate=8000))
    with pytest.raises(DataError, match="with a rate"):
        to_waveforms(Space.real(2, 6), torch.zeros(1, 2, 6))
    with pytest.raises(DataError, match="whole number"):
        to_waveforms(Space.real(1, 6, rate=0.5), torch.zeros(1, 1, 6))
    assert is_animation(Space.unit(4, 3, 8, 8, rate=8))
    assert not is_animation(Space.unit(4, 2, 8, 8, rate=8))


@pytest.mark.parametrize("rate", [8, 24, 30])
def test_frames_follow_each_other_at_the_rate(rate: int) -> None:
    space = Space.ordinal(2, 12, 1, 4, 5, rate=rate)
    x = torch.zeros(2, *space.shape, dtype=torch.int64)
    for step in range(12):
        x[1, step, 0, step % 4, step % 5] = 1
    file = to_animations(space, x)[1]
    durations = []
    with Image.open(io.BytesIO(file)) as gif:
        assert (gif.size, getattr(gif, "n_frames", 1), gif.info["loop"]) == ((5, 4), 12, 0)
        for step in range(12):
            gif.seek(step)
            durations.append(gif.info["duration"])
            shown = np.asarray(gif.convert("L")) > 127
            assert np.array_equal(shown, x[1, step, 0].numpy() == 1)
    assert sum(durations) == pytest.approx(12_000 / rate, abs=5)


def test_frames_too_fast_or_without_a_rate_are_refused() -> None:
    for space in (Space.unit(2, 3, 4, 5, rate=60), Space.unit(2, 3, 4, 5)):
        with pytest.raises(DataError, match="at most 50 a second"):
            to_animations(space, torch.zeros(1, *space.shape))
