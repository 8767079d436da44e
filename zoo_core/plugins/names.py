"""Names: `namespace/name`, lower case, digits and single dashes."""

from __future__ import annotations

import re

_WORD = r"[a-z0-9]+(?:-[a-z0-9]+)*"
NAMESPACE = re.compile(_WORD)
NAME = re.compile(rf"{_WORD}/{_WORD}")
_PAGE = r"(?:https?://(?:www\.)?(?:huggingface\.co|hf\.co)/)?"
_REPOSITORY = re.compile(
    rf"{_PAGE}(\w[\w.-]*/\w[\w.-]*)(?:/(?:tree|blob|commit)/([\w.-]+).*)?/?", re.A
)


def namespace_of(name: str) -> str:
    """Give what stands before the slash."""
    return name.partition("/")[0]


def hub_reference(text: str) -> str | None:
    """Write as a reference what people copy from the Hub: owner/repo, or its page's address.

    None for what can be neither.
    """
    found = _REPOSITORY.fullmatch(text)
    if found is None:
        return None
    revision = f"@{found[2]}" if found[2] else ""
    return f"hf://{found[1]}{revision}"
