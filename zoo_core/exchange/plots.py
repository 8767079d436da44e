"""Points in the plane as a picture, drawn with numpy and Pillow alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.exchange.pictures import INK, PAPER, font_of

_SIDE = 640
_LEFT, _BOTTOM, _RIGHT, _TOP = 72, 52, 20, 20
_FINE = 3
"""Dots are drawn this much larger, then averaged down."""
_DOT = (38, 84, 160)
_LINE = (222, 222, 218)
_STRETCH = 4.0
"""Beyond this ratio of ranges the axes have scales of their own."""


def scatter(
    points: Any, *, names: tuple[str, str] = ("x0", "x1"), frame: Any = None
) -> Image.Image:
    """Draw points `[n, 2]` as translucent dots, darker where they lie densely.

    The axes show the range of the points, or of those in `frame`, so that several plots may have
    the same axes; what lies outside is not drawn. Both axes share one scale unless one range is
    over four times the other. Raises DataError for another shape, or no finite point.
    """
    xy = _finite(points)
    axes = _axes(xy if frame is None else _finite(frame))
    size = (_LEFT + axes[0].length + _RIGHT, _TOP + axes[1].length + _BOTTOM)
    page = Image.new("RGB", size, PAPER)
    _draw_axes(page, axes, names)
    within = [(xy[:, i] >= axis.low) & (xy[:, i] <= axis.high) for i, axis in enumerate(axes)]
    ink = _coverage(xy[within[0] & within[1]], axes, _dot(len(xy)))
    page.paste(Image.new("RGB", ink.size, _DOT), (_LEFT, _TOP), ink)
    return page


def _finite(points: Any) -> np.ndarray:
    """Give the finite ones of points `[n, 2]` in float64."""
    xy = points.detach().cpu().numpy() if isinstance(points, Tensor) else np.asarray(points)
    if xy.ndim != 2 or xy.shape[1] != 2 or not np.isfinite(xy).all(axis=1).any():
        raise DataError(
            "A scatter plot shows finite points [n, 2]",
            received=f"shape {list(xy.shape)}",
            remedy="Write another format, such as .csv.",
        )
    return xy[np.isfinite(xy).all(axis=1)].astype(np.float64)


@final
@dataclass(frozen=True)
class _Axis:
    """One axis: the range that it shows, and how many pixels long it is."""

    low: float
    high: float
    length: int

    def place(self, value: np.ndarray | float) -> Any:
        """Give the place in pixels from the low end."""
        return (value - self.low) / (self.high - self.low) * self.length

    def ticks(self) -> list[tuple[float, str]]:
        """Give round numbers, four to nine of them, with their labels."""
        raw = (self.high - self.low) / 5
        power = 10.0 ** math.floor(math.log10(raw))
        step = power * min((1, 2, 5, 10), key=lambda m: abs(m * power - raw))
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [(i * step, f"{i * step:.6g}") for i in range(first, last + 1)]


def _axes(xy: np.ndarray) -> tuple[_Axis, _Axis]:
    low, high = xy.min(0), xy.max(0)
    # A single point, or points on a line, still span something.
    span = np.maximum(high - low, 1e-9 * np.maximum(np.abs(high), 1.0))
    if (high - low).max() == 0:
        span = np.full(2, 2.0 * max(1.0, float(np.abs(high).max())))
    middle, span = (low + high) / 2, span * 1.08
    lengths = np.full(2, _SIDE)
    if span.max() / span.min() <= _STRETCH:
        lengths = np.maximum(np.round(_SIDE * span / span.max()), 1).astype(int)
    return tuple(
        _Axis(float(m - s / 2), float(m + s / 2), int(n))
        for m, s, n in zip(middle, span, lengths, strict=True)
    )  # pyright: ignore[reportReturnType]


def _draw_axes(page: Image.Image, axes: tuple[_Axis, _Axis], names: tuple[str, str]) -> None:
    pen, small, large = ImageDraw.Draw(page), font_of(14), font_of(15)
    across, up = axes
    bottom = _TOP + up.length
    pen.rectangle((_LEFT, _TOP, _LEFT + across.length, bottom), fill=(255, 255, 255), outline=_LINE)
    for value, label in across.ticks():
        x = _LEFT + round(across.place(value))
        pen.line((x, _TOP, x, bottom), fill=_LINE)
        pen.text((x, bottom + 6), label, fill=INK, font=small, anchor="mt")
    for value, label in up.ticks():
        y = bottom - round(up.place(value))
        pen.line((_LEFT, y, _LEFT + across.length, y), fill=_LINE)
        pen.text((_LEFT - 8, y), label, fill=INK, font=small, anchor="rm")
    pen.text((_LEFT + across.length / 2, bottom + 42), names[0], INK, large, anchor="ms")
    box = pen.textbbox((0, 0), names[1], large)
    text = Image.new("L", (math.ceil(box[2]), math.ceil(box[3]) + 2))
    ImageDraw.Draw(text).text((0, 0), names[1], 255, large)
    text = text.rotate(90, expand=True)
    page.paste(INK, (2, max(0, _TOP + (up.length - text.height) // 2)), text)


def _coverage(xy: np.ndarray, axes: tuple[_Axis, _Axis], dot: tuple[float, float]) -> Image.Image:
    """Give the opacity of the dots: k of them over one pixel leave (1 − a)ᵏ of the paper."""
    radius, alpha = dot
    width, height = (axis.length * _FINE for axis in axes)
    column = np.clip((axes[0].place(xy[:, 0]) * _FINE).astype(int), 0, width - 1)
    row = np.clip(height - 1 - (axes[1].place(xy[:, 1]) * _FINE).astype(int), 0, height - 1)
    reach = math.ceil(radius * _FINE)
    # A dot is a stack of horizontal runs: mark where each begins and ends, then add up.
    marks = np.zeros((height + 2 * reach, width + 2 * reach + 2))
    for dy in range(-reach, reach + 1):
        half = int(math.sqrt(max((radius * _FINE) ** 2 - dy**2, 0.0)))
        np.add.at(marks, (row + dy + reach, column - half + reach), 1)
        np.add.at(marks, (row + dy + reach, column + half + 1 + reach), -1)
    counts = marks.cumsum(1)[reach : reach + height, reach : reach + width]
    opacity = 255 * (1 - (1 - alpha) ** counts)
    fine = Image.fromarray(opacity.round().astype(np.uint8))
    return fine.resize((width // _FINE, height // _FINE), Image.Resampling.BOX)


def _dot(n: int) -> tuple[float, float]:
    """Choose radius in pixels and opacity: smaller and fainter the more dots there are."""
    radius = float(np.clip(16 / n**0.25, 1.2, 5.0))
    return radius, float(np.clip(20 / n**0.5, 0.12, 0.75))
