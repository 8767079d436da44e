"""A page as one HTML file that needs no other: pictures are inside it."""

from __future__ import annotations

import base64
import io
from html import escape
from pathlib import Path

from PIL import Image

from zoo_plugin_evaluation.page import Block, Exhibit, Gallery, Heading, Page, Paragraph, Table

_STYLE = """
:root { --ink: #26262a; --soft: #6b6b72; --paper: #fafaf8; --line: #dcdcd6; --row: #f0f0ec; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e3; --soft: #a0a0a6; --paper: #1d1e20; --line: #3a3b3e; --row: #26272a; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.5rem 4rem; max-width: 72rem; background: var(--paper);
  color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.9rem; margin: 0 0 .5rem; }
h2 { font-size: 1.35rem; margin: 2.5rem 0 .5rem; padding-bottom: .3rem;
  border-bottom: 1px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.6rem 0 .2rem; }
p { margin: .3rem 0 .8rem; max-width: 48rem; }
h3 + p, figcaption span { color: var(--soft); font-size: .9rem; }
.table { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line);
  white-space: nowrap; }
th { font-weight: 600; font-size: .9rem; }
.number { text-align: right; }
.gallery { display: grid; gap: 1.5rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); }
figure { margin: 0; }
figure img { width: 100%; height: auto; display: block; border: 1px solid var(--line); }
figure pre { margin: 0; padding: .8rem; background: var(--row); overflow-x: auto;
  white-space: pre-wrap; font-size: .85rem; }
figcaption { padding-top: .4rem; }
figcaption b { display: block; }
"""


def write_html(page: Page, path: Path) -> None:
    """Write a page into one file."""
    path.write_text(html(page), "utf-8")


def html(page: Page) -> str:
    """Give a page as HTML."""
    title = escape(page.title)
    body = "\n".join(_block(block) for block in page.blocks)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n{body}\n</body>\n</html>\n"
    )


def _block(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
        case Paragraph():
            return f"<p>{escape(block.text)}</p>"
        case Table():
            return _table(block)
        case Gallery():
            return f'<div class="gallery">{"".join(map(_figure, block.exhibits))}</div>'


def _table(table: Table) -> str:
    head = "".join(_cell(table, "th", i, escape(text)) for i, text in enumerate(table.headings))
    rows = [
        "".join(_cell(table, "td", i, _strong(table, (n, i), text)) for i, text in enumerate(row))
        for n, row in enumerate(table.rows)
    ]
    body = "\n".join(f"<tr>{row}</tr>" for row in rows)
    inner = f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody>"
    return f'<div class="table"><table>\n{inner}\n</table></div>'


def _cell(table: Table, tag: str, column: int, inner: str) -> str:
    mark = ' class="number"' if column in table.numbers else ""
    return f"<{tag}{mark}>{inner}</{tag}>"


def _strong(table: Table, place: tuple[int, int], text: str) -> str:
    return f"<b>{escape(text)}</b>" if place in table.strong else escape(text)


def _figure(exhibit: Exhibit) -> str:
    name, caption = escape(exhibit.name), escape(exhibit.caption)
    if isinstance(exhibit.content, Image.Image):
        data = base64.b64encode(_png(exhibit.content)).decode()
        inner = f'<img alt="{name}" src="data:image/png;base64,{data}">'
    else:
        inner = f"<pre>{escape(chr(10).join(exhibit.content))}</pre>"
    return f"<figure>{inner}<figcaption><b>{name}</b><span>{caption}</span></figcaption></figure>"


def _png(picture: Image.Image) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()
