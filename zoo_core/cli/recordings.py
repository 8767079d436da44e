"""Samples that take time, sound and moving pictures, on their way into files of their own."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from zoo_core.cli.outputs import writer_of, writing

if TYPE_CHECKING:
    from torch import Tensor

    from zoo_core.interfaces.space import Space

SUFFIXES = (".wav", ".gif")


def is_recording(space: Space, suffix: str) -> bool:
    """Whether samples can be such files."""
    from zoo_core.exchange import is_animation, is_waveform

    return is_waveform(space) if suffix == ".wav" else is_animation(space)


def usual_suffix(space: Space) -> str | None:
    """Give the suffix of the files that samples are; None where they are no recordings."""
    return next((suffix for suffix in SUFFIXES if is_recording(space, suffix)), None)


def new_recordings(suffix: str, n: int) -> Path:
    """Give a file name in this folder such that none of n recordings overwrites a file."""
    names = (Path(f"samples{'' if i == 0 else f'-{i}'}{suffix}") for i in itertools.count())
    return next(p for p in names if not any(each.exists() for each in numbered(p, n)))


def numbered(path: Path, n: int) -> list[Path]:
    """Name the files of n samples: x.wav of one; of several x-1.wav, x-2.wav, …"""
    if n == 1:
        return [path]
    return [path.with_name(f"{path.stem}-{i}{path.suffix}") for i in range(1, n + 1)]


def write_recordings(path: Path, space: Space, x: Tensor) -> Sequence[Path]:
    """Write a file a sample; too loud values are cut off, and it is said how many."""
    from zoo_core.cli.endings import note
    from zoo_core.exchange import clipped_share, to_animations, to_waveforms

    if writer_of(path) == ".wav":
        if (share := clipped_share(x)) > 0:
            note(f"warning: {share:.2%} of the values are beyond ±1, and were cut off.")
        files = to_waveforms(space, x, clip=True)
    else:
        files = to_animations(space, x)
    places = numbered(path, len(files))
    for place, content in zip(places, files, strict=True):
        with writing(place):
            place.write_bytes(content)
    return places
