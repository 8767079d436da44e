"""NumPy's .npy files, mapped and never unpickled."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from zoo_core.errors import DataError
from zoo_core.interfaces.batch import Batch
from zoo_core.interfaces.dataset import DataRequest
from zoo_plugin_data.arrays import array_space, check_array
from zoo_plugin_data.hashing import file_sha256
from zoo_plugin_data.matrix import MappedRows, as_samples
from zoo_plugin_data.opened import IN_MEMORY_BYTES, Opened


def open_npy(path: Path, request: DataRequest) -> Opened:
    """Open an array with a row a sample; a large one stays on disk, mapped.

    Raises DataError for the first problem, with its row.
    """
    if request.condition or request.columns or request.weight:
        raise DataError(
            f"{path.name} has no named columns",
            received="names of columns",
            remedy="Put x and labels into a .safetensors file, or columns into a .csv file.",
        )
    x = _mapped(path)
    space = array_space(x, request.space, path.name)
    check_array(lambda a, b: x[a:b], len(x), x[:1].nbytes, space, path.name)
    mapped = MappedRows(x, space)
    rows = Batch(as_samples(np.array(x), space)) if x.nbytes <= IN_MEMORY_BYTES else mapped
    return Opened(rows, space, file_sha256(path), f"{path.name}, shape {list(x.shape)}")


def _mapped(path: Path) -> np.ndarray:
    try:
        x = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        pickled = "pickle" in str(error) or "Python object" in str(error)
        raise DataError(
            f"{path.name} is a whole .npy file of numbers",
            received=str(error).splitlines()[0],
            remedy="Pickled objects are never loaded; save an array of numbers: np.save(file, x)."
            if pickled
            else "Write it again: np.save(file, x).",
        ) from None
    if not isinstance(x, np.ndarray) or x.dtype.kind not in "biuf":
        received = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
        raise DataError(f"{path.name} is one array of numbers", received=received)
    return x
