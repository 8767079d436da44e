"""What this plugin adds to the zoo: its data sets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from zoo_core import hookimpl

if TYPE_CHECKING:
    from zoo_core.interfaces.dataset import DataRequest, Dataset, Split


@hookimpl
def zoo_datasets() -> Mapping[str, Callable[[Split], Dataset]]:
    """Give the loaders of this plugin's data sets by name."""
    from zoo_plugin_data.catalogue import LOADERS

    return LOADERS


@hookimpl(trylast=True)
def zoo_open_data(reference: str, request: DataRequest) -> Dataset | None:
    """Open a data set of any plugin's by name, a file or folder by path, or one of the Hub."""
    from zoo_plugin_data.opening import open_data

    return open_data(reference, request)
