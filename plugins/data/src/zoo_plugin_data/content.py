"""The hash of a data set's content."""

from __future__ import annotations

import hashlib

from torch import Tensor


def content_hash(*tensors: Tensor) -> str:
    """Give the sha256 over dtype, shape and little-endian bytes of each tensor."""
    digest = hashlib.sha256()
    for tensor in tensors:
        array = tensor.detach().cpu().contiguous().numpy()
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
