"""The tables of the compiled index.

The first two hold the fields of records, so a change of either changes the text of the tables,
and with it the key of the index: one that another version of the code has written is not read.
"""

from __future__ import annotations

from zoo_core.plugins.columns import Columns
from zoo_core.plugins.states import Header


def _quoted(fields: tuple[str, ...]) -> str:
    return ", ".join(f'"{field}"' for field in fields)


TABLES = f"""
CREATE TABLE sections ({_quoted(Header._fields)});
CREATE TABLE columns (section, {_quoted(Columns._fields)});
CREATE TABLE key (key);
CREATE TABLE texts (id, text);
CREATE TABLE models (name, architecture, section);
CREATE TABLE architectures (name, section);
CREATE TABLE formats (name, namespace, summary, provides, marks, section);
CREATE TABLE names (name, stands_for, section);
CREATE TABLE bodies (section, kind, name, line, body, PRIMARY KEY (section, kind, name))
    WITHOUT ROWID;
"""
INDICES = """
CREATE INDEX models_by_architecture ON models (architecture);
CREATE INDEX architectures_by_name ON architectures (name);
CREATE INDEX names_by_name ON names (name);
"""
