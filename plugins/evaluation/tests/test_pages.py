"""Pages as HTML and Markdown; how samples are shown on them."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from zoo_core.errors import DataError
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space
from zoo_plugin_evaluation.features import default_features
from zoo_plugin_evaluation.page import Exhibit, Gallery, Heading, Page, Paragraph, Table
from zoo_plugin_evaluation.page_html import html
from zoo_plugin_evaluation.page_markdown import write_markdown
from zoo_plugin_evaluation.portraits import Portraits

RED = Image.new("RGB", (4, 3), (255, 0, 0))
PAGE = Page(
    "Models of <a&b>",
    [
        Heading("The data"),
        Paragraph("5 < 6 | and *more*"),
        Gallery([Exhibit("a/b", "said of it", RED), Exhibit("text", "lines", ("one <b>", "two"))]),
        Table(("model", "n"), [("x|y", "1"), ("z", "2")], frozenset({1}), frozenset({(0, 1)})),
    ],
)


def test_html_is_one_file_with_its_pictures_inside() -> None:
    text = html(PAGE)
    assert "<title>Models of &lt;a&amp;b&gt;</title>" in text
    assert "5 &lt; 6" in text
    assert "one &lt;b&gt;\ntwo" in text
    assert '<td class="number"><b>1</b></td>' in text
    assert not re.search(r'(src|href)="(?!data:)', text)
    (data,) = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    assert Image.open(io.BytesIO(base64.b64decode(data))).tobytes() == RED.tobytes()
    for tag in ("table", "tr", "td", "th", "figure", "div", "b", "p"):
        assert len(re.findall(rf"<{tag}[ >]", text)) == text.count(f"</{tag}>"), tag


def test_markdown_has_its_pictures_beside_it(tmp_path: Path) -> None:
    write_markdown(PAGE, tmp_path / "page.md")
    text = (tmp_path / "page.md").read_text("utf-8")
    assert text.startswith("# Models of \\<a&b\\>\n")
    assert "5 \\< 6 \\| and \\*more\\*" in text
    assert "| x\\|y | **1** |" in text
    assert "| --- | ---: |" in text
    assert "```text\none <b>\ntwo\n```" in text
    (file,) = re.findall(r"!\[.*?\]\((.*?)\)", text)
    assert Image.open(tmp_path / file).tobytes() == RED.tobytes()


def test_samples_are_shown_on_the_axes_of_the_data(draw: Callable[..., Tensor]) -> None:
    data = draw(500, 2)
    portraits = Portraits(Space.real(2), data)
    first, other = portraits.show(data), portraits.show(data * 20)
    assert isinstance(first, Image.Image)
    assert isinstance(other, Image.Image)
    assert first.size == other.size
    assert portraits.show(data).tobytes() == first.tobytes()  # type: ignore[union-attr]
    left = np.asarray(first.crop((0, 0, 70, first.height)))
    assert np.array_equal(left, np.asarray(other.crop((0, 0, 70, other.height)))), "the axis' ticks"


def test_tables_are_shown_by_their_principal_components(draw: Callable[..., Tensor]) -> None:
    data = draw(300, 5) @ torch.diag(torch.tensor([9.0, 1, 1, 1, 0.1], dtype=torch.float64))
    shown = Portraits(Space.real(5), data).show(data)
    assert isinstance(shown, Image.Image)
    # Whatever the units of the columns are.
    again = Portraits(Space.real(5), data * 100).show(data * 100)
    assert isinstance(again, Image.Image)
    assert np.abs(np.asarray(again, float) - np.asarray(shown, float)).mean() < 1


def test_text_is_shown_as_lines_and_what_can_not_be_shown_is_not() -> None:
    space = Space.categorical(3, ragged=True)
    rows = Ragged.of([torch.tensor([0, 1, 2]), torch.tensor([1, 1])])
    assert Portraits(space, rows, ("a", "b", "\n")).show(rows) == ("ab⏎", "bb")
    assert Portraits(space, rows).show(rows) == ("0 1 2", "1 1")
    counts = Ragged(torch.tensor([13, 0, 107]), torch.tensor([3]))
    assert Portraits(Space.count(ragged=True), counts).show(counts) == ("13 0 107",)
    steps = Ragged(torch.zeros(3, 2), torch.tensor([2, 1]))
    assert Portraits(Space.real(2, ragged=True), steps).show(steps) is None
    assert Portraits(Space.real(1), torch.zeros(3, 1)).show(torch.zeros(1, 1)) is None
    single = Portraits(Space.real(1), torch.zeros(3, 1)).show(torch.ones(3, 1))
    assert isinstance(single, Image.Image)


def test_a_mixed_table_is_shown_by_its_complete_rows() -> None:
    columns = {"size": Space.real(), "kind": Space.categorical(3)}
    space = Space.mixed(columns, missing=True)
    x = torch.tensor([[0.5, 0.0], [1.5, 2.0], [-1.0, 1.0], [float("nan"), 1.0]])
    more = torch.cat([x, torch.tensor([[2.0, float("nan")]])])
    whole, partly = (Portraits(space, rows).show(rows) for rows in (x[:3], more))
    assert isinstance(whole, Image.Image) and isinstance(partly, Image.Image)
    assert whole.tobytes() == partly.tobytes()
    assert Portraits(space, x[3:]).show(x[3:]) is None


def test_categories_of_a_mixed_table_are_as_far_apart_as_a_deviation() -> None:
    columns = {"size": Space.real(), "kind": Space.categorical(3)}
    x = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0], [2.0, 2.0]])
    found = default_features(Space.mixed(columns), x)(x)
    assert found.shape == (4, 4)
    distances = torch.cdist(found, found)
    assert float(distances[0, 1]) == pytest.approx(2.0)
    assert float(distances[0, 2]) == pytest.approx(1.0)
    missing = torch.tensor([[0.0, float("nan")]])
    with pytest.raises(DataError, match="finite"):
        default_features(Space.mixed(columns, missing=True), x)(missing)
