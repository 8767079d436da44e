"""Opening data by reference: the name of a data set."""

from __future__ import annotations

from zoo_core.interfaces.dataset import DataRequest, Dataset
from zoo_core.plugins import facade


def open_data(reference: str, request: DataRequest) -> Dataset | None:
    """Open what a reference names, or give None where nothing of that kind is known."""
    loaders = facade.datasets()
    if reference not in loaders:
        return None
    return loaders[reference](request.split)
