"""Tensors become what people hold, and back."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from zoo_core.errors import DataError
from zoo_core.exchange import (
    columns,
    from_images,
    from_rows,
    grid,
    panels,
    scatter,
    to_images,
    to_rows,
)
from zoo_core.interfaces.space import Space


@pytest.mark.parametrize(
    "space",
    [
        Space.ordinal(17, 8, 8),
        Space.ordinal(256, 1, 3, 5),
        Space.ordinal(256, 3, 4, 5),
        Space.binary(6, 4),
    ],
    ids=str,
)
def test_images_of_codes_come_back_exactly(space: Space) -> None:
    x = torch.randint(space.n_levels, (7, *space.shape), generator=torch.Generator())
    images = to_images(space, x)
    assert images[0].size == (space.shape[-1], space.shape[-2])
    assert torch.equal(from_images(space, images), x)


def test_images_of_unit_values_come_back_to_half_a_level() -> None:
    space = Space.unit(3, 4, 5)
    x = torch.rand(2, 3, 4, 5, generator=torch.Generator())
    assert (from_images(space, to_images(space, x)) - x).abs().max() <= 0.5 / 255 + 1e-6


def test_brightness_follows_the_levels() -> None:
    space = Space.ordinal(17, 1, 3, missing=True)
    (image,) = to_images(space, torch.tensor([[[0, 16, -1]]]))
    assert np.asarray(image).tolist() == [[0, 255, 128]]


def test_colours_stay_in_their_channels() -> None:
    x = torch.zeros(1, 3, 2, 2)
    x[0, 0] = 1.0
    (image,) = to_images(Space.unit(3, 2, 2), x)
    assert image.getpixel((0, 0)) == (255, 0, 0)


def test_a_colour_image_is_made_grey_where_the_space_is() -> None:
    space = Space.unit(2, 2)
    assert from_images(space, [Image.new("RGB", (2, 2), (255, 255, 255))]).eq(1).all()


@pytest.mark.parametrize("space", [Space.real(8, 8), Space.unit(2, 8, 8), Space.unit(8)])
def test_what_is_no_picture_is_refused(space: Space) -> None:
    with pytest.raises(DataError, match="Pictures"):
        to_images(space, torch.zeros(1, *space.shape))


def test_wrong_images_are_refused() -> None:
    space = Space.unit(8, 8)
    with pytest.raises(DataError, match="Resize"):
        from_images(space, [Image.new("L", (9, 8))])
    with pytest.raises(DataError, match="Convert"):
        from_images(space, [Image.new("RGBA", (8, 8))])
    with pytest.raises(DataError, match="lie between"):
        to_images(space, torch.full((1, 8, 8), 2.0))


def test_rows_name_their_columns_and_come_back() -> None:
    space = Space.real(2, columns=("age", "weight"), missing=True)
    x = torch.tensor([[1.5, float("nan")], [2.0, 3.0]])
    rows = to_rows(space, x)
    assert rows == [{"age": 1.5, "weight": None}, {"age": 2.0, "weight": 3.0}]
    assert torch.equal(from_rows(space, rows).nan_to_num(-9), x.nan_to_num(-9))
    assert columns(Space.real(2, 2)) == ("x0", "x1", "x2", "x3")


def test_rows_of_codes_are_whole_numbers() -> None:
    space = Space.ordinal(4, 3, missing=True)
    x = torch.tensor([[0, 3, -1]])
    assert to_rows(space, x) == [{"x0": 0, "x1": 3, "x2": None}]
    assert torch.equal(from_rows(space, [["0", "3", ""]]), x)
    assert torch.equal(from_rows(space, [{"x2": None, "x1": 3.0, "x0": 0}]), x)


def test_wrong_rows_are_refused() -> None:
    space = Space.real(2, columns=("age", "weight"))
    with pytest.raises(DataError, match=r"missing: weight; not known: height"):
        from_rows(space, [{"age": 1, "height": 2}])
    with pytest.raises(DataError, match="'heavy' in row 2, column weight"):
        from_rows(space, [[1, 2], [3, "heavy"]])
    with pytest.raises(DataError, match="Row 1 has 2 numbers"):
        from_rows(space, [[1]])
    with pytest.raises(DataError, match="finite"):
        from_rows(space, [[1, ""]])
    with pytest.raises(DataError, match="At least one"):
        from_rows(space, [])


def _people() -> Space:
    columns = {
        "age": Space.real(),
        "colour": Space.categorical(2, names=("red, or so", "green")),
        "visits": Space.count(),
    }
    return Space.mixed(columns, missing=True)


def test_rows_of_a_mixed_table_name_levels_and_count_whole_numbers() -> None:
    space, nan = _people(), float("nan")
    x = torch.tensor([[1.5, 1.0, 3.0], [nan, 0.0, nan], [2.0, nan, 0.0]])
    rows = to_rows(space, x)
    assert rows[0] == {"age": 1.5, "colour": "green", "visits": 3}
    assert isinstance(rows[0]["visits"], int)
    assert rows[1:] == [
        {"age": None, "colour": "red, or so", "visits": None},
        {"age": 2.0, "colour": None, "visits": 0},
    ]
    back = from_rows(space, rows)
    assert back.dtype is x.dtype and torch.equal(back.nan_to_num(-9), x.nan_to_num(-9))
    text = [["1.5", " green", "3"], ["", "red, or so", ""], ["2", "", "0"]]
    assert torch.equal(from_rows(space, text).nan_to_num(-9), x.nan_to_num(-9))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([1, "blue", 2], "levels of column 'colour' are red, or so, green.*'blue' in row 2"),
        ([1, "green", -2], r"whole numbers 0, 1, 2.*-2.0 at row 1, column 'visits'"),
        ([1, "green", 0.5], r"whole numbers 0, 1, 2.*0.5 at row 1, column 'visits'"),
    ],
)
def test_wrong_cells_of_a_mixed_table_are_refused(row: list[object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_rows(_people(), [[0, "green", 1], row])


def test_a_grid_enlarges_small_pictures_and_keeps_their_order() -> None:
    tiles = [Image.new("L", (8, 8), level) for level in (0, 100, 200)]
    page = grid(tiles, columns=2)
    assert page.size == (2 * 52 + 4, 2 * 52 + 4)
    centres = [page.getpixel((28 + 52 * (i % 2), 28 + 52 * (i // 2))) for i in range(3)]
    assert centres == [(0, 0, 0), (100, 100, 100), (200, 200, 200)]
    assert min(page.getpixel((80, 80))) > 240


def test_a_grid_of_large_pictures_is_not_enlarged() -> None:
    assert grid([Image.new("RGB", (256, 200))] * 4).size == (2 * 260 + 4, 2 * 204 + 4)


def test_grids_of_several_sizes_are_refused() -> None:
    with pytest.raises(DataError, match="one size"):
        grid([Image.new("L", (8, 8)), Image.new("L", (9, 8))])
    with pytest.raises(DataError, match="one size"):
        grid([])


def test_panels_stand_side_by_side() -> None:
    page = panels({"a": Image.new("L", (50, 40)), "b": Image.new("L", (60, 20))})
    assert page.size == (50 + 60 + 3 * 24, 40 + 44 + 24)


def test_a_scatter_is_dark_where_points_are() -> None:
    points = np.array([[0.0, 0.0], [1.0, 1.0]] * 50)
    pixels = np.asarray(scatter(points), float).mean(-1)
    height, width = pixels.shape
    dark = np.argwhere(pixels < 150)
    in_plot = dark[(dark[:, 1] > 80) & (dark[:, 0] < height - 60)]
    low, high = in_plot[in_plot[:, 1] < width / 2], in_plot[in_plot[:, 1] >= width / 2]
    assert low[:, 0].mean() > high[:, 0].mean()


def test_a_frame_gives_several_plots_the_same_axes() -> None:
    frame = np.random.default_rng(0).normal(size=(200, 2))
    alone = scatter(frame)
    assert scatter(frame, frame=frame).tobytes() == alone.tobytes()
    assert scatter(frame * 9).tobytes() != alone.tobytes()
    elsewhere = np.asarray(scatter(frame + 99, frame=frame), float)
    assert elsewhere.shape == np.asarray(alone).shape
    assert elsewhere[30:-60, 90:-30].min() > 200, "only the grid is drawn"


@pytest.mark.parametrize(
    "points",
    [[[3.0, 3.0]], [[0.0, 0.0]], [[1.0, 5.0], [2.0, 5.0]], [[1e9, 1.0], [1e9 + 1, 2.0]]],
)
def test_degenerate_points_are_drawn(points: list[list[float]]) -> None:
    assert scatter(torch.tensor(points, dtype=torch.float64)).width > 100


def test_what_is_not_in_the_plane_is_refused() -> None:
    with pytest.raises(DataError, match="scatter"):
        scatter(torch.zeros(3, 3))
    with pytest.raises(DataError, match="finite"):
        scatter(torch.full((3, 2), float("nan")))
