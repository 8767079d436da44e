"""Samples as animated .gif files."""

from __future__ import annotations

import io
import itertools
from typing import Any

from zoo_core.errors import DataError
from zoo_core.exchange.images import is_picture, to_images
from zoo_core.interfaces.space import Space

_FASTEST = 50
"""Viewers show anything faster at ten frames a second."""


def is_animation(space: Space) -> bool:
    """Say whether samples are frames `[time, c, h, w]` with a rate, each a picture."""
    return space.rate is not None and len(space.shape) == 4 and is_picture(_frame(space))


def to_animations(space: Space, x: Any) -> list[bytes]:
    """Turn samples `[n, time, c, h, w]` into n .gif files that repeat, of 256 colours a frame.

    Each frame ends at the hundredth of a second next to when it should, so that the whole keeps
    the rate. Raises DataError for samples that are no frames, or over 50 of them a second.
    """
    rate = space.rate or 0.0
    if not is_animation(space) or rate > _FASTEST:
        raise DataError(
            f"Frames of a .gif are pictures [time, c, h, w], at most {_FASTEST} a second",
            received=f"{space.kind} values of shape {list(space.shape)}, rate {space.rate}",
            remedy="Write .npy or .safetensors.",
        )
    time = space.shape[0]
    ends = [round(100 * i / rate) for i in range(time + 1)]
    durations = [10 * (end - start) for start, end in itertools.pairwise(ends)]
    frames = space.check(space.tensor(x).detach().cpu()).flatten(0, 1)
    images = to_images(_frame(space), frames)
    return [_file(images[i : i + time], durations) for i in range(0, len(images), time)]


def _file(images: list[Any], durations: list[int]) -> bytes:
    file = io.BytesIO()
    first, *others = images
    options = {"append_images": others, "duration": durations, "loop": 0}
    first.save(file, "GIF", save_all=True, **options)
    return file.getvalue()


def _frame(space: Space) -> Space:
    """Give the space of one frame."""
    return space.model_copy(update={"shape": space.shape[1:], "rate": None})
