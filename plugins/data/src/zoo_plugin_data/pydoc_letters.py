"""The letters of the topics of Python's own help: a sequence a topic."""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor

from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import Dataset, Split
from zoo_core.interfaces.ragged import Ragged
from zoo_core.interfaces.space import Space
from zoo_plugin_data.content import content_hash
from zoo_plugin_data.pydoc_topics import TENTHS, topics, topics_provenance
from zoo_plugin_data.text_file import text_codes

ALPHABET = " " + string.ascii_lowercase


def load_pydoc_letters(split: Split) -> Dataset:
    """Load the topics as sequences of 27 codes: a space, and a … z; `data.x` is Ragged.

    Letters are lower case, and whatever stands between them is one space. A topic belongs to the
    split in whose tenths of the text, in the order of names, it begins: the last one is the test,
    the one before it the validation. The text is another in each release of Python.
    """
    sequences = _sequences()
    return Dataset(
        name="pydoc-letters",
        split=split,
        data=Batch(Ragged.of(_within(sequences, *TENTHS[split]))),
        space=Space.categorical(len(ALPHABET), ragged=True, names=tuple(ALPHABET)),
        alphabet=tuple(ALPHABET),
        provenance=f"The letters of {topics_provenance()}",
        license="PSF-2.0",
        sha256=content_hash(*sequences),
    )


def _sequences() -> list[Tensor]:
    """Give each topic as codes of the alphabet, in the order of names."""
    points = np.frombuffer(ALPHABET.encode("utf-32-le"), np.uint32)
    texts = (re.sub("[^a-z]+", " ", text.lower()).strip() for text in topics())
    return [torch.from_numpy(text_codes(text, points)) for text in texts if text]


def _within(sequences: Sequence[Tensor], first: int, last: int) -> list[Tensor]:
    """Give the sequences that begin between two tenths of them all."""
    starts = [0, *accumulate(map(len, sequences))]
    return [
        sequence
        for start, sequence in zip(starts, sequences, strict=False)
        if first <= start * 10 / starts[-1] < last
    ]
