"""The topics of Python's own help as text."""

from __future__ import annotations

import hashlib
import platform

import numpy as np
import torch
from torch import Tensor

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.interfaces.space import Space
from zoo_plugin_data.text_file import LENGTH, text_codes

TENTHS = {Split.TRAIN: (0, 8), Split.VALID: (8, 9), Split.TEST: (9, 10), Split.ALL: (0, 10)}
"""The tenths of the text that a split's topics lie in."""


def load_pydoc_topics(split: Split) -> Dataset:
    """Load windows of 64 characters of `pydoc_data.topics`: x [n, 64], codes of the alphabet.

    The topics stand in the order of their names, a line between two. The last tenth of the
    windows is the test, the one before it the validation. The text is another in each
    release of Python: compare figures only where the sha256, that of the text in UTF-8, agrees.
    """
    text = "\n".join(topics())
    alphabet = "".join(sorted(set(text)))
    points = np.frombuffer(alphabet.encode("utf-32-le"), np.uint32)
    first, last = (len(text) // LENGTH * tenth // 10 * LENGTH for tenth in TENTHS[split])
    codes = torch.from_numpy(text_codes(text[first:last], points))
    return Dataset(
        name="pydoc-topics",
        split=split,
        data=Batch(windows(codes, LENGTH)),
        space=Space.categorical(len(alphabet), LENGTH),
        alphabet=tuple(alphabet),
        provenance=topics_provenance(),
        license="PSF-2.0",
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def windows(codes: Tensor, length: int) -> Tensor:
    """Cut codes into windows `[n, length]`; what is left at the end is dropped."""
    return codes[: len(codes) // length * length].reshape(-1, length)


def topics() -> list[str]:
    """Give the texts of the topics in the order of their names."""
    from pydoc_data.topics import topics as texts

    return [texts[name] for name in sorted(texts)]


def topics_provenance() -> str:
    """Say where the text is from, and of which release of Python it is."""
    return (
        f"pydoc_data.topics of Python {platform.python_version()}: the topics of help(), taken "
        "from Python's language reference; © Python Software Foundation."
    )
