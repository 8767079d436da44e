"""SPDX license expressions, as far as they can be told without the list of all licenses."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"\s*(\(|\)|[A-Za-z0-9.+:-]+)")
_LICENSE = re.compile(
    r"(?:LicenseRef-[A-Za-z0-9.-]+|DocumentRef-[A-Za-z0-9.-]+:LicenseRef-[A-Za-z0-9.-]+"
    r"|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?\+?)"
)
_OPERATORS = {"AND", "OR", "WITH"}
# What people write in place of an identifier.
_NOT_SPDX = {"apache", "bsd", "gpl", "lgpl", "cc", "cc-by", "creative", "proprietary", "other"}
_NOT_SPDX |= {"unknown", "none", "public-domain", "free", "license", "gplv3", "gplv2", "bsd3"}


def is_license(text: str) -> bool:
    """Say whether a text has the form of an SPDX expression and plausible identifiers."""
    tokens = _tokens(text)
    if not tokens:
        return False
    depth, wants_license = 0, True
    for token in tokens:
        if token == "(":
            if not wants_license:
                return False
            depth += 1
        elif token == ")":
            depth -= 1
            if wants_license or depth < 0:
                return False
        elif token in _OPERATORS:
            if wants_license:
                return False
            wants_license = True
        elif wants_license and _is_identifier(token):
            wants_license = False
        else:
            return False
    return depth == 0 and not wants_license


def _tokens(text: str) -> list[str]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            return []
        found.append(match[1])
        at = match.end()
    return found


def _is_identifier(token: str) -> bool:
    return bool(_LICENSE.fullmatch(token)) and token.lower() not in _NOT_SPDX
