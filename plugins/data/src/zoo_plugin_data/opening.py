"""Opening data by reference: the name of a data set."""

from __future__ import annotations

from zoo_core.interfaces.dataset import DataRequest, Dataset
from zoo_core.plugins import facade
from zoo_plugin_data.fresh_draws import with_draws
from zoo_plugin_data.selection import selected


def open_data(reference: str, request: DataRequest) -> Dataset | None:
    """Open what a reference names, or give None where nothing of that kind is known."""
    loaders = facade.datasets()
    if reference in loaders:
        dataset = loaders[reference](request.split)
        if request.draws is not None:
            dataset = with_draws(dataset, request.draws)
        return selected(dataset, request)
    return None
